#ifndef KVSERVER_SAVE_FENCE_H_
#define KVSERVER_SAVE_FENCE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "clusterkit/state_store.h"

namespace kv {

// A state store that knows when what was to be saved is saved. The node publishes what a command
// did only then, so a reply that waits for it finds the effect in place, and on disk. The node's
// thread only.
class SaveFence final : public clusterkit::StateStore {
 public:
  explicit SaveFence(std::unique_ptr<clusterkit::StateStore> store) : store_(std::move(store)) {}

  absl::StatusOr<clusterkit::PersistentState> Load() override { return store_->Load(); }
  void Save(const clusterkit::PersistentState& state, bool sync, Done done) override;

  // Calls `then` when every save that was asked for so far is done; at once if none is under way.
  void AfterSaves(absl::AnyInvocable<void()> then);

 private:
  struct Waiter {
    uint64_t save;
    absl::AnyInvocable<void()> then;
  };

  uint64_t started_ = 0;
  uint64_t finished_ = 0;
  std::deque<Waiter> waiters_;
  std::unique_ptr<clusterkit::StateStore> store_;  // First to go: no `done` after it.
};

}  // namespace kv

#endif  // KVSERVER_SAVE_FENCE_H_
