// One random run: a cluster, faults for a while, then calm and the question whether it heals.

#ifndef CLUSTERKIT_TESTS_SIM_CHAOS_H_
#define CLUSTERKIT_TESTS_SIM_CHAOS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "sim/checkers.h"

namespace clusterkit::sim {

struct ChaosOptions {
  uint64_t seed = 0;
  absl::Duration chaos = absl::Seconds(30);
  // After the last fault, in units of node_timeout. A link that was cut sends again only after up
  // to twice the length of the cut, unless its node gives it up.
  int calm_node_timeouts = 15;
  bool trace = false;  // Fill ChaosResult::trace.
};

// What happened, so that a campaign in which nothing happens is noticed.
struct ChaosCounts {
  int crashes = 0, restarts = 0, pauses = 0, partitions = 0, resets = 0, slow_disks = 0;
  int elections_started = 0, elections_won = 0, elections_lost = 0;
  int fails = 0, fails_cleared = 0, collisions = 0, votes = 0, refusals = 0;
  void Add(const ChaosCounts& other);
};
std::string Describe(const ChaosCounts& counts);

struct ChaosResult {
  Violations violations;         // Of safety; empty is good.
  std::string unhealed;          // Why it does not heal; empty is good.
  absl::Duration healed_after;   // Since the last fault.
  ChaosCounts counts;
  std::string trace;             // One line an event.
};

ChaosResult RunChaos(const ChaosOptions& options);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_TESTS_SIM_CHAOS_H_
