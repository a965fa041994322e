// The port to the disk.

#ifndef CLUSTERKIT_STATE_STORE_H_
#define CLUSTERKIT_STATE_STORE_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/persistent_state.h"

namespace clusterkit {

// Loop thread only.
class StateStore {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~StateStore() = default;

  // NotFound: first start. DataLoss: damaged, with place and reason; the caller must not go on,
  // and nothing was overwritten. FailedPrecondition: in use by another process.
  virtual absl::StatusOr<PersistentState> Load() = 0;

  // Replaces the whole state: after a crash either an older state or this one is found, never a
  // mix. With `sync`, `done(OK)` means durable. `done` is called once, on the loop thread,
  // possibly before Save returns. At most one Save is under way: the caller waits for `done`.
  virtual void Save(const PersistentState& state, bool sync, Done done) = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_STATE_STORE_H_
