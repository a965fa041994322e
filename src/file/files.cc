#include "file/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace clusterkit::file {
namespace {

constexpr mode_t kMode = 0644;

template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = Retry([&] { return write(fd, content.data(), content.size()); });
    if (written < 0) return ErrnoStatus("write", path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteNewFile(const std::string& path, std::string_view content) {
  Descriptor file(Retry([&] {
    return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kMode);
  }));
  if (file.get() < 0) return ErrnoStatus("open", path, errno);
  CLUSTERKIT_RETURN_IF_ERROR(WriteAll(file.get(), content, path));
  // Always, also when nobody waits for it: a rename that reaches the disk before the content would
  // leave an empty file in the place of a good one.
  if (Retry([&] { return fsync(file.get()); }) != 0) return ErrnoStatus("fsync", path, errno);
  if (file.Close() != 0) return ErrnoStatus("close", path, errno);
  return absl::OkStatus();
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor dir(
      Retry([&] { return open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (dir.get() < 0) return ErrnoStatus("open", directory, errno);
  if (Retry([&] { return fsync(dir.get()); }) != 0) return ErrnoStatus("fsync", directory, errno);
  return absl::OkStatus();
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() { Close(); }

int Descriptor::Close() { return fd_ < 0 ? 0 : close(std::exchange(fd_, -1)); }

absl::Status ErrnoStatus(std::string_view action, const std::string& path, int error) {
  std::string reason = std::generic_category().message(error);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  const std::string text = absl::StrCat(Av(action), " ", path, ": ", reason);
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM || error == EROFS) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

absl::StatusOr<Descriptor> LockFile(const std::string& path) {
  Descriptor file(Retry([&] { return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode); }));
  if (file.get() < 0) return ErrnoStatus("open", path, errno);
  if (Retry([&] { return flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) return file;
  if (errno != EWOULDBLOCK) return ErrnoStatus("lock", path, errno);
  return absl::FailedPreconditionError(absl::StrCat(path, " is held by another process"));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const Descriptor file(Retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (file.get() < 0) return ErrnoStatus("open", path, errno);
  std::string content;
  char buffer[size_t{64} << 10];
  while (true) {
    const ssize_t size = Retry([&] { return read(file.get(), buffer, sizeof(buffer)); });
    if (size < 0) return ErrnoStatus("read", path, errno);
    if (size == 0) return content;
    content.append(buffer, static_cast<size_t>(size));
    if (content.size() > max_bytes) {
      return absl::DataLossError(absl::StrCat(path, ": larger than ", max_bytes, " bytes"));
    }
  }
}

absl::Status ReplaceFile(const std::string& path, std::string_view content, bool sync) {
  const std::string temporary = path + ".tmp";
  absl::Status status = WriteNewFile(temporary, content);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus("rename", path, errno);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return sync ? SyncDirectoryOf(path) : absl::OkStatus();
}

}  // namespace clusterkit::file
