#include "uv/dialer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "clusterkit/describe.h"
#include "uv/errors.h"

namespace clusterkit::uv {
namespace {

// TCP can connect a socket to itself: a dial to a free port of this machine may get that very
// port as its own. Nobody listens there.
bool ConnectedToItself(const uv_tcp_t& socket) {
  const std::optional<Address> local = Address::Local(socket), peer = Address::Peer(socket);
  return local && peer && local->Port() == peer->Port() && local->Host() == peer->Host();
}

}  // namespace

// Requests outlive their Dialer's interest in them, but not the Dialer.
struct Dialer::Lookup {
  uv_getaddrinfo_t request;
  std::shared_ptr<Dialer> dialer;
};
struct Dialer::Attempt {
  uv_connect_t request;
  std::shared_ptr<Dialer> dialer;
};

void CloseAndDelete(uv_tcp_t* socket) {
  uv_close(reinterpret_cast<uv_handle_t*>(socket),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
}

std::shared_ptr<Dialer> Dialer::Start(uv_loop_t* loop, const Endpoint& to, absl::Duration timeout,
                                      Done done) {
  std::shared_ptr<Dialer> dialer(new Dialer(loop, to, timeout, std::move(done)));
  dialer->self_ = dialer;
  dialer->Begin();
  return dialer;
}

Dialer::Dialer(uv_loop_t* loop, const Endpoint& to, absl::Duration timeout, Done done)
    : loop_(loop), to_(to), timeout_(timeout), done_(std::move(done)) {
  CLUSTERKIT_CHECK(uv_timer_init(loop, &timer_) == 0);
  timer_.data = this;
}

void Dialer::Begin() {
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(timeout_, absl::Milliseconds(1)));
  uv_update_time(loop_);  // libuv counts from its cached time.
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { static_cast<Dialer*>(handle->data)->OnTimer(); },
      static_cast<uint64_t>(std::max<int64_t>(ms, 1)), 0);
  if (!IsPlausibleHost(to_.host) || to_.port == 0) {
    return FailSoon(LinkDownCause::kLocal, InvalidEndpoint("dial", to_, "not an address"));
  }
  if (std::optional<Address> literal = Address::FromLiteral(to_.host, to_.port)) {
    addresses_.push_back(*literal);
    return TryNext();
  }
  Resolve();
}

void Dialer::Resolve() {
  auto lookup = std::make_unique<Lookup>();
  lookup->request.data = lookup.get();
  lookup->dialer = shared_from_this();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int error = uv_getaddrinfo(
      loop_, &lookup->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        const std::unique_ptr<Lookup> ended(static_cast<Lookup*>(request->data));
        ended->dialer->OnResolved(status, found);
        uv_freeaddrinfo(found);
      },
      to_.host.c_str(), nullptr, &hints);
  if (error != 0) return FailSoon(CauseOf(error), UnavailableOf("resolve", to_, error));
  static_cast<void>(lookup.release());  // The callback owns it.
}

void Dialer::OnResolved(int error, const addrinfo* found) {
  if (!done_) return;
  if (error != 0) return FailSoon(CauseOf(error), UnavailableOf("resolve", to_, error));
  addresses_ = Address::FromResolver(found, to_.port);
  TryNext();
}

void Dialer::TryNext() {
  int error = UV_EADDRNOTAVAIL;
  while (next_address_ < addresses_.size()) {
    const Address& address = addresses_[next_address_++];
    socket_ = new uv_tcp_t;
    CLUSTERKIT_CHECK(uv_tcp_init(loop_, socket_) == 0);
    auto attempt = std::make_unique<Attempt>();
    attempt->request.data = attempt.get();
    attempt->dialer = shared_from_this();
    error = uv_tcp_connect(
        &attempt->request, socket_, address.get(), [](uv_connect_t* request, int status) {
          const std::unique_ptr<Attempt> ended(static_cast<Attempt*>(request->data));
          // A closed socket's callback belongs to an attempt given up.
          if (status != UV_ECANCELED) ended->dialer->OnConnected(status);
        });
    if (error == 0) {
      static_cast<void>(attempt.release());  // The callback owns it.
      return;
    }
    CloseSocket();
  }
  FailSoon(CauseOf(error), UnavailableOf("dial", to_, error));
}

void Dialer::OnConnected(int error) {
  if (!done_) return;
  if (error == 0 && ConnectedToItself(*socket_)) error = UV_ECONNREFUSED;
  if (error == 0) return Finish({std::exchange(socket_, nullptr), LinkDownCause::kLocal, {}});
  CloseSocket();
  if (next_address_ < addresses_.size()) return TryNext();
  Finish({nullptr, CauseOf(error), UnavailableOf("dial", to_, error)});
}

void Dialer::OnTimer() {
  if (!failure_.ok()) return Finish({nullptr, failure_cause_, failure_});
  Finish({nullptr, LinkDownCause::kTimeout,
          absl::UnavailableError(absl::StrCat("dial ", Describe(to_), ": no answer within ",
                                              absl::FormatDuration(timeout_)))});
}

void Dialer::FailSoon(LinkDownCause cause, absl::Status error) {
  failure_cause_ = cause;
  failure_ = std::move(error);
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { static_cast<Dialer*>(handle->data)->OnTimer(); }, 0, 0);
}

void Dialer::Finish(const Outcome& outcome) {
  Done done = std::exchange(done_, nullptr);
  Cancel();
  std::move(done)(outcome);
}

void Dialer::Cancel() {
  done_ = nullptr;
  CloseSocket();
  auto* timer = reinterpret_cast<uv_handle_t*>(&timer_);
  if (uv_is_closing(timer)) return;
  uv_close(timer, [](uv_handle_t* handle) { static_cast<Dialer*>(handle->data)->self_.reset(); });
}

void Dialer::CloseSocket() {
  if (socket_ != nullptr) CloseAndDelete(std::exchange(socket_, nullptr));
}

}  // namespace clusterkit::uv
