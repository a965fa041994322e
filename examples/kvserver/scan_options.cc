#include "kvserver/scan_options.h"

#include <charconv>

#include "kvserver/command_util.h"
#include "kvserver/glob.h"
#include "kvserver/text.h"

namespace kv {

bool ScanOptions::Wants(std::string_view name) const {
  return !pattern.has_value() || GlobMatches(*pattern, name);
}

bool ParseScanCursor(CommandContext& context, std::string_view arg, ScanOptions* options) {
  const char* end = arg.data() + arg.size();
  const auto result = std::from_chars(arg.data(), end, options->cursor);
  if (result.ec == std::errc() && result.ptr == end) return true;
  context.reply.Error("ERR invalid cursor");
  return false;
}

bool ParseScanOptions(CommandContext& context, Args words, bool with_type, ScanOptions* options) {
  for (; !words.empty(); words = words.subspan(2)) {
    if (words.size() == 1) {
      ReplySyntaxError(context);
      return false;
    }
    if (EqualsIgnoreCase(words[0], "COUNT")) {
      if (!IntegerArg(context, words[1], &options->count)) return false;
    } else if (EqualsIgnoreCase(words[0], "MATCH")) {
      options->pattern = words[1];
    } else if (with_type && EqualsIgnoreCase(words[0], "TYPE")) {
      options->type = words[1];
    } else {
      ReplySyntaxError(context);
      return false;
    }
    if (options->count < 1) {
      ReplySyntaxError(context);
      return false;
    }
  }
  if (options->pattern == "*") options->pattern.reset();
  return true;
}

void ReplyCursor(CommandContext& context, uint64_t cursor) {
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof(digits), cursor).ptr;
  context.reply.Array(2);
  context.reply.Bulk({digits, static_cast<size_t>(end - digits)});
}

}  // namespace kv
