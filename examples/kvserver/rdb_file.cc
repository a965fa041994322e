#include "kvserver/rdb_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/crc64.h"
#include "kvserver/little_endian.h"
#include "kvserver/log.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// So much goes to disk at a time, so that the end does not have to wait for all of it.
constexpr size_t kSyncStep = 4 << 20;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string FileNameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Between these, a temporary file has the id of the process that writes it. The name is none of
// redis-server's, which may work in the same directory.
constexpr std::string_view kPrefix = "temp-";
std::string SuffixFor(const std::string& path) { return absl::StrCat("-", FileNameOf(path)); }

// The process that this is a temporary file of; 0 if it is none for `path`.
pid_t WriterOf(std::string_view name, const std::string& path) {
  const std::string suffix = SuffixFor(path);
  int64_t pid = 0;
  if (name.size() <= kPrefix.size() + suffix.size() || name.substr(0, kPrefix.size()) != kPrefix ||
      name.substr(name.size() - suffix.size()) != suffix) {
    return 0;
  }
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(suffix.size());
  return ParseInt(name, &pid) && pid > 0 ? static_cast<pid_t>(pid) : 0;
}

}  // namespace

RdbFile::RdbFile(std::string path)
    : path_(std::move(path)),
      temporary_(absl::StrCat(DirectoryOf(path_), "/", std::string(kPrefix), getpid(),
                              SuffixFor(path_))) {}

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

void RemoveAbandonedRdbFiles(const std::string& path) {
  DIR* directory = opendir(DirectoryOf(path).c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const pid_t writer = WriterOf(entry->d_name, path);
    // A process that lives may still be at it, unless it is this one, which writes nothing yet.
    if (writer == 0 || (writer != getpid() && (kill(writer, 0) == 0 || errno != ESRCH))) continue;
    Log(LogLevel::kNotice, absl::StrCat("Removing the unfinished snapshot ", entry->d_name));
    unlink(absl::StrCat(DirectoryOf(path), "/", entry->d_name).c_str());
  }
  closedir(directory);
}

}  // namespace kv
