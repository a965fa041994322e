// KEYS and SCAN.

#include <algorithm>
#include <string_view>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/glob.h"
#include "kvserver/scan_options.h"
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

void Scan(CommandContext& context) {
  ScanOptions options;
  if (!ParseScanCursor(context, context.args[1], &options)) return;
  if (!ParseScanOptions(context, context.args.subspan(2), /*with_type=*/true, &options)) return;
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
      if (options.Wants(entry.key())) keys.push_back(entry.key());
    });
  } while (cursor != 0 && visited < options.count && --buckets > 0);

  ReplyCursor(context, cursor);
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
