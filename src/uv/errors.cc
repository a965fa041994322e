#include "uv/errors.h"

#include <uv.h>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "clusterkit/describe.h"

namespace clusterkit::uv {

LinkDownCause CauseOf(int uv_error) {
  switch (uv_error) {
    case UV_ECONNREFUSED:
      return LinkDownCause::kRefused;
    case UV_EOF:
    case UV_EPIPE:
    case UV_ECONNRESET:
      return LinkDownCause::kReset;
    case UV_ETIMEDOUT:
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
      return LinkDownCause::kTimeout;
    default:
      return LinkDownCause::kLocal;
  }
}

absl::Status UnavailableOf(std::string_view action, const Endpoint& endpoint, int uv_error) {
  return absl::UnavailableError(
      absl::StrCat(Av(action), " ", Describe(endpoint), ": ", uv_strerror(uv_error)));
}

absl::Status InvalidEndpoint(std::string_view action, const Endpoint& endpoint,
                             std::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat(Av(action), " ", Describe(endpoint), ": ", Av(reason)));
}

}  // namespace clusterkit::uv
