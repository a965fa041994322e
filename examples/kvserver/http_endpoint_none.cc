// In place of http_endpoint.cc where cpp-httplib is not wanted or not installed.

#include "kvserver/http_endpoint.h"

namespace kv {

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const std::string&, int,
                                                                  std::vector<Page>) {
  return absl::UnimplementedError(
      "kvserver was built without HTTP (cpp-httplib): metrics-port cannot be used");
}

}  // namespace kv
