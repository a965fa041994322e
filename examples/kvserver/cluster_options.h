#ifndef KVSERVER_CLUSTER_OPTIONS_H_
#define KVSERVER_CLUSTER_OPTIONS_H_

#include "clusterkit/options.h"
#include "clusterkit/types.h"
#include "kvserver/config.h"

namespace kv {

// From a node's client port to its bus port, unless it is told otherwise.
inline constexpr int64_t kBusPortOffset = 10000;
inline constexpr int64_t kMaxPort = 65535;

// What Redis's directives mean to the library.
clusterkit::Options OptionsFor(const Config& config);

// Where the bus listens, which is not always what is announced. An empty host: everywhere.
clusterkit::Endpoint BusListenAddress(const Config& config);

}  // namespace kv

#endif  // KVSERVER_CLUSTER_OPTIONS_H_
