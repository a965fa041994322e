#include "custom_transport/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace custom_transport {
namespace {

using clusterkit::Instant;

// For what fails only if the program is wrong, or the system has nothing left.
int Checked(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::abort();
}

void Control(int epoll, int operation, int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  Checked(epoll_ctl(epoll, operation, fd, &event), "epoll_ctl");
}

}  // namespace

EpollLoop::EpollLoop() : epoll_(Checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
  const int bell = Checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  bell_ = std::make_unique<Watch>(this, bell, EPOLLIN, [bell](uint32_t) {
    eventfd_t rung;
    eventfd_read(bell, &rung);
  });
}

EpollLoop::~EpollLoop() {
  bell_.reset();
  close(epoll_);
}

// CLOCK_BOOTTIME goes on while the machine is suspended, so that a node that slept knows it.
Instant EpollLoop::Now() const {
  timespec now;
  Checked(clock_gettime(CLOCK_BOOTTIME, &now), "clock_gettime");
  return {absl::DurationFromTimespec(now)};
}

void EpollLoop::WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) {
  wake_at_ = deadline;
  wake_ = std::move(fn);
}

void EpollLoop::Post(absl::AnyInvocable<void() &&> fn) {
  const std::lock_guard<std::mutex> lock(mutex_);
  posted_.push_back(std::move(fn));
  eventfd_write(bell_->fd(), 1);
}

EpollLoop::Watch::Watch(EpollLoop* loop, int fd, uint32_t events,
                        std::function<void(uint32_t)> ready)
    : loop_(loop), fd_(fd), id_(loop->next_watch_++) {
  loop_->watches_[id_] = std::make_shared<const std::function<void(uint32_t)>>(std::move(ready));
  Control(loop_->epoll_, EPOLL_CTL_ADD, fd_, events, id_);
}

EpollLoop::Watch::~Watch() {
  loop_->watches_.erase(id_);
  close(fd_);  // Which takes it out of the epoll set, too.
}

void EpollLoop::Watch::WaitFor(uint32_t events) {
  Control(loop_->epoll_, EPOLL_CTL_MOD, fd_, events, id_);
}

void EpollLoop::After(absl::Duration delay, std::function<void()> fn) {
  timers_.emplace(Now() + delay, std::move(fn));
}

void EpollLoop::RunOnce(absl::Duration at_most) {
  Dispatch(MillisecondsToWait(at_most));
  RunDue();
  RunPosted();
}

// Rounded up, so that it does not wake just before a deadline, again and again.
int EpollLoop::MillisecondsToWait(absl::Duration at_most) {
  const Instant now = Now();
  absl::Duration wait = std::min(at_most, wake_at_ - now);
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first - now);
  wait = std::clamp(wait, absl::ZeroDuration(), absl::Hours(1));
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
}

void EpollLoop::Dispatch(int milliseconds) {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds);
  if (count < 0 && errno != EINTR) Checked(count, "epoll_wait");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    // An earlier one of this turn may have ended the watch; this one may end its own.
    const auto found = watches_.find(event.data.u64);
    if (found == watches_.end()) continue;
    const auto ready = found->second;
    (*ready)(event.events);
  }
}

void EpollLoop::RunDue() {
  const Instant now = Now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto due = timers_.extract(timers_.begin());
    due.mapped()();
  }
  if (wake_ && wake_at_ <= now) {
    wake_at_ = Instant::InfiniteFuture();
    std::exchange(wake_, nullptr)();
  }
}

// What is posted meanwhile runs in the next turn, for which the bell has rung.
void EpollLoop::RunPosted() {
  std::vector<absl::AnyInvocable<void() &&>> batch;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batch.swap(posted_);
  }
  for (auto& fn : batch) std::move(fn)();
}

}  // namespace custom_transport
