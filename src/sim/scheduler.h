// Virtual time: a queue of events ordered by (time, sequence).

#ifndef CLUSTERKIT_SRC_SIM_SCHEDULER_H_
#define CLUSTERKIT_SRC_SIM_SCHEDULER_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/time.h"

namespace clusterkit::sim {

// Events of one instant run in the order in which they were scheduled. An event is two numbers
// for a long-lived target, not a closure: simulations spend much of their time here. There is no
// cancelling; a target recognises a stale event by the numbers and ignores it.
class Scheduler {
 public:
  class Target {
   public:
    virtual void OnScheduled(uint64_t what, uint64_t which) = 0;

   protected:
    ~Target() = default;
  };

  Instant now() const { return {absl::Nanoseconds(now_ns_)}; }
  int64_t now_ns() const { return now_ns_; }

  // A time that has passed counts as now. `target` must outlive the event.
  void At(int64_t at_ns, Target* target, uint64_t what, uint64_t which = 0);

  // Runs the next event if it is due no later than `limit_ns`; false if there is none.
  bool RunNext(int64_t limit_ns);
  // Runs all that is due until then; the clock then stands at `limit_ns`.
  void RunUntil(int64_t limit_ns);

  size_t pending() const { return heap_.size(); }
  uint64_t events_run() const { return events_run_; }

 private:
  struct Entry {
    int64_t at_ns;
    uint64_t sequence;
    Target* target;
    uint64_t what, which;
  };
  // Heap order of the standard library: the greatest is on top.
  static bool Later(const Entry& a, const Entry& b) {
    return a.at_ns != b.at_ns ? a.at_ns > b.at_ns : a.sequence > b.sequence;
  }

  int64_t now_ns_ = 0;
  uint64_t next_sequence_ = 0;
  uint64_t events_run_ = 0;
  std::vector<Entry> heap_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_SCHEDULER_H_
