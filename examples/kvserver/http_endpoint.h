#ifndef KVSERVER_HTTP_ENDPOINT_H_
#define KVSERVER_HTTP_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kv {

// Answers GET requests over HTTP, on threads of its own. Whoever connects can at most keep it from
// answering others for a few seconds: requests are bounded in size, time and number.
class HttpEndpoint {
 public:
  struct Page {
    std::string path;
    std::string content_type;
    // Called on a thread of the endpoint, by several at once. `since`: the number of that name in
    // the query, 0 if there is none. Empty: not available now.
    std::function<std::optional<std::string>(uint64_t since)> content;
  };

  // Unimplemented: built without HTTP. Unavailable: the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Start(const std::string& address, int port,
                                                             std::vector<Page> pages);
  virtual ~HttpEndpoint() = default;  // Waits for the requests under way.
};

}  // namespace kv

#endif  // KVSERVER_HTTP_ENDPOINT_H_
