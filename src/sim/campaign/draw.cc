// What goes wrong, and when: a script from a seed.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clusterkit/sim/fault_script.h"
#include "sim/campaign/draft.h"

namespace clusterkit::sim {
namespace {

constexpr int kMostShards = 8, kMostShardsOfLarge = 50;
constexpr int kMostReplicas = 3;

const std::vector<DrawnFault>& AllFaults() {
  static const auto* all = [] {
    auto* faults = new std::vector<DrawnFault>();
    for (const auto& some :
         {FaultsOfLinks(), FaultsOfMachines(), FaultsOfElections(), ActionsOfOperators()}) {
      faults->insert(faults->end(), some.begin(), some.end());
    }
    return faults;
  }();
  return *all;
}

void DrawShape(Draft& d, const DrawOptions& options) {
  Rng& rng = d.rng;
  d.large = options.large && rng.Chance(50);
  const int most = d.large ? kMostShardsOfLarge : std::min(kMostShards, options.most_nodes);
  d.primaries = rng.Chance(600) && !d.large ? 3 + static_cast<int>(rng.Below(3))
                                            : 1 + static_cast<int>(rng.Below(Draft::Size(most)));
  // Really large ones cost as much as hundreds of others.
  if (d.large && rng.Chance(700)) d.primaries = std::min(d.primaries, 9 + d.primaries % 8);
  d.primaries = std::min(d.primaries, most);
  d.replicas = static_cast<int>(rng.Below(Draft::Size(d.primaries * kMostReplicas + 1)));
  const int room = std::max(0, options.most_nodes - d.primaries);
  d.replicas = std::min(d.replicas, d.large ? d.primaries : room);
  if (d.large || !rng.Chance(250)) return;
  d.vote_always = rng.Chance(700);
  d.witnesses = static_cast<int>(rng.Below(3));
  // The smallest cluster that survives the loss of any node.
  if (!rng.Chance(300)) return;
  d.primaries = d.replicas = d.witnesses = 1;
  d.vote_always = true;
}

// All kinds that are wanted, a few of them, or a single one.
std::vector<const DrawnFault*> DrawKinds(Draft& d, const DrawOptions& options) {
  std::vector<const DrawnFault*> kinds;
  const auto& wanted = options.kinds;
  for (const DrawnFault& fault : AllFaults()) {
    if (wanted.empty() ||
        std::find(wanted.begin(), wanted.end(), fault.kind.name) != wanted.end()) {
      kinds.push_back(&fault);
    }
  }
  if (!wanted.empty() || d.rng.Chance(300)) return kinds;
  const size_t few = d.rng.Chance(500) ? 1 : 2 + d.rng.Below(5);
  while (kinds.size() > few) {
    kinds.erase(kinds.begin() + static_cast<std::ptrdiff_t>(d.rng.Below(kinds.size())));
  }
  return kinds;
}

std::string DrawClusterLine(Draft& d, uint64_t seed, const std::vector<const DrawnFault*>& kinds) {
  Rng& rng = d.rng;
  d.node_timeout = rng.Between(absl::Milliseconds(500), absl::Seconds(2));
  std::vector<std::string> names;
  for (const DrawnFault* fault : kinds) names.push_back(fault->kind.name);
  const auto on = [&](const char* name, uint32_t per_mille) {
    return absl::StrCat(" ", name, rng.Chance(per_mille) ? "=on" : "=off");
  };
  std::string line =
      absl::StrCat("cluster seed=", seed, " primaries=", d.primaries, " replicas=", d.replicas);
  if (d.witnesses > 0) absl::StrAppend(&line, " witnesses=", d.witnesses);
  if (d.vote_always) absl::StrAppend(&line, " voting=always");
  absl::StrAppend(&line, on("uneven", 500), on("preloaded", d.large ? 1000 : 800));
  absl::StrAppend(&line, " node-timeout=", Draft::Ms(d.node_timeout),
                  " latency=", Draft::Ms(rng.Between(absl::Milliseconds(1), absl::Milliseconds(5))),
                  " jitter=", Draft::Ms(rng.Between(absl::ZeroDuration(), absl::Milliseconds(20))),
                  " drift=", rng.Below(1001));
  absl::StrAppend(&line, on("crash-evidence", 700), on("full-coverage", 500), on("migration", 700),
                  " barrier=", rng.Below(3), " faults=", absl::StrJoin(names, ","));
  return line;
}

void DrawSteps(Draft& d, const DrawOptions& options, const std::vector<const DrawnFault*>& kinds) {
  // Some clusters are hit all the time, others now and then.
  const absl::Duration gap = d.rng.Between(absl::Milliseconds(200), absl::Seconds(3));
  for (d.at = absl::ZeroDuration(); d.at < options.length;
       d.at += d.rng.Between(absl::Milliseconds(1), gap)) {
    kinds[d.rng.Below(kinds.size())]->strike(d);
  }
  auto& steps = d.script.steps;
  if (d.rng.Chance(250)) {
    const absl::Duration quiet = d.rng.Between(absl::ZeroDuration(), options.length);
    std::erase_if(steps, [&](const auto& step) { return step.at >= quiet; });
    steps.push_back({quiet, "settle"});
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

}  // namespace

const std::vector<FaultKind>& FaultKinds() {
  static const auto* kinds = [] {
    auto* all = new std::vector<FaultKind>();
    for (const DrawnFault& fault : AllFaults()) all->push_back(fault.kind);
    return all;
  }();
  return *kinds;
}

FaultScript DrawScript(uint64_t seed, const DrawOptions& options) {
  Draft draft(seed);
  DrawShape(draft, options);
  const std::vector<const DrawnFault*> kinds = DrawKinds(draft, options);
  draft.script.cluster = DrawClusterLine(draft, seed, kinds);
  DrawSteps(draft, options, kinds);
  return std::move(draft.script);
}

}  // namespace clusterkit::sim
