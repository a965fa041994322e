#ifndef KVSERVER_REDIRECTS_H_
#define KVSERVER_REDIRECTS_H_

#include <string>

#include "clusterkit/routing.h"

namespace kv {

// The error, without its dash, that a client gets for a decision which is not Serve.
std::string RefusalText(const clusterkit::RouteDecision& decision);

}  // namespace kv

#endif  // KVSERVER_REDIRECTS_H_
