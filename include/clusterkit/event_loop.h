// The port to time and to the thread a node lives on.

#ifndef CLUSTERKIT_EVENT_LOOP_H_
#define CLUSTERKIT_EVENT_LOOP_H_

#include "absl/functional/any_invocable.h"
#include "clusterkit/time.h"

namespace clusterkit {

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Monotonic, includes time spent suspended, read afresh at each call. Any thread.
  virtual Instant Now() const = 0;
  // Calls `fn` once on the loop thread at or soon after `deadline`. Replaces what was asked
  // before; InfiniteFuture cancels. Loop thread only.
  virtual void WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) = 0;
  // Runs `fn` on the loop thread, later, in the order posted. Any thread.
  virtual void Post(absl::AnyInvocable<void() &&> fn) = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_EVENT_LOOP_H_
