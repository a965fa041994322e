#include "sim/loop.h"

#include <algorithm>
#include <utility>

namespace clusterkit::sim {
namespace {

constexpr int64_t kMillion = 1'000'000;

// value * numerator / denominator without overflow, rounded down; for values up to centuries.
int64_t Scale(int64_t value, int64_t numerator, int64_t denominator) {
  return value / denominator * numerator + value % denominator * numerator / denominator;
}

}  // namespace

int64_t Clock::LocalNs(int64_t true_ns) const {
  const int64_t passed = true_ns - true_base_ns_;
  if (drift_ppm_ == 0) return local_base_ns_ + passed;
  return local_base_ns_ + Scale(passed, kMillion + drift_ppm_, kMillion);
}

int64_t Clock::TrueNs(Instant local) const {
  // A Duration may hold fractions of a nanosecond.
  const absl::Duration whole = absl::Ceil(local.since_origin, absl::Nanoseconds(1));
  const int64_t wait = absl::ToInt64Nanoseconds(whole) - local_base_ns_;
  if (drift_ppm_ == 0 || wait <= 0) return true_base_ns_ + wait;
  int64_t true_ns = true_base_ns_ + Scale(wait, kMillion, kMillion + drift_ppm_);
  // Rounding must not wake anybody before time.
  while (LocalNs(true_ns) < local_base_ns_ + wait) ++true_ns;
  return true_ns;
}

void Clock::Set(absl::Duration ahead, int64_t drift_ppm) {
  const int64_t now = scheduler_->now_ns();
  local_base_ns_ = std::max(LocalNs(now), now + absl::ToInt64Nanoseconds(ahead));
  true_base_ns_ = now;
  drift_ppm_ = drift_ppm;
}

void Loop::WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) {
  if (stopped_) return;
  deadline_ = deadline;
  on_wake_ = std::move(fn);
  Rearm();
}

void Loop::Rearm() {
  if (stopped_ || deadline_ == Instant::InfiniteFuture()) return;
  Arm(std::max(scheduler_->now_ns(), clock_->TrueNs(deadline_)));
}

void Loop::Post(absl::AnyInvocable<void() &&> fn) {
  if (stopped_) return;
  posted_.push_back(std::move(fn));
  Arm(scheduler_->now_ns());
}

void Loop::Arm(int64_t at_ns) {
  if (at_ns >= armed_ns_) return;
  armed_ns_ = at_ns;
  scheduler_->At(at_ns, target_, what_, which_);
}

void Loop::Run() {
  if (stopped_) return;
  // An event that was overtaken by an earlier one finds nothing due below.
  if (armed_ns_ <= scheduler_->now_ns()) armed_ns_ = INT64_MAX;
  for (auto& fn : std::exchange(posted_, {})) {
    if (!stopped_) std::move(fn)();
  }
  if (!stopped_ && deadline_ <= Now()) {
    deadline_ = Instant::InfiniteFuture();
    absl::AnyInvocable<void()> fn = std::exchange(on_wake_, nullptr);
    if (fn) fn();
  }
  Rearm();
}

void Loop::Stop() { stopped_ = true; }

}  // namespace clusterkit::sim
