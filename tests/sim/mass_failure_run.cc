#include "sim/mass_failure_run.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <variant>

#include "absl/strings/str_cat.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/cluster.h"

namespace clusterkit::sim {
namespace {

class Stopwatch {
 public:
  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Names of the shards' first primaries, drawn without repetition.
std::set<Name> DrawVictims(const MassFailure& setup) {
  std::vector<int> shards(static_cast<size_t>(setup.shards));
  for (size_t i = 0; i < shards.size(); ++i) shards[i] = static_cast<int>(i) + 1;
  Rng rng(setup.seed);
  std::set<Name> victims;
  for (int i = 0; i < setup.kill && !shards.empty(); ++i) {
    const size_t at = rng.Below(shards.size());
    victims.insert(absl::StrCat("p", shards[at]));
    shards.erase(shards.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return victims;
}

// Notes when each victim was declared FAIL and when its shard had a winner.
class Progress {
 public:
  Progress(Cluster& cluster, const std::set<Name>& victims, MassFailureResult& result)
      : cluster_(cluster), start_(cluster.now()), result_(result) {
    for (const Name& victim : victims) {
      failing_.insert(cluster.IdOf(victim));
      headless_.insert(cluster.node(victim).view()->self().shard);
    }
    cluster.AddEventSink([this](const Cluster::TracedEvent& traced) { OnEvent(traced); });
  }

 private:
  void OnEvent(const Cluster::TracedEvent& traced) {
    if (const auto* health = std::get_if<HealthChanged>(&traced.event)) {
      if (health->to == Health::kFail && failing_.erase(health->id) > 0) {
        result_.all_failed = traced.at - start_;
      }
    } else if (std::holds_alternative<ElectionStarted>(traced.event)) {
      ++result_.elections_started;
    } else if (const auto* ended = std::get_if<ElectionEnded>(&traced.event)) {
      if (ended->how != ElectionEnded::How::kWon) {
        ++result_.elections_lost;
      } else if (headless_.erase(cluster_.node(traced.node).view()->self().shard) > 0) {
        result_.all_promoted = traced.at - start_;
      }
    }
  }

  Cluster& cluster_;
  const Instant start_;
  MassFailureResult& result_;
  std::set<NodeId> failing_;
  std::set<ShardId> headless_;
};

}  // namespace

MassFailureResult RunMassFailure(const MassFailure& setup) {
  MassFailureResult result;
  Options options;
  options.node_timeout = setup.node_timeout;
  options.crash_evidence = setup.crash_evidence;
  Cluster cluster(setup.seed, options);
  const Stopwatch forming;
  result.healed = Form(cluster, {setup.shards, setup.replicas_per_shard, /*preloaded=*/true});
  result.form_wall = forming.Elapsed();
  if (!result.healed.ok()) return result;

  const std::set<Name> victims = DrawVictims(setup);
  Progress progress(cluster, victims, result);
  const Instant start = cluster.now();
  const uint64_t frames = cluster.frames_sent(), bytes = cluster.bytes_sent();
  const Stopwatch healing;
  for (const Name& victim : victims) cluster.Crash(victim, true, setup.host_gone);
  cluster.AdvanceUntil([&] { return CheckAgreement(cluster).ok(); }, setup.limit);
  result.healed = CheckAgreement(cluster);
  result.full_coverage = cluster.now() - start;
  result.heal_wall = healing.Elapsed();
  result.frames = cluster.frames_sent() - frames;
  result.bytes = cluster.bytes_sent() - bytes;
  return result;
}

}  // namespace clusterkit::sim
