// DUMP and RESTORE: values as Redis encodes them, to move them between servers.

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"
#include "kvserver/value_codec.h"

namespace kv {
namespace {

void Dump(CommandContext& context) {
  const Entry* entry = context.keyspace.Find(context.args[1]);
  if (entry == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(DumpPayload(entry->value));
  }
}

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;  // the time to live is a point in time
};

// IDLETIME and FREQ tell how warm a key is. kvserver evicts none, so they are only checked.
bool ParseRestoreOptions(CommandContext& context, RestoreOptions* options) {
  const Args args = context.args;
  bool idle_time = false;
  bool frequency = false;
  int64_t value = 0;
  for (size_t i = 4; i < args.size(); ++i) {
    const bool more = i + 1 < args.size();
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options->replace = true;
    } else if (EqualsIgnoreCase(args[i], "ABSTTL")) {
      options->absolute = true;
    } else if (EqualsIgnoreCase(args[i], "IDLETIME") && more && !frequency) {
      if (!IntegerArg(context, args[++i], &value)) return false;
      idle_time = true;
      if (value < 0) {
        context.reply.Error("ERR Invalid IDLETIME value, must be >= 0");
        return false;
      }
    } else if (EqualsIgnoreCase(args[i], "FREQ") && more && !idle_time) {
      if (!IntegerArg(context, args[++i], &value)) return false;
      frequency = true;
      if (value < 0 || value > 255) {
        context.reply.Error("ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
      }
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

// When the key is to expire; kNoExpiry for a time to live of 0.
bool RestoreExpiry(CommandContext& context, bool absolute, int64_t* unix_ms) {
  int64_t ttl = 0;
  if (!IntegerArg(context, context.args[2], &ttl)) return false;
  const int64_t base = absolute ? 0 : context.keyspace.now_ms();
  if (ttl < 0 || ttl > std::numeric_limits<int64_t>::max() - base) {
    context.reply.Error("ERR Invalid TTL value, must be >= 0");
    return false;
  }
  *unix_ms = ttl == 0 ? kNoExpiry : base + ttl;
  return true;
}

// Puts the value under the key, unless its time is over.
void StoreRestored(CommandContext& context, Value value, int64_t expires_at_ms) {
  const std::string_view key = context.args[1];
  // When a replica applies its primary's stream, the primary decides when a key ends.
  if (expires_at_ms != kNoExpiry && expires_at_ms <= context.keyspace.now_ms() &&
      context.client.kind != ClientKind::kPrimary) {
    if (!context.keyspace.Erase(key)) return;
    context.Propagate({"DEL", key});
  } else {
    Entry* entry = context.keyspace.Upsert(key);
    context.keyspace.Replace(entry, std::move(value));
    context.keyspace.ClearExpiry(entry);
    if (expires_at_ms != kNoExpiry) context.keyspace.SetExpiry(entry, expires_at_ms);
    const int64_t absolute_ttl = expires_at_ms == kNoExpiry ? 0 : expires_at_ms;
    context.Propagate(
        {"RESTORE", key, Digits(absolute_ttl).view(), context.args[3], "REPLACE", "ABSTTL"});
  }
  context.keyspace.CountChange();
}

void Restore(CommandContext& context) {
  RestoreOptions options;
  int64_t expires_at_ms = kNoExpiry;
  if (!ParseRestoreOptions(context, &options)) return;
  if (!options.replace && context.keyspace.Find(context.args[1]) != nullptr) {
    return context.reply.Error("BUSYKEY Target key name already exists.");
  }
  if (!RestoreExpiry(context, options.absolute, &expires_at_ms)) return;
  absl::StatusOr<Value> value = ParsePayload(context.args[3]);
  if (!value.ok()) return context.reply.Error(absl::StrCat("ERR ", value.status().message()));
  StoreRestored(context, *std::move(value), expires_at_ms);
  context.reply.Ok();
}

}  // namespace

void AddDumpCommands(CommandTable& table) {
  constexpr uint32_t kCategories = kCatKeyspace | kCatDangerous;
  constexpr KeyRange kRestored = OneKey("OW update");
  // clang-format off
  const CommandSpec specs[] = {
      {"dump", 2, kReadonly, kCatKeyspace, OneKey("RO access"), Dump, "generic", "2.6.0",
       "Return a serialized version of the value stored at the specified key.",
       {"nondeterministic_output"}},
      {"restore", -4, kWrite | kDenyOom, kCategories, kRestored, Restore, "generic", "2.6.0",
       "Create a key using the provided serialized value, previously obtained using DUMP."},
      {"restore-asking", -4, kWrite | kDenyOom | kAsking, kCategories, kRestored, Restore,
       "server", "3.0.0", "An internal command for migrating keys in a cluster"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
