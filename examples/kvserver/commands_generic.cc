// Commands on keys of any type.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void Del(CommandContext& context) {
  int64_t deleted = 0;
  for (const std::string_view key : context.args.subspan(1)) {
    if (!context.keyspace.Erase(key)) continue;
    context.keyspace.CountChange();
    ++deleted;
  }
  context.reply.Integer(deleted);
}

// EXISTS and TOUCH: a key named twice counts twice.
void Exists(CommandContext& context) {
  int64_t found = 0;
  for (const std::string_view key : context.args.subspan(1)) {
    if (context.keyspace.Find(key) != nullptr) ++found;
  }
  context.reply.Integer(found);
}

void Type(CommandContext& context) {
  const Entry* entry = context.keyspace.Find(context.args[1]);
  context.reply.Simple(entry == nullptr ? "none" : TypeName(entry->value.type()));
}

void DbSize(CommandContext& context) {
  context.reply.Integer(static_cast<int64_t>(context.keyspace.size()));
}

void FlushAll(CommandContext& context) {
  // Only SYNC has everybody wait until the memory is free.
  const bool now = context.args.size() == 2 && EqualsIgnoreCase(context.args[1], "SYNC");
  if (context.args.size() > 2 ||
      (context.args.size() == 2 && !now && !EqualsIgnoreCase(context.args[1], "ASYNC"))) {
    return ReplySyntaxError(context);
  }
  context.keyspace.Clear(now);
  // Counts also when there was nothing: replicas may still hold expired keys.
  context.keyspace.CountChange();
  context.reply.Ok();
}

void RandomKey(CommandContext& context) {
  const Entry* entry = context.keyspace.Random();
  if (entry == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(entry->key());
  }
}

// False: there is no source, or a target that must not be replaced; the reply was written.
bool RenameKey(CommandContext& context, bool replace) {
  const std::string_view from = context.args[1];
  const std::string_view to = context.args[2];
  Entry* source = context.keyspace.FindForWrite(from);
  if (source == nullptr) {
    context.reply.Error("ERR no such key");
    return false;
  }
  if (from == to) {
    if (!replace) context.reply.Integer(0);
    return replace;
  }
  if (!replace && context.keyspace.Find(to) != nullptr) {
    context.reply.Integer(0);
    return false;
  }
  Entry* target = context.keyspace.Upsert(to);
  context.keyspace.Replace(target, std::move(source->value));
  if (source->expires_at_ms != kNoExpiry) {
    context.keyspace.SetExpiry(target, source->expires_at_ms);
  } else {
    context.keyspace.ClearExpiry(target);
  }
  context.keyspace.Erase(source);
  context.keyspace.CountChange();
  return true;
}

void Rename(CommandContext& context) {
  if (RenameKey(context, /*replace=*/true)) context.reply.Ok();
}

void RenameNx(CommandContext& context) {
  if (RenameKey(context, /*replace=*/false)) context.reply.Integer(1);
}

// Clients read the names of Redis's encodings; ours are others.
void ObjectEncoding(CommandContext& context) {
  const Entry* entry = context.keyspace.Find(context.args[2]);
  if (entry == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(EncodingName(entry->value));
  }
}

void ObjectRefCount(CommandContext& context) {
  if (context.keyspace.Find(context.args[2]) == nullptr) return context.reply.Null();
  context.reply.Integer(1);  // Values are never shared.
}

// Accesses are counted where keys are evicted by them, which they are not.
void ObjectFreq(CommandContext& context) {
  if (context.keyspace.Find(context.args[2]) == nullptr) return context.reply.Null();
  context.reply.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
      "when switching between policies at runtime LRU and LFU data will take some time to adjust.");
}

// It would cost memory for each key, and nothing is evicted by it.
void ObjectIdleTime(CommandContext& context) {
  if (context.keyspace.Find(context.args[2]) == nullptr) return context.reply.Null();
  context.reply.Error("ERR The time of the last access is not tracked.");
}

void ObjectHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ENCODING <key>",
      "    Return the kind of internal representation used in order to store the value",
      "    associated with a <key>.",
      "FREQ <key>",
      "    Return an error: accesses are not counted.",
      "IDLETIME <key>",
      "    Return an error: the time of the last access is not tracked.",
      "REFCOUNT <key>",
      "    Return the number of references of the value associated with the specified",
      "    <key>.",
      "HELP",
      "    Print this help.",
  };
  ReplyHelp(context, kLines);
}

void AddObjectCommand(CommandTable& table) {
  table.Add(
      Container("object", "generic", "2.2.3", "A container for object introspection commands"));
  // clang-format off
  const CommandSpec specs[] = {
      {"object|encoding", 3, kReadonly, kCatKeyspace, {2, 2, 1, "RO"}, ObjectEncoding, "generic",
       "2.2.3", "Inspect the internal encoding of an object", {"nondeterministic_output"}},
      {"object|refcount", 3, kReadonly, kCatKeyspace, {2, 2, 1, "RO"}, ObjectRefCount, "generic",
       "2.2.3", "Get the number of references to the value of the key",
       {"nondeterministic_output"}},
      {"object|freq", 3, kReadonly, kCatKeyspace, {2, 2, 1, "RO"}, ObjectFreq, "generic",
       "4.0.0", "Get the logarithmic access frequency counter of a Redis object",
       {"nondeterministic_output"}},
      {"object|idletime", 3, kReadonly, kCatKeyspace, {2, 2, 1, "RO"}, ObjectIdleTime, "generic",
       "2.2.3", "Get the time since a Redis object was last accessed",
       {"nondeterministic_output"}},
      {"object|help", 2, kLoading | kStale, kCatKeyspace, {}, ObjectHelp, "generic", "6.2.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("object", spec);
}

}  // namespace

void AddGenericCommands(CommandTable& table) {
  // clang-format off
  const CommandSpec specs[] = {
      {"del", -2, kWrite, kCatKeyspace, AllKeys("RM delete"), Del, "generic", "1.0.0",
       "Delete a key", {"request_policy:multi_shard", "response_policy:agg_sum"}},
      {"unlink", -2, kWrite | kFast, kCatKeyspace, AllKeys("RM delete"), Del, "generic", "4.0.0",
       "Delete a key", {"request_policy:multi_shard", "response_policy:agg_sum"}},
      {"exists", -2, kReadonly | kFast, kCatKeyspace, AllKeys("RO"), Exists, "generic", "1.0.0",
       "Determine if a key exists", {"request_policy:multi_shard", "response_policy:agg_sum"}},
      {"touch", -2, kReadonly | kFast, kCatKeyspace, AllKeys("RO"), Exists, "generic", "3.2.1",
       "Returns the number of existing keys specified.",
       {"request_policy:multi_shard", "response_policy:agg_sum"}},
      {"type", 2, kReadonly | kFast, kCatKeyspace, OneKey("RO"), Type, "generic", "1.0.0",
       "Determine the type stored at key"},
      {"dbsize", 1, kReadonly | kFast, kCatKeyspace, {}, DbSize, "server", "1.0.0",
       "Return the number of keys in the selected database",
       {"request_policy:all_shards", "response_policy:agg_sum"}},
      {"flushall", -1, kWrite, kCatKeyspace | kCatDangerous, {}, FlushAll, "server", "1.0.0",
       "Remove all keys from all databases",
       {"request_policy:all_shards", "response_policy:all_succeeded"}},
      {"flushdb", -1, kWrite, kCatKeyspace | kCatDangerous, {}, FlushAll, "server", "1.0.0",
       "Remove all keys from the current database",
       {"request_policy:all_shards", "response_policy:all_succeeded"}},
      {"randomkey", 1, kReadonly, kCatKeyspace, {}, RandomKey, "generic", "1.0.0",
       "Return a random key from the keyspace",
       {"request_policy:all_shards", "nondeterministic_output"}},
      {"rename", 3, kWrite, kCatKeyspace, {1, 2, 1, "RW access delete", "OW update"}, Rename,
       "generic", "1.0.0", "Rename a key"},
      {"renamenx", 3, kWrite | kFast, kCatKeyspace, {1, 2, 1, "RW access delete", "OW insert"},
       RenameNx, "generic", "1.0.0", "Rename a key, only if the new key does not exist"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
  AddObjectCommand(table);
}

}  // namespace kv
