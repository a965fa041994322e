// libuv's error numbers in the library's terms.

#ifndef CLUSTERKIT_SRC_UV_ERRORS_H_
#define CLUSTERKIT_SRC_UV_ERRORS_H_

#include <string_view>

#include "absl/status/status.h"
#include "clusterkit/transport.h"
#include "clusterkit/types.h"

namespace clusterkit::uv {

// What a failed dial or a broken link says about the other side.
LinkDownCause CauseOf(int uv_error);

// Unavailable: "bind 127.0.0.1:17000: address already in use".
absl::Status UnavailableOf(std::string_view action, const Endpoint& endpoint, int uv_error);
absl::Status InvalidEndpoint(std::string_view action, const Endpoint& endpoint,
                             std::string_view reason);

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_SRC_UV_ERRORS_H_
