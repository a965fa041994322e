// A node's clock and turn of work.

#ifndef CLUSTERKIT_SRC_SIM_LOOP_H_
#define CLUSTERKIT_SRC_SIM_LOOP_H_

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "clusterkit/event_loop.h"
#include "sim/scheduler.h"

namespace clusterkit::sim {

// A machine's clock against the simulation's. Belongs to the machine: it survives the process.
class Clock {
 public:
  explicit Clock(Scheduler* scheduler) : scheduler_(scheduler) {}

  Instant Now() const { return {absl::Nanoseconds(LocalNs(scheduler_->now_ns()))}; }
  // The simulation's time at which this clock will have reached `local`.
  int64_t TrueNs(Instant local) const;
  // From now on `ahead` of the simulation, but never back, and gaining `drift_ppm`.
  void Set(absl::Duration ahead, int64_t drift_ppm);

 private:
  int64_t LocalNs(int64_t true_ns) const;

  Scheduler* scheduler_;
  int64_t true_base_ns_ = 0, local_base_ns_ = 0;
  int64_t drift_ppm_ = 0;
};

class Loop : public EventLoop {
 public:
  // `target` is told (what, 0) when the loop has something to do; it then calls Run.
  Loop(Scheduler* scheduler, const Clock* clock, Scheduler::Target* target, uint64_t what,
       uint64_t which)
      : scheduler_(scheduler), clock_(clock), target_(target), what_(what), which_(which) {}

  Instant Now() const override { return clock_->Now(); }
  void WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) override;
  void Post(absl::AnyInvocable<void() &&> fn) override;

  // Does what is due: what was posted before this call, then the timer.
  void Run();
  // The clock was set; what was derived from it is stale.
  void Rearm();
  // Nothing runs any more.
  void Stop();

 private:
  void Arm(int64_t at_ns);

  Scheduler* scheduler_;
  const Clock* clock_;
  Scheduler::Target* target_;
  uint64_t what_, which_;
  bool stopped_ = false;
  Instant deadline_ = Instant::InfiniteFuture();
  absl::AnyInvocable<void()> on_wake_;
  // Of the earliest event under way. Deadlines move often and mostly away, so an event is asked
  // for only when none comes early enough.
  int64_t armed_ns_ = INT64_MAX;
  std::vector<absl::AnyInvocable<void() &&>> posted_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_LOOP_H_
