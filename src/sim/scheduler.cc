#include "sim/scheduler.h"

#include <algorithm>

namespace clusterkit::sim {

void Scheduler::At(int64_t at_ns, Target* target, uint64_t what, uint64_t which) {
  heap_.push_back({std::max(at_ns, now_ns_), next_sequence_++, target, what, which});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

bool Scheduler::RunNext(int64_t limit_ns) {
  if (heap_.empty() || heap_.front().at_ns > limit_ns) return false;
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  const Entry entry = heap_.back();
  heap_.pop_back();
  now_ns_ = entry.at_ns;
  ++events_run_;
  entry.target->OnScheduled(entry.what, entry.which);
  return true;
}

void Scheduler::RunUntil(int64_t limit_ns) {
  while (RunNext(limit_ns)) {
  }
  now_ns_ = std::max(now_ns_, limit_ns);
}

}  // namespace clusterkit::sim
