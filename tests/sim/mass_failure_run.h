// Many primaries die at once: how long until every slot is served again?

#ifndef CLUSTERKIT_TESTS_SIM_MASS_FAILURE_RUN_H_
#define CLUSTERKIT_TESTS_SIM_MASS_FAILURE_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace clusterkit::sim {

struct MassFailure {
  int shards = 100;
  int replicas_per_shard = 1;
  int kill = 49;
  absl::Duration node_timeout = absl::Seconds(2);
  bool crash_evidence = true;
  bool host_gone = false;  // Power cut: no resets, no refused connections.
  uint64_t seed = 1;
  absl::Duration limit = absl::Minutes(2);
};

struct MassFailureResult {
  absl::Status healed;  // Every survivor sees every slot served by a survivor, in state ok.
  // Since the deaths. The first two of the last one that got there.
  absl::Duration all_failed;    // FAIL at somebody, for each victim.
  absl::Duration all_promoted;  // A winner, for each victim's shard.
  absl::Duration full_coverage; // As `healed`.
  int elections_started = 0, elections_lost = 0;
  uint64_t frames = 0, bytes = 0;  // From the deaths on.
  // Time on the machine: to form the cluster, and from the deaths on.
  absl::Duration form_wall, heal_wall;
};

MassFailureResult RunMassFailure(const MassFailure& setup);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_TESTS_SIM_MASS_FAILURE_RUN_H_
