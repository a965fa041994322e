// A loop of the host's own: descriptors, timers and posted functions on one thread, by epoll.
// What clusterkit needs of it are the three functions of clusterkit::EventLoop.

#ifndef CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_LOOP_H_
#define CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_LOOP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "clusterkit/event_loop.h"

namespace custom_transport {

class EpollLoop : public clusterkit::EventLoop {
 public:
  EpollLoop();  // Ends the process if the system gives no descriptors.
  ~EpollLoop() override;

  // --- What clusterkit asks for ----------------------------------------------------------------
  clusterkit::Instant Now() const override;
  void WakeAt(clusterkit::Instant deadline, absl::AnyInvocable<void()> fn) override;
  void Post(absl::AnyInvocable<void() &&> fn) override;

  // --- For everything else on this loop --------------------------------------------------------
  // A descriptor that the loop watches. Closes it when destroyed, and is not called any more then.
  class Watch {
   public:
    // `ready` gets what epoll found: EPOLLIN, ...
    Watch(EpollLoop* loop, int fd, uint32_t events, std::function<void(uint32_t)> ready);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    int fd() const { return fd_; }
    void WaitFor(uint32_t events);

   private:
    EpollLoop* const loop_;
    const int fd_;
    const uint64_t id_;
  };

  // Calls `fn` once. Cannot be cancelled: let `fn` find out whether it still has something to do.
  void After(absl::Duration delay, std::function<void()> fn);

  // One turn: waits until something happens, or for as long.
  void RunOnce(absl::Duration at_most = absl::InfiniteDuration());

 private:
  int MillisecondsToWait(absl::Duration at_most);
  void Dispatch(int milliseconds);
  void RunDue();
  void RunPosted();

  const int epoll_;
  // Names for descriptors that are never used again: a descriptor's number may be, by the next
  // connection, while an event of the one before is still to be handled.
  uint64_t next_watch_ = 0;
  std::map<uint64_t, std::shared_ptr<const std::function<void(uint32_t)>>> watches_;
  std::multimap<clusterkit::Instant, std::function<void()>> timers_;
  clusterkit::Instant wake_at_ = clusterkit::Instant::InfiniteFuture();
  absl::AnyInvocable<void()> wake_;
  std::mutex mutex_;
  std::vector<absl::AnyInvocable<void() &&>> posted_;  // Guarded by mutex_.
  std::unique_ptr<Watch> bell_;                        // Rung by Post().
};

}  // namespace custom_transport

#endif  // CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_LOOP_H_
