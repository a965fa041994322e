#include <time.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/check.h"
#include "clusterkit/uv/uv.h"

namespace clusterkit::uv {
namespace {

// Of one timer. A later deadline takes several.
constexpr absl::Duration kLongestTimer = absl::Hours(1);

// CLOCK_BOOTTIME, because libuv's own clock stands still while the machine is suspended.
Instant BootTime() {
  timespec ts;
  CLUSTERKIT_CHECK(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);
  return {absl::Seconds(ts.tv_sec) + absl::Nanoseconds(ts.tv_nsec)};
}

}  // namespace

// Outlives the Loop until libuv has closed both handles.
class Loop::Impl {
 public:
  explicit Impl(uv_loop_t* loop) : loop_(loop) {
    async_.data = this;
    timer_.data = this;
    CLUSTERKIT_CHECK(uv_async_init(loop, &async_, [](uv_async_t* handle) {
                       static_cast<Impl*>(handle->data)->RunPosted();
                     }) == 0);
    CLUSTERKIT_CHECK(uv_timer_init(loop, &timer_) == 0);
  }

  void WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) {
    deadline_ = deadline;
    wake_ = std::move(fn);
    if (deadline == Instant::InfiniteFuture()) {
      wake_ = nullptr;
      uv_timer_stop(&timer_);
    } else {
      StartTimer();
    }
  }

  void Post(absl::AnyInvocable<void() &&> fn) {
    // The signal too is under the lock: `fn` may destroy the Loop, and must not run before.
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(fn));
    uv_async_send(&async_);
  }

  void RunBlocking(absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then) {
    auto* job = new Job{{}, std::move(work), std::move(then), alive_};
    job->request.data = job;
    const int error = uv_queue_work(
        loop_, &job->request, [](uv_work_t* request) { static_cast<Job*>(request->data)->work(); },
        [](uv_work_t* request, int) {
          const std::unique_ptr<Job> done(static_cast<Job*>(request->data));
          if (!done->loop_alive.expired()) done->then();
        });
    CLUSTERKIT_CHECK(error == 0);
  }

  void Close() {
    closing_ = true;
    alive_.reset();
    wake_ = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), &Impl::OnClosed);
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), &Impl::OnClosed);
  }

 private:
  struct Job {
    uv_work_t request;
    absl::AnyInvocable<void()> work, then;
    std::weak_ptr<int> loop_alive;
  };

  static void OnClosed(uv_handle_t* handle) {
    auto* impl = static_cast<Impl*>(handle->data);
    if (++impl->closed_handles_ == 2) delete impl;
  }

  // Rounded up, so that it does not fire just before the deadline.
  void StartTimer() {
    const absl::Duration wait =
        std::clamp(deadline_ - BootTime(), absl::ZeroDuration(), kLongestTimer);
    const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
    uv_update_time(loop_);  // libuv counts from its cached time.
    uv_timer_start(
        &timer_, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->OnTimer(); },
        static_cast<uint64_t>(ms), 0);
  }

  void OnTimer() {
    if (BootTime() < deadline_) return StartTimer();
    absl::AnyInvocable<void()> fn = std::exchange(wake_, nullptr);
    if (fn) fn();
  }

  // What is posted from within runs in the next turn. A posted function may destroy the Loop.
  void RunPosted() {
    std::vector<absl::AnyInvocable<void() &&>> batch;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      batch.swap(posted_);
    }
    for (auto& fn : batch) {
      if (closing_) return;
      std::move(fn)();
    }
  }

  uv_loop_t* const loop_;
  uv_async_t async_;
  uv_timer_t timer_;
  Instant deadline_;
  absl::AnyInvocable<void()> wake_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  bool closing_ = false;
  int closed_handles_ = 0;

  std::mutex mutex_;
  std::vector<absl::AnyInvocable<void() &&>> posted_;  // Guarded by mutex_.
};

Loop::Loop(uv_loop_t* loop) : impl_(new Impl(loop)) {}
Loop::~Loop() { impl_->Close(); }

Instant Loop::Now() const { return BootTime(); }

void Loop::WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) {
  impl_->WakeAt(deadline, std::move(fn));
}

void Loop::Post(absl::AnyInvocable<void() &&> fn) { impl_->Post(std::move(fn)); }

void Loop::RunBlocking(absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then) {
  impl_->RunBlocking(std::move(work), std::move(then));
}

}  // namespace clusterkit::uv
