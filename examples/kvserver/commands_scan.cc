// KEYS and SCAN.

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/glob.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void Keys(CommandContext& context) {
  const std::string_view pattern = context.args[1];
  const bool all = pattern == "*";
  std::vector<std::string_view> keys;
  context.keyspace.ForEach([&](Entry& entry) {
    if (all || GlobMatches(pattern, entry.key())) keys.push_back(entry.key());
  });
  context.reply.Array(keys.size());
  for (const std::string_view key : keys) context.reply.Bulk(key);
}

struct ScanOptions {
  uint64_t cursor = 0;
  int64_t count = 10;
  std::optional<std::string_view> pattern = {};
  std::optional<std::string_view> type = {};
};

bool ParseScanOptions(CommandContext& context, ScanOptions* options) {
  const std::string_view cursor = context.args[1];
  const char* end = cursor.data() + cursor.size();
  const auto result = std::from_chars(cursor.data(), end, options->cursor);
  if (result.ec != std::errc() || result.ptr != end) {
    context.reply.Error("ERR invalid cursor");
    return false;
  }
  for (size_t i = 2; i < context.args.size(); i += 2) {
    if (i + 1 == context.args.size()) {
      ReplySyntaxError(context);
      return false;
    }
    const std::string_view word = context.args[i];
    const std::string_view value = context.args[i + 1];
    if (EqualsIgnoreCase(word, "COUNT")) {
      if (!IntegerArg(context, value, &options->count)) return false;
    } else if (EqualsIgnoreCase(word, "MATCH")) {
      options->pattern = value;
    } else if (EqualsIgnoreCase(word, "TYPE")) {
      options->type = value;
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

void Scan(CommandContext& context) {
  ScanOptions options;
  if (!ParseScanOptions(context, &options)) return;
  // A sparse table has many empty buckets; look at so many and leave the rest to the next call.
  constexpr int64_t kBucketsPerKey = 10;
  constexpr int64_t kMaxCount = int64_t{1} << 48;
  int64_t buckets = std::min(options.count, kMaxCount) * kBucketsPerKey;
  // COUNT bounds the work, so keys that do not match count too.
  int64_t visited = 0;
  uint64_t cursor = options.cursor;
  std::vector<std::string_view> keys;
  do {
    cursor = context.keyspace.Scan(cursor, [&](Entry& entry) {
      ++visited;
      if (options.type && !EqualsIgnoreCase(*options.type, TypeName(entry.value.type()))) return;
      if (options.pattern && !GlobMatches(*options.pattern, entry.key())) return;
      keys.push_back(entry.key());
    });
  } while (cursor != 0 && visited < options.count && --buckets > 0);

  context.reply.Array(2);
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof(digits), cursor).ptr;
  context.reply.Bulk({digits, static_cast<size_t>(end - digits)});
  context.reply.Array(keys.size());
  for (const std::string_view key : keys) context.reply.Bulk(key);
}

}  // namespace

void AddScanCommands(CommandTable& table) {
  // clang-format off
  const CommandSpec specs[] = {
      {"keys", 2, kReadonly, kCatKeyspace | kCatDangerous, {}, Keys, "generic", "1.0.0",
       "Find all keys matching the given pattern",
       {"request_policy:all_shards", "nondeterministic_output_order"}},
      {"scan", -2, kReadonly, kCatKeyspace, {}, Scan, "generic", "2.8.0",
       "Incrementally iterate the keys space",
       {"nondeterministic_output", "request_policy:special"}},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
