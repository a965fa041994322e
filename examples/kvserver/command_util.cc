#include "kvserver/command_util.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

// A buffer that once held a large value is given back when a small one replaces it.
constexpr size_t kKeepCapacity = 1024;

bool CheckType(CommandContext& context, const Entry* entry, ValueType type) {
  if (entry == nullptr || entry->value.type() == type) return true;
  context.reply.Error("WRONGTYPE Operation against a key holding the wrong kind of value");
  return false;
}

}  // namespace

void ReplySyntaxError(CommandContext& context) { context.reply.Error("ERR syntax error"); }

void ReplyArityError(CommandContext& context) {
  context.reply.Error(
      absl::StrCat("ERR wrong number of arguments for '", context.spec.name, "' command"));
}

void ReplySubcommandError(CommandContext& context) {
  constexpr size_t kMaxQuoted = 128;
  const std::string_view name = context.spec.name;
  std::string text = "ERR unknown subcommand or wrong number of arguments for '";
  text.append(context.args[1].substr(0, kMaxQuoted)).append("'. Try ");
  text.append(ToUpper(name.substr(0, name.find('|')))).append(" HELP.");
  context.reply.Error(text);
}

void ReplyHelp(CommandContext& context, Args lines) {
  context.reply.Array(lines.size());
  for (const std::string_view line : lines) context.reply.Simple(line);
}

bool IntegerArg(CommandContext& context, std::string_view arg, int64_t* value) {
  if (ParseInt(arg, value)) return true;
  context.reply.Error("ERR value is not an integer or out of range");
  return false;
}

bool TimeoutArg(CommandContext& context, std::string_view arg, int64_t* timeout_ms) {
  if (!ParseInt(arg, timeout_ms)) {
    context.reply.Error("ERR timeout is not an integer or out of range");
    return false;
  }
  if (*timeout_ms < 0) {
    context.reply.Error("ERR timeout is negative");
    return false;
  }
  return true;
}

bool IsValidName(std::string_view name) {
  for (const char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

bool FindTyped(CommandContext& context, std::string_view key, ValueType type, Entry** entry) {
  *entry = context.keyspace.Find(key);
  ++(*entry != nullptr ? context.stats().keyspace_hits : context.stats().keyspace_misses);
  return CheckType(context, *entry, type);
}

bool FindTypedForWrite(CommandContext& context, std::string_view key, ValueType type,
                       Entry** entry) {
  *entry = context.keyspace.FindForWrite(key);
  return CheckType(context, *entry, type);
}

bool UpsertTyped(CommandContext& context, std::string_view key, ValueType type, Entry** entry) {
  bool created = false;
  *entry = context.keyspace.Upsert(key, &created);
  if (created) (*entry)->value = Value(type);
  return CheckType(context, *entry, type);
}

void EraseIfEmpty(CommandContext& context, Entry* entry) {
  if (entry->value.element_count() == 0) context.keyspace.Erase(entry);
}

Entry* StoreString(CommandContext& context, std::string_view key, std::string_view value,
                   bool keep_expiry) {
  Entry* entry = context.keyspace.Upsert(key);
  if (entry->value.type() != ValueType::kString) context.keyspace.Replace(entry, Value());
  std::string& string = entry->value.string();
  if (string.capacity() > kKeepCapacity && string.capacity() / 2 > value.size()) {
    string = std::string(value);
  } else {
    string.assign(value);
  }
  if (!keep_expiry) context.keyspace.ClearExpiry(entry);
  context.keyspace.CountChange();
  return entry;
}

bool ExpiryArg(CommandContext& context, std::string_view arg, ExpiryUnit unit, int64_t* unix_ms) {
  int64_t time = 0;
  if (!IntegerArg(context, arg, &time)) return false;
  const int64_t base = unit.absolute ? 0 : context.keyspace.now_ms();
  const int64_t scale = unit.seconds ? 1000 : 1;
  if (time <= 0 || time > kMaxInt / scale || time * scale > kMaxInt - base) {
    context.reply.Error(
        absl::StrCat("ERR invalid expire time in '", context.spec.name, "' command"));
    return false;
  }
  *unix_ms = base + time * scale;
  return true;
}

}  // namespace kv
