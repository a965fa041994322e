// The cluster that a script is for.

#ifndef CLUSTERKIT_SRC_SIM_CAMPAIGN_SETUP_H_
#define CLUSTERKIT_SRC_SIM_CAMPAIGN_SETUP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "clusterkit/options.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/command.h"

namespace clusterkit::sim {

// What the first line of a script says.
struct Setup {
  uint64_t seed = 0;
  Topology topology;
  Options options;
  LinkFaults usual;
  int64_t drift = 0;
};

absl::StatusOr<Setup> ReadSetup(const Command& line);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_CAMPAIGN_SETUP_H_
