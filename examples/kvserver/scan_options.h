#ifndef KVSERVER_SCAN_OPTIONS_H_
#define KVSERVER_SCAN_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "kvserver/command_context.h"

namespace kv {

// What SCAN, HSCAN, SSCAN and ZSCAN are asked.
struct ScanOptions {
  uint64_t cursor = 0;
  int64_t count = 10;                            // bounds the work of one call
  std::optional<std::string_view> pattern = {};  // nothing: every name
  std::optional<std::string_view> type = {};

  bool Wants(std::string_view name) const;
};

// False: an error was answered.
bool ParseScanCursor(CommandContext& context, std::string_view arg, ScanOptions* options);
// "MATCH pattern", "COUNT count" and, with_type, "TYPE type".
bool ParseScanOptions(CommandContext& context, Args words, bool with_type, ScanOptions* options);

// The first part of the reply; an array must follow.
void ReplyCursor(CommandContext& context, uint64_t cursor);

}  // namespace kv

#endif  // KVSERVER_SCAN_OPTIONS_H_
