// One attempt to reach an endpoint.

#ifndef CLUSTERKIT_SRC_UV_DIALER_H_
#define CLUSTERKIT_SRC_UV_DIALER_H_

#include <uv.h>

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/transport.h"
#include "clusterkit/types.h"
#include "uv/address.h"

namespace clusterkit::uv {

// Resolves a name if it is one, tries its addresses in turn, gives up at the timeout.
class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  struct Outcome {
    uv_tcp_t* socket = nullptr;  // Connected, and the receiver's to close and delete; or null.
    LinkDownCause cause = LinkDownCause::kLocal;
    absl::Status error;
  };
  using Done = absl::AnyInvocable<void(const Outcome&) &&>;

  // `done` is called once, from the loop and not from here, unless Cancel() was called first.
  static std::shared_ptr<Dialer> Start(uv_loop_t* loop, const Endpoint& to, absl::Duration timeout,
                                       Done done);
  void Cancel();

 private:
  struct Lookup;
  struct Attempt;

  Dialer(uv_loop_t* loop, const Endpoint& to, absl::Duration timeout, Done done);
  void Begin();
  void Resolve();
  void OnResolved(int error, const addrinfo* found);
  void TryNext();
  void OnConnected(int error);
  void OnTimer();
  // The error is reported from the timer, as Begin() may still be on the stack.
  void FailSoon(LinkDownCause cause, absl::Status error);
  void Finish(const Outcome& outcome);
  void CloseSocket();

  uv_loop_t* const loop_;
  const Endpoint to_;
  const absl::Duration timeout_;
  Done done_;  // Null once called or cancelled.
  uv_timer_t timer_;
  std::shared_ptr<Dialer> self_;  // Until libuv has closed the timer.
  uv_tcp_t* socket_ = nullptr;    // Of the attempt under way.
  std::vector<Address> addresses_;
  size_t next_address_ = 0;
  absl::Status failure_;  // Waits to be reported.
  LinkDownCause failure_cause_ = LinkDownCause::kLocal;
};

// Closes a socket that uv_tcp_init() was called for and deletes it.
void CloseAndDelete(uv_tcp_t* socket);

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_SRC_UV_DIALER_H_
