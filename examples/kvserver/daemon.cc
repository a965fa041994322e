#include "kvserver/daemon.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"

namespace kv {

void Daemonize() {
  if (fork() != 0) _exit(0);
  setsid();
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  if (null > STDERR_FILENO) close(null);
}

void AdjustOpenFileLimit(Config& config) {
  // Listening sockets, log, loop, cluster links.
  constexpr rlim_t kReserved = 1024;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = static_cast<rlim_t>(config.maxclients) + kReserved;
  if (limit.rlim_cur >= wanted) return;
  rlimit raised = {wanted, std::max(wanted, limit.rlim_max)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
  raised = {limit.rlim_max, limit.rlim_max};
  if (limit.rlim_max > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    limit.rlim_cur = limit.rlim_max;
  }
  if (limit.rlim_cur >= wanted) return;
  const rlim_t reserved = std::min(kReserved, limit.rlim_cur / 2);
  config.maxclients = static_cast<int64_t>(limit.rlim_cur - reserved);
  Log(LogLevel::kWarning,
      absl::StrCat("The limit of open files is ", limit.rlim_cur, ", so maxclients is lowered to ",
                   config.maxclients, ". For more, raise 'ulimit -n'."));
}

PidFile::PidFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::FILE* file = std::fopen(path_.c_str(), "w");
  if (file == nullptr) {
    Log(LogLevel::kWarning, absl::StrCat("Failed to write PID file: ", std::strerror(errno)));
    path_.clear();
    return;
  }
  std::fprintf(file, "%d\n", static_cast<int>(getpid()));
  std::fclose(file);
}

PidFile::~PidFile() {
  if (path_.empty()) return;
  Log(LogLevel::kNotice, "Removing the pid file.");
  unlink(path_.c_str());
}

}  // namespace kv
