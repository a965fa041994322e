// Whether a cluster is whole, and how an operator makes it so.

#ifndef CLUSTERKIT_SRC_SIM_CAMPAIGN_HEALING_H_
#define CLUSTERKIT_SRC_SIM_CAMPAIGN_HEALING_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/workload.h"

namespace clusterkit::sim {

// Everybody runs and agrees, nobody is suspected, and no two primaries with slots share a config
// epoch. Otherwise the first thing that is wrong.
absl::Status CheckWhole(Cluster& cluster);

// What an operator does about a cluster that does not heal by itself: introduces nodes that do not
// know each other, forgets nodes that are no more, gives slots that nobody claims to somebody,
// overrules the guard of data that is nowhere, bumps the epoch of who came back with an old file.
void Repair(Cluster& cluster);

// While faults are in force: each shard that has lost its primary, but not a replica that may
// stand and that can reach a majority of voters which can reach each other, has a new primary
// there. Otherwise the first shard without.
// `halted`: nodes that do nothing any more; `too_old`: replicas that may not stand because their
// data is.
absl::Status CheckHealedInSpite(Cluster& cluster, const Workload& workload,
                                const std::set<Name>& halted, const std::set<Name>& too_old);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_CAMPAIGN_HEALING_H_
