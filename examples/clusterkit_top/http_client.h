// GET over HTTP, bounded in time and size.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_HTTP_CLIENT_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_HTTP_CLIENT_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "clusterkit_top/arguments.h"

namespace clusterkit_top {

// The body of an answer with status 200; otherwise Unavailable tells why there is none. Blocks, but
// for some seconds at most, and ends early when `stopping`.
absl::StatusOr<std::string> Fetch(const Address& address, const std::string& path,
                                  const std::atomic<bool>& stopping);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_HTTP_CLIENT_H_
