#include "sim/chaos.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clusterkit/describe.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/cluster.h"

namespace clusterkit::sim {
namespace {

Options DrawOptions(Rng& rng) {
  Options options;
  options.node_timeout = rng.Between(absl::Milliseconds(500), absl::Seconds(2));
  options.crash_evidence = rng.Chance(700);
  options.require_full_coverage = rng.Chance(500);
  return options;
}

class Chaos {
 public:
  explicit Chaos(const ChaosOptions& options)
      : options_(options),
        rng_(options.seed),
        node_options_(DrawOptions(rng_)),
        cluster_(options.seed, node_options_) {}

  ChaosResult Run() {
    checkers_.Attach(cluster_);
    cluster_.AddEventSink([this](const Cluster::TracedEvent& traced) { OnEvent(traced); });
    DrawNetwork();
    const Topology topology{static_cast<int>(3 + rng_.Below(3)),
                            static_cast<int>(1 + rng_.Below(2))};
    const absl::Status formed = Form(cluster_, topology);
    if (!formed.ok()) {
      result_.unhealed = std::string(formed.message());
      return Finish();
    }
    DrawClocks();
    const Instant end = cluster_.now() + options_.chaos;
    while (cluster_.now() < end) {
      Strike();
      cluster_.Advance(rng_.Between(absl::Milliseconds(1), absl::Milliseconds(800)));
    }
    Calm();
    return Finish();
  }

 private:
  absl::Duration NodeTimeout() const { return node_options_.node_timeout; }
  const Name& Any() { return names_[rng_.Below(names_.size())]; }

  void DrawNetwork() {
    LinkFaults usual;
    usual.latency = rng_.Between(absl::Milliseconds(1), absl::Milliseconds(5));
    usual.jitter = rng_.Between(absl::ZeroDuration(), absl::Milliseconds(20));
    cluster_.SetDefaultFaults(usual);
    usual_ = usual;
  }

  void DrawClocks() {
    names_ = cluster_.names();
    for (const Name& name : names_) {
      cluster_.SetClock(name, rng_.Between(absl::ZeroDuration(), absl::Hours(1)),
                        static_cast<int64_t>(rng_.Below(2000)) - 1000);
    }
  }

  // One fault begins, or one ends.
  void Strike() {
    switch (rng_.Below(10)) {
      case 0: return Partition();
      case 1: return cluster_.Heal();
      case 2: return Crash();
      case 3: case 4: return RestartOne();
      case 5: return PauseOrResume();
      case 6: return ResumeAll();
      case 7: return FaultOneDirection();
      case 8: return ResetLinks();
      default: return DrawDisk();
    }
  }

  void Partition() {
    ++result_.counts.partitions;
    std::vector<std::vector<Name>> groups(2);
    for (const Name& name : names_) groups[rng_.Below(2)].push_back(name);
    cluster_.Partition(groups);
  }

  void Crash() {
    const Name& name = Any();
    if (!cluster_.Running(name)) return;
    ++result_.counts.crashes;
    cluster_.Crash(name, rng_.Chance(500), rng_.Chance(300));
  }

  void RestartOne() {
    const Name& name = Any();
    if (cluster_.Running(name)) return;
    ++result_.counts.restarts;
    const absl::Status status = cluster_.Restart(name);
    if (!status.ok()) {
      result_.violations.push_back(absl::StrCat(name, " does not start: ", status.ToString()));
    }
  }

  void PauseOrResume() {
    const Name& name = Any();
    if (!cluster_.Running(name)) return;
    if (cluster_.Paused(name)) {
      cluster_.Resume(name);
    } else {
      ++result_.counts.pauses;
      cluster_.Pause(name);
    }
  }

  void ResumeAll() {
    for (const Name& name : names_) cluster_.Resume(name);
  }

  void FaultOneDirection() {
    LinkFaults faults = usual_;
    switch (rng_.Below(4)) {
      case 0: faults.cut = true; break;
      case 1: faults.stalled = true; break;
      case 2: faults.latency = NodeTimeout() / 3; break;
      default: faults.reset_per_mille = 100; break;
    }
    cluster_.SetFaults(Any(), Any(), faults);
  }

  void ResetLinks() {
    ++result_.counts.resets;
    cluster_.ResetLinks(Any(), Any());
  }

  void DrawDisk() {
    ++result_.counts.slow_disks;
    DiskFaults faults;
    faults.sync_latency = rng_.Between(absl::ZeroDuration(), NodeTimeout() / 2);
    cluster_.SetDiskFaults(Any(), faults);
  }

  void Calm() {
    cluster_.Heal();
    for (const Name& name : names_) {
      cluster_.Resume(name);
      cluster_.SetDiskFaults(name, DiskFaults());
      if (!cluster_.Running(name)) {
        ++result_.counts.restarts;
        (void)cluster_.Restart(name);
      }
    }
    const Instant calm = cluster_.now();
    const bool healed = cluster_.AdvanceUntil([&] { return CheckAgreement(cluster_).ok(); },
                                              options_.calm_node_timeouts * NodeTimeout());
    result_.healed_after = cluster_.now() - calm;
    if (!healed) result_.unhealed = std::string(CheckAgreement(cluster_).message());
  }

  ChaosResult Finish() {
    const Violations found = checkers_.violations();
    result_.violations.insert(result_.violations.end(), found.begin(), found.end());
    return std::move(result_);
  }

  void OnEvent(const Cluster::TracedEvent& traced) {
    Count(traced);
    if (!options_.trace) return;
    const auto name = [this](const NodeId& id) { return cluster_.NameOf(id); };
    absl::StrAppend(&result_.trace,
                    absl::StrFormat("%.6f ", absl::ToDoubleSeconds(traced.at.since_origin)),
                    traced.node, ": ", Describe(traced.event, name), "\n");
  }

  void Count(const Cluster::TracedEvent& traced) {
    ChaosCounts& counts = result_.counts;
    if (std::holds_alternative<ElectionStarted>(traced.event)) ++counts.elections_started;
    if (const auto* ended = std::get_if<ElectionEnded>(&traced.event)) {
      ++(ended->how == ElectionEnded::How::kWon ? counts.elections_won : counts.elections_lost);
    }
    if (const auto* health = std::get_if<HealthChanged>(&traced.event)) {
      if (health->to == Health::kFail) ++counts.fails;
      if (health->from == Health::kFail) ++counts.fails_cleared;
    }
    if (const auto* epoch = std::get_if<ConfigEpochChanged>(&traced.event)) {
      if (epoch->cause == ConfigEpochChanged::Cause::kCollision) ++counts.collisions;
    }
    if (const auto* vote = std::get_if<VoteCast>(&traced.event)) {
      ++(vote->reason == VoteRefusal::kNone ? counts.votes : counts.refusals);
    }
  }

  const ChaosOptions options_;
  Rng rng_;
  const Options node_options_;
  ChaosResult result_;
  Checkers checkers_;
  Cluster cluster_;
  LinkFaults usual_;
  std::vector<Name> names_;
};

}  // namespace

void ChaosCounts::Add(const ChaosCounts& other) {
  for (int ChaosCounts::*count :
       {&ChaosCounts::crashes, &ChaosCounts::restarts, &ChaosCounts::pauses,
        &ChaosCounts::partitions, &ChaosCounts::resets, &ChaosCounts::slow_disks,
        &ChaosCounts::elections_started, &ChaosCounts::elections_won,
        &ChaosCounts::elections_lost, &ChaosCounts::fails, &ChaosCounts::fails_cleared,
        &ChaosCounts::collisions, &ChaosCounts::votes, &ChaosCounts::refusals}) {
    this->*count += other.*count;
  }
}

std::string Describe(const ChaosCounts& c) {
  return absl::StrCat("elections started ", c.elections_started, ", won ", c.elections_won,
                      ", lost ", c.elections_lost, "; votes ", c.votes, ", refused ", c.refusals,
                      "; FAIL ", c.fails, ", cleared ", c.fails_cleared, "; epoch collisions ",
                      c.collisions, "; crashes ", c.crashes, ", restarts ", c.restarts,
                      ", pauses ", c.pauses, ", partitions ", c.partitions, ", link resets ",
                      c.resets, ", slow disks ", c.slow_disks);
}

ChaosResult RunChaos(const ChaosOptions& options) { return Chaos(options).Run(); }

}  // namespace clusterkit::sim
