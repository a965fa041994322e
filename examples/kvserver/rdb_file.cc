#include "kvserver/rdb_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/crc64.h"
#include "kvserver/little_endian.h"

namespace kv {
namespace {

// So much goes to disk at a time, so that the end does not have to wait for all of it.
constexpr size_t kSyncStep = 4 << 20;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

RdbFile::RdbFile(std::string path)
    : path_(std::move(path)),
      temporary_(absl::StrCat(DirectoryOf(path_), "/temp-", getpid(), ".rdb")) {}

RdbFile::~RdbFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

absl::Status RdbFile::Fault(std::string_view what) {
  std::string text(what);
  text.append(": ").append(std::strerror(errno));
  status_ = absl::UnavailableError(text);
  return status_;
}

absl::Status RdbFile::Append(std::string_view bytes) {
  if (!status_.ok()) return status_;
  checksum_ = Crc64(bytes, checksum_);
  return Write(bytes);
}

absl::Status RdbFile::Write(std::string_view bytes) {
  if (fd_ < 0) {
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) return Fault("can't open the temporary file");
  }
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fault("can't write");
    bytes.remove_prefix(static_cast<size_t>(written));
    unsynced_ += static_cast<size_t>(written);
  }
  if (unsynced_ < kSyncStep) return absl::OkStatus();
  unsynced_ = 0;
  if (fdatasync(fd_) != 0) return Fault("can't sync");
  return absl::OkStatus();
}

absl::Status RdbFile::Commit() {
  if (!status_.ok()) return status_;
  std::string end;
  PutLittleEndian(end, checksum_);
  if (absl::Status status = Write(end); !status.ok()) return status;
  if (fsync(fd_) != 0) return Fault("can't sync");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return Fault("can't rename");
  close(std::exchange(fd_, -1));
  return SyncDirectory();
}

absl::Status RdbFile::SyncDirectory() {
  const int fd = open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Fault("can't open the directory");
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced ? absl::OkStatus() : Fault("can't sync the directory");
}

}  // namespace kv
