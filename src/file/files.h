// Whole files, with errors that name path and cause.

#ifndef CLUSTERKIT_SRC_FILE_FILES_H_
#define CLUSTERKIT_SRC_FILE_FILES_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace clusterkit::file {

// A descriptor that closes itself. Closed in child processes that run another program.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return fd_; }
  // -1, with errno, if closing failed: a write error may show as late as here.
  int Close();

 private:
  int fd_ = -1;
};

// NotFound, PermissionDenied, otherwise Unavailable: "open /x/y: permission denied".
absl::Status ErrnoStatus(std::string_view action, const std::string& path, int error);

// Takes an exclusive lock on a file that is created for it. It is held until the descriptor is
// closed, and ends with the process. FailedPrecondition: somebody else holds it.
absl::StatusOr<Descriptor> LockFile(const std::string& path);

// DataLoss if the file is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// After a crash, of the process or the machine, either the old content is found or the new one.
// With `sync`, OK means that it is the new one. The caller is the only one who replaces this file;
// what a crash left of <path>.tmp is overwritten.
absl::Status ReplaceFile(const std::string& path, std::string_view content, bool sync);

}  // namespace clusterkit::file

#endif  // CLUSTERKIT_SRC_FILE_FILES_H_
