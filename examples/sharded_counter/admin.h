// What an operator says to a node, in lines too.
//
//   MEET host port            introduces this node to another, by its bus
//   OWN first last            takes slots that nobody owns
//   REPLICATE id              becomes a replica
//   FAILOVER                  makes this replica the primary, without losing anything
//   FORGET id
//   NODES                     a line for each: NODE id role client-endpoint slots health; then END

#ifndef CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_ADMIN_H_
#define CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_ADMIN_H_

#include <string>
#include <vector>

#include "clusterkit/node.h"

namespace sharded_counter {

// OK, what was asked for, or ERROR with the reason.
std::string Administer(clusterkit::Node& node, const std::vector<std::string>& words);

}  // namespace sharded_counter

#endif  // CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_ADMIN_H_
