#include "uv/listener.h"

#include <sys/socket.h>

#include <optional>
#include <utility>

#include "base/check.h"
#include "uv/dialer.h"
#include "uv/errors.h"

namespace clusterkit::uv {
namespace {

constexpr int kBacklog = 511;  // Redis's tcp-backlog.
constexpr uint64_t kPauseMs = 100;

}  // namespace

Listener::Listener(uv_loop_t* loop, OnConnection on_connection)
    : loop_(loop), on_connection_(std::move(on_connection)) {}

absl::Status Listener::Listen(const Endpoint& endpoint) {
  int error = 0;
  for (const Address& address : Candidates(endpoint, error)) {
    error = ListenOn(address);
    if (error == 0) {
      address_ = Address::Local(*socket_);
      port_ = address_->Port();
      return absl::OkStatus();
    }
    // Without IPv6, or without the address, the next candidate may do. A port in use will not.
    if (error == UV_EADDRINUSE || error == UV_EACCES) break;
  }
  if (error == UV_EINVAL) return InvalidEndpoint("bind", endpoint, "not an address");
  return UnavailableOf("bind", endpoint, error);
}

std::vector<Address> Listener::Candidates(const Endpoint& endpoint, int& error) const {
  if (endpoint.host.empty()) {
    return {*Address::FromLiteral("::", endpoint.port),
            *Address::FromLiteral("0.0.0.0", endpoint.port)};
  }
  error = UV_EINVAL;
  if (!IsPlausibleHost(endpoint.host)) return {};
  if (auto literal = Address::FromLiteral(endpoint.host, endpoint.port)) return {*literal};
  uv_getaddrinfo_t request;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  // Without a callback it waits, which at the start is what the caller wants.
  error = uv_getaddrinfo(loop_, &request, nullptr, endpoint.host.c_str(), nullptr, &hints);
  if (error != 0) return {};
  std::vector<Address> found = Address::FromResolver(request.addrinfo, endpoint.port);
  uv_freeaddrinfo(request.addrinfo);
  error = UV_EADDRNOTAVAIL;
  return found;
}

int Listener::ListenOn(const Address& address) {
  socket_ = new uv_tcp_t;
  CLUSTERKIT_CHECK(uv_tcp_init(loop_, socket_) == 0);
  socket_->data = this;
  int error = uv_tcp_bind(socket_, address.get(), 0);  // Sets SO_REUSEADDR.
  if (error == 0) {
    error = uv_listen(reinterpret_cast<uv_stream_t*>(socket_), kBacklog,
                      [](uv_stream_t* handle, int status) {
                        static_cast<Listener*>(handle->data)->OnReadable(status);
                      });
  }
  if (error != 0) CloseAndDelete(std::exchange(socket_, nullptr));
  return error;
}

void Listener::OnReadable(int status) {
  if (status != 0) return Pause();
  auto* accepted = new uv_tcp_t;
  CLUSTERKIT_CHECK(uv_tcp_init(loop_, accepted) == 0);
  if (uv_accept(reinterpret_cast<uv_stream_t*>(socket_),
                reinterpret_cast<uv_stream_t*>(accepted)) != 0) {
    return CloseAndDelete(accepted);
  }
  // The receiver may close this, and drop its reference, meanwhile.
  const std::shared_ptr<Listener> self = shared_from_this();
  on_connection_(accepted);
}

// libuv answers a lack of file descriptors by accepting and closing with a spare one. Where even
// that fails, it would try again without end: give it nothing to accept for a moment.
void Listener::Pause() {
  if (socket_ == nullptr || pause_ != nullptr) return;
  CloseAndDelete(std::exchange(socket_, nullptr));
  pause_ = new uv_timer_t;
  CLUSTERKIT_CHECK(uv_timer_init(loop_, pause_) == 0);
  pause_->data = this;
  uv_timer_start(
      pause_, [](uv_timer_t* handle) { static_cast<Listener*>(handle->data)->Reopen(); }, kPauseMs,
      kPauseMs);
}

void Listener::Reopen() {
  if (ListenOn(*address_) != 0) return;  // The timer repeats.
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(pause_, nullptr)),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

void Listener::Close() {
  if (socket_ != nullptr) CloseAndDelete(std::exchange(socket_, nullptr));
  if (pause_ != nullptr) {
    uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(pause_, nullptr)),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
  }
}

}  // namespace clusterkit::uv
