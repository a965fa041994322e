#ifndef KVSERVER_REDIRECTS_H_
#define KVSERVER_REDIRECTS_H_

#include <optional>
#include <string>

#include "clusterkit/cluster_view.h"
#include "clusterkit/routing.h"
#include "kvserver/config.h"

namespace kv {

// The error, without its dash, that a client gets for a decision which is not Serve.
std::string RefusalText(const clusterkit::RouteDecision& decision);

// What clients are told to connect to; empty: whatever they are connected to now. A node without a
// hostname, where hostnames are wanted, is "?".
std::optional<std::string> PreferredEndpoint(const clusterkit::NodeView& node, EndpointType type);
// Has a redirection name its target so.
void UsePreferredEndpoint(const clusterkit::ClusterView& view, EndpointType type,
                          clusterkit::RouteDecision& decision);

}  // namespace kv

#endif  // KVSERVER_REDIRECTS_H_
