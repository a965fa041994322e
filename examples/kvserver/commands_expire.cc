// Commands that set, clear and read expiries.

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

struct ExpireCondition {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

bool ParseCondition(CommandContext& context, ExpireCondition* condition) {
  for (const std::string_view word : context.args.subspan(3)) {
    if (EqualsIgnoreCase(word, "NX")) {
      condition->nx = true;
    } else if (EqualsIgnoreCase(word, "XX")) {
      condition->xx = true;
    } else if (EqualsIgnoreCase(word, "GT")) {
      condition->gt = true;
    } else if (EqualsIgnoreCase(word, "LT")) {
      condition->lt = true;
    } else {
      std::string text = "ERR Unsupported option ";
      context.reply.Error(text.append(word));
      return false;
    }
  }
  if (condition->nx && (condition->xx || condition->gt || condition->lt)) {
    context.reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (condition->gt && condition->lt) {
    context.reply.Error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// A key without expiry counts as one that never expires.
bool ConditionHolds(const ExpireCondition& condition, int64_t current_ms, int64_t wanted_ms) {
  const bool has_expiry = current_ms != kNoExpiry;
  if (condition.nx && has_expiry) return false;
  if (condition.xx && !has_expiry) return false;
  if (condition.gt && (!has_expiry || wanted_ms <= current_ms)) return false;
  if (condition.lt && has_expiry && wanted_ms >= current_ms) return false;
  return true;
}

// Unlike SET's options, EXPIRE takes times in the past: they delete the key.
bool PastOrFutureArg(CommandContext& context, ExpiryUnit unit, int64_t* unix_ms) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  int64_t time = 0;
  if (!IntegerArg(context, context.args[2], &time)) return false;
  const int64_t scale = unit.seconds ? 1000 : 1;
  const int64_t base = unit.absolute ? 0 : context.keyspace.now_ms();
  if (time > kMax / scale || time < kMin / scale || time * scale > kMax - base) {
    context.reply.Error(
        absl::StrCat("ERR invalid expire time in '", context.spec.name, "' command"));
    return false;
  }
  *unix_ms = std::max<int64_t>(0, base + time * scale);
  return true;
}

void ExpireGeneric(CommandContext& context, ExpiryUnit unit) {
  const std::string_view key = context.args[1];
  ExpireCondition condition;
  int64_t unix_ms = 0;
  if (!ParseCondition(context, &condition)) return;
  if (!PastOrFutureArg(context, unit, &unix_ms)) return;
  Entry* entry = context.keyspace.FindForWrite(key);
  if (entry == nullptr || !ConditionHolds(condition, entry->expires_at_ms, unix_ms)) {
    return context.reply.Integer(0);
  }
  // When a replica applies its primary's stream, the primary decides when a key ends.
  if (unix_ms <= context.keyspace.now_ms() && context.client.kind != ClientKind::kPrimary) {
    context.keyspace.Erase(entry);
    context.Propagate({"DEL", key});
  } else {
    context.keyspace.SetExpiry(entry, unix_ms);
    context.Propagate({"PEXPIREAT", key, Digits(unix_ms).view()});
  }
  context.keyspace.CountChange();
  context.reply.Integer(1);
}

void Expire(CommandContext& context) { ExpireGeneric(context, {true, false}); }
void PExpire(CommandContext& context) { ExpireGeneric(context, {false, false}); }
void ExpireAt(CommandContext& context) { ExpireGeneric(context, {true, true}); }
void PExpireAt(CommandContext& context) { ExpireGeneric(context, {false, true}); }

void ReplyExpiry(CommandContext& context, ExpiryUnit unit) {
  const Entry* entry = context.keyspace.Find(context.args[1]);
  if (entry == nullptr) return context.reply.Integer(-2);
  if (entry->expires_at_ms == kNoExpiry) return context.reply.Integer(-1);
  int64_t time = entry->expires_at_ms;
  if (!unit.absolute) time = std::max<int64_t>(0, time - context.keyspace.now_ms());
  context.reply.Integer(unit.seconds ? (time + 500) / 1000 : time);
}

void Ttl(CommandContext& context) { ReplyExpiry(context, {true, false}); }
void PTtl(CommandContext& context) { ReplyExpiry(context, {false, false}); }
void ExpireTime(CommandContext& context) { ReplyExpiry(context, {true, true}); }
void PExpireTime(CommandContext& context) { ReplyExpiry(context, {false, true}); }

void Persist(CommandContext& context) {
  Entry* entry = context.keyspace.FindForWrite(context.args[1]);
  if (entry == nullptr || entry->expires_at_ms == kNoExpiry) return context.reply.Integer(0);
  context.keyspace.ClearExpiry(entry);
  context.keyspace.CountChange();
  context.reply.Integer(1);
}

}  // namespace

void AddExpireCommands(CommandTable& table) {
  constexpr uint32_t kWrites = kWrite | kFast;
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr KeyRange kUpdated = OneKey("RW update");
  constexpr KeyRange kRead = OneKey("RO access");
  // clang-format off
  const CommandSpec specs[] = {
      {"expire", -3, kWrites, kCatKeyspace, kUpdated, Expire, "generic", "1.0.0",
       "Set a key's time to live in seconds"},
      {"pexpire", -3, kWrites, kCatKeyspace, kUpdated, PExpire, "generic", "2.6.0",
       "Set a key's time to live in milliseconds"},
      {"expireat", -3, kWrites, kCatKeyspace, kUpdated, ExpireAt, "generic", "1.2.0",
       "Set the expiration for a key as a UNIX timestamp"},
      {"pexpireat", -3, kWrites, kCatKeyspace, kUpdated, PExpireAt, "generic", "2.6.0",
       "Set the expiration for a key as a UNIX timestamp specified in milliseconds"},
      {"expiretime", 2, kReads, kCatKeyspace, kRead, ExpireTime, "generic", "7.0.0",
       "Get the expiration Unix timestamp for a key"},
      {"pexpiretime", 2, kReads, kCatKeyspace, kRead, PExpireTime, "generic", "7.0.0",
       "Get the expiration Unix timestamp for a key in milliseconds"},
      {"ttl", 2, kReads, kCatKeyspace, kRead, Ttl, "generic", "1.0.0",
       "Get the time to live for a key in seconds", {"nondeterministic_output"}},
      {"pttl", 2, kReads, kCatKeyspace, kRead, PTtl, "generic", "2.6.0",
       "Get the time to live for a key in milliseconds", {"nondeterministic_output"}},
      {"persist", 2, kWrites, kCatKeyspace, kUpdated, Persist, "generic", "2.2.0",
       "Remove the expiration from a key"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
