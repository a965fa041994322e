// The only file that includes cpp-httplib, which is large.

#include "clusterkit_top/http_client.h"

#include <chrono>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kvserver/bounded_stream.h"

namespace clusterkit_top {
namespace {

// A status of a thousand nodes takes about one.
constexpr size_t kMaxAnswerBytes = size_t{4} << 20;
constexpr std::chrono::seconds kMaxConnectTime{1};
// For a whole request with its answer. The server itself gives up after two.
constexpr std::chrono::seconds kMaxTime{3};

class BoundedClient final : public httplib::ClientImpl {
 public:
  BoundedClient(const Address& address, const std::atomic<bool>* stopping)
      : ClientImpl(address.host, address.port), stopping_(stopping) {
    set_connection_timeout(kMaxConnectTime);
    set_decompress(false);  // What is small on the wire is small here.
  }

 private:
  bool process_socket(const Socket& socket,
                      std::function<bool(httplib::Stream&)> callback) override {
    kv::BoundedStream stream(socket.sock, kMaxAnswerBytes, kMaxTime, stopping_);
    return callback(stream);
  }

  const std::atomic<bool>* const stopping_;
};

std::string Reason(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "cannot connect";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "no whole answer in time";
    default:
      return absl::StrCat("HTTP error ", httplib::to_string(error));
  }
}

}  // namespace

absl::StatusOr<std::string> Fetch(const Address& address, const std::string& path,
                                  const std::atomic<bool>& stopping) {
  try {
    BoundedClient client(address, &stopping);
    httplib::Result result = client.Get(path);
    if (!result) return absl::UnavailableError(Reason(result.error()));
    if (result->status != 200) {
      return absl::UnavailableError(absl::StrCat("HTTP status ", result->status));
    }
    return std::move(result->body);
  } catch (...) {
    // Whatever an answer can make the library throw, it is no answer.
    return absl::UnavailableError("an answer that is not HTTP");
  }
}

}  // namespace clusterkit_top
