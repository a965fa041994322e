#ifndef KVSERVER_LOG_H_
#define KVSERVER_LOG_H_

#include <string>
#include <string_view>

#include "kvserver/config.h"

namespace kv {

// Whose line it is, the letter behind the process id.
enum class LogRole : char { kChild = 'C', kPrimary = 'M', kReplica = 'S' };

// Lines in redis-server's form: "<pid>:M 22 Nov 2026 16:49:02.123 * text". Any thread.
void Log(LogLevel level, std::string_view text);

void SetLogLevel(LogLevel level);
void SetLogRole(LogRole role);
// Appends to `path`; empty: standard output. False, with errno, if it cannot be opened; then the
// log goes where it went before.
bool SetLogFile(const std::string& path);

}  // namespace kv

#endif  // KVSERVER_LOG_H_
