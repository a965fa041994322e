// COPY, and what would need another database.

#include <utility>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// "[DB 0] [REPLACE]"; there is one database only.
bool ParseCopyOptions(CommandContext& context, bool* replace) {
  const Args args = context.args;
  for (size_t i = 3; i < args.size(); ++i) {
    int64_t database = 0;
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      *replace = true;
    } else if (EqualsIgnoreCase(args[i], "DB") && i + 1 < args.size()) {
      if (!IntegerArg(context, args[++i], &database)) return false;
      if (database != 0) {
        context.reply.Error("ERR DB index is out of range");
        return false;
      }
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

void Copy(CommandContext& context) {
  const std::string_view from = context.args[1];
  const std::string_view to = context.args[2];
  bool replace = false;
  if (!ParseCopyOptions(context, &replace)) return;
  if (from == to) return context.reply.Error("ERR source and destination objects are the same");
  const Entry* source = context.keyspace.Find(from);
  if (source == nullptr) return context.reply.Integer(0);
  if (!replace && context.keyspace.Find(to) != nullptr) return context.reply.Integer(0);
  Entry* target = context.keyspace.Upsert(to);
  context.keyspace.Replace(target, source->value.Copy());
  context.keyspace.ClearExpiry(target);
  if (source->expires_at_ms != kNoExpiry) {
    context.keyspace.SetExpiry(target, source->expires_at_ms);
  }
  context.keyspace.CountChange();
  context.reply.Integer(1);
}

void Move(CommandContext& context) {
  int64_t database = 0;
  if (context.config().cluster_enabled) {
    return context.reply.Error("ERR MOVE is not allowed in cluster mode");
  }
  if (!ParseInt(context.args[2], &database) || database != 0) {
    return context.reply.Error("ERR value is not an integer or out of range");
  }
  context.reply.Error("ERR source and destination objects are the same");
}

void SwapDb(CommandContext& context) {
  context.reply.Error(context.config().cluster_enabled ? "ERR SWAPDB is not allowed in cluster mode"
                                                       : "ERR DB index is out of range");
}

}  // namespace

void AddCopyCommands(CommandTable& table) {
  table.Add({"copy", -3, kWrite | kDenyOom, kCatKeyspace, TwoKeys("RO access", "OW update"), Copy,
             "generic", "6.2.0", "Copy a key"});
  table.Add({"move", 3, kWrite | kFast, kCatKeyspace, OneKey("RW access update"), Move, "generic",
             "1.0.0", "Move a key to another database"});
  table.Add({"swapdb", 3, kWrite | kFast, kCatKeyspace | kCatDangerous, KeyRange(), SwapDb,
             "server", "4.0.0", "Swaps two Redis databases"});
}

}  // namespace kv
