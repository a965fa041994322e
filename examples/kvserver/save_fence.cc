#include "kvserver/save_fence.h"

namespace kv {

void SaveFence::Save(const clusterkit::PersistentState& state, bool sync, Done done) {
  ++started_;
  store_->Save(state, sync, [this, done = std::move(done)](absl::Status status) mutable {
    done(std::move(status));  // The node publishes, and may start the next save.
    ++finished_;
    while (!waiters_.empty() && (waiters_.front().save <= finished_ || started_ == finished_)) {
      absl::AnyInvocable<void()> then = std::move(waiters_.front().then);
      waiters_.pop_front();
      then();
    }
  });
}

void SaveFence::AfterSaves(absl::AnyInvocable<void()> then) {
  if (started_ == finished_) return then();
  // While one is under way, the node may hold back the next: if so, it is the one to wait for.
  waiters_.push_back({started_ + 1, std::move(then)});
}

}  // namespace kv
