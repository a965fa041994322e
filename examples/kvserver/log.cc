#include "kvserver/log.h"

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace kv {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kNotice};
std::atomic<LogRole> g_role{LogRole::kChild};
std::mutex g_mutex;
int g_fd = STDOUT_FILENO;  // guarded by g_mutex

// "22 Nov 2026 16:49:02.123" in local time.
std::string Timestamp() {
  timeval now;
  gettimeofday(&now, nullptr);
  tm local;
  localtime_r(&now.tv_sec, &local);
  char text[64];
  size_t size = std::strftime(text, sizeof(text), "%d %b %Y %H:%M:%S", &local);
  size += static_cast<size_t>(std::snprintf(text + size, sizeof(text) - size, ".%03d",
                                            static_cast<int>(now.tv_usec / 1000)));
  return {text, size};
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }

void SetLogRole(LogRole role) { g_role = role; }

bool SetLogFile(const std::string& path) {
  int fd = STDOUT_FILENO;
  if (!path.empty()) {
    fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return false;
  }
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_fd != STDOUT_FILENO) close(g_fd);
  g_fd = fd;
  return true;
}

void Log(LogLevel level, std::string_view text) {
  if (level < g_level) return;
  constexpr char kMarks[] = ".-*#";
  std::string line = std::to_string(getpid());
  line += ':';
  line += static_cast<char>(g_role.load());
  line += ' ';
  line += Timestamp();
  line += ' ';
  line += kMarks[static_cast<size_t>(level)];
  line += ' ';
  line += text;
  line += '\n';
  // One write per line, so that lines of several threads and processes do not mix. Nothing can
  // be done about a log that cannot be written.
  const std::lock_guard<std::mutex> lock(g_mutex);
  [[maybe_unused]] const ssize_t written = write(g_fd, line.data(), line.size());
}

}  // namespace kv
