#include "clusterkit/file/file_state_store.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/file/nodes_conf.h"
#include "file/files.h"
#include "file/nodes_conf_text.h"

namespace clusterkit {

// A save under way shares it, and with it the lock: the next owner of the path can only come when
// nobody writes there any more.
class FileStateStore::Impl {
 public:
  Impl(std::string path, BlockingRunner runner, file::Descriptor lock)
      : path_(std::move(path)), runner_(std::move(runner)), lock_(std::move(lock)) {}

  absl::StatusOr<PersistentState> Load();
  static void Save(const std::shared_ptr<Impl>& self, const PersistentState& state, bool sync,
                   Done done);
  void Abandon() { abandoned_ = true; }

 private:
  struct Job;

  const std::string path_;
  const BlockingRunner runner_;
  const file::Descriptor lock_;
  bool saving_ = false;
  bool abandoned_ = false;  // The store is gone: nobody is told any more.
  absl::Status damage_;     // What Load found; the file is evidence then.
};

// One save, on its way through another thread.
struct FileStateStore::Impl::Job {
  std::shared_ptr<Impl> store;
  std::string text;
  bool sync = false;
  Done done;
  absl::Status result;
};

absl::StatusOr<PersistentState> FileStateStore::Impl::Load() {
  const auto refuse = [this](absl::Status status) {
    if (absl::IsDataLoss(status)) damage_ = status;
    return status;
  };
  absl::StatusOr<std::string> text = file::ReadFile(path_, file::kMaxFileBytes);
  if (!text.ok()) return refuse(text.status());
  if (text->empty()) return absl::NotFoundError(absl::StrCat(path_, " is empty"));
  absl::StatusOr<PersistentState> state = ParseNodesConf(*text);
  if (!state.ok()) {
    return refuse(absl::DataLossError(absl::StrCat(path_, ": ", state.status().message())));
  }
  return state;
}

void FileStateStore::Impl::Save(const std::shared_ptr<Impl>& self, const PersistentState& state,
                                bool sync, Done done) {
  if (!self->damage_.ok()) {
    return done(absl::FailedPreconditionError(
        absl::StrCat("not overwriting a damaged file: ", self->damage_.message())));
  }
  if (self->saving_) return done(absl::FailedPreconditionError("a save is under way already"));
  self->saving_ = true;
  auto job = std::make_shared<Job>();
  job->store = self;
  job->text = FormatNodesConf(state);
  job->sync = sync;
  job->done = std::move(done);
  auto work = [job] { job->result = file::ReplaceFile(job->store->path_, job->text, job->sync); };
  auto then = [job] {
    job->store->saving_ = false;
    if (!job->store->abandoned_) job->done(job->result);
  };
  if (self->runner_) return self->runner_(std::move(work), std::move(then));
  work();
  then();
}

absl::StatusOr<std::unique_ptr<FileStateStore>> FileStateStore::Open(std::string path,
                                                                     BlockingRunner runner) {
  CLUSTERKIT_ASSIGN_OR_RETURN(file::Descriptor lock, file::LockFile(path + ".lock"));
  return std::unique_ptr<FileStateStore>(new FileStateStore(
      std::make_shared<Impl>(std::move(path), std::move(runner), std::move(lock))));
}

FileStateStore::FileStateStore(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileStateStore::~FileStateStore() { impl_->Abandon(); }

absl::StatusOr<PersistentState> FileStateStore::Load() { return impl_->Load(); }

void FileStateStore::Save(const PersistentState& state, bool sync, Done done) {
  Impl::Save(impl_, state, sync, std::move(done));
}

}  // namespace clusterkit
