#include "clusterkit/file/memory_state_store.h"

namespace clusterkit {

absl::StatusOr<PersistentState> MemoryStateStore::Load() {
  if (!state_) return absl::NotFoundError("nothing has been saved");
  return *state_;
}

void MemoryStateStore::Save(const PersistentState& state, bool, Done done) {
  state_ = state;
  done(absl::OkStatus());
}

}  // namespace clusterkit
