// A state store for tests and for nodes that may forget who they are.

#ifndef CLUSTERKIT_FILE_MEMORY_STATE_STORE_H_
#define CLUSTERKIT_FILE_MEMORY_STATE_STORE_H_

#include <optional>

#include "clusterkit/state_store.h"

namespace clusterkit {

class MemoryStateStore : public StateStore {
 public:
  absl::StatusOr<PersistentState> Load() override;
  void Save(const PersistentState& state, bool sync, Done done) override;

 private:
  std::optional<PersistentState> state_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FILE_MEMORY_STATE_STORE_H_
