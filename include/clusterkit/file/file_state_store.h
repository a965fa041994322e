// The state file: Redis's nodes.conf text, replaced atomically.

#ifndef CLUSTERKIT_FILE_FILE_STATE_STORE_H_
#define CLUSTERKIT_FILE_FILE_STATE_STORE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "clusterkit/state_store.h"

namespace clusterkit {

// Runs `work` where blocking is allowed, then `then` on the loop thread. uv::Loop offers one.
using BlockingRunner =
    std::function<void(absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then)>;

// Saves by writing a temporary file, fsync, rename, fsync of the directory. Holds a lock on
// <path>.lock for life, so that two processes cannot share an identity. A damaged file is
// refused with line and reason and never overwritten; one without checksum (from Redis) is
// accepted. docs/state_file.md has the format.
//
// A save under way when the store is destroyed is finished, without `done`, and keeps the lock
// that long.
class FileStateStore : public StateStore {
 public:
  // Takes the lock. FailedPrecondition: another process holds it. PermissionDenied, NotFound,
  // Unavailable: the directory cannot be used; with path and cause. Without a runner, saving
  // blocks the loop thread.
  static absl::StatusOr<std::unique_ptr<FileStateStore>> Open(std::string path,
                                                              BlockingRunner runner = nullptr);
  ~FileStateStore() override;

  absl::StatusOr<PersistentState> Load() override;
  void Save(const PersistentState& state, bool sync, Done done) override;

 private:
  class Impl;
  explicit FileStateStore(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FILE_FILE_STATE_STORE_H_
