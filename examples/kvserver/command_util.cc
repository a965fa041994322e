#include "kvserver/command_util.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

// A buffer that once held a large value is given back when a small one replaces it.
constexpr size_t kKeepCapacity = 1024;

bool CheckType(CommandContext& context, const Entry* entry, ValueType type) {
  if (entry == nullptr || entry->value.type() == type) return true;
  ReplyWrongType(context);
  return false;
}

}  // namespace

void ReplySyntaxError(CommandContext& context) { context.reply.Error("ERR syntax error"); }

void ReplyWrongType(CommandContext& context) {
  context.reply.Error("WRONGTYPE Operation against a key holding the wrong kind of value");
}

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

bool CountArg(CommandContext& context, std::string_view arg, int64_t* count) {
  if (ParseInt(arg, count) && *count >= 0) return true;
  context.reply.Error("ERR value is out of range, must be positive");
  return false;
}

bool SymmetricArg(CommandContext& context, std::string_view arg, int64_t* value) {
  if (!IntegerArg(context, arg, value)) return false;
  if (*value >= -kMaxInt) return true;
  context.reply.Error(
      "ERR value is out of range, value must between -9223372036854775807 and "
      "9223372036854775807");
  return false;
}

bool DoubleArg(CommandContext& context, std::string_view arg, double* value,
               std::string_view error) {
  if (ParseDouble(arg, value)) return true;
  context.reply.Error(error);
  return false;
}

bool ParsePopRequest(CommandContext& context, size_t from, std::string_view first_word,
                     std::string_view last_word, PopRequest* request) {
  const Args args = context.args.subspan(from);
  int64_t number = 0;
  if (!ParseInt(args[0], &number) || number < 1) {
    context.reply.Error("ERR numkeys should be greater than 0");
    return false;
  }
  // The keys, and behind them one word at least.
  if (static_cast<uint64_t>(number) >= args.size() - 1) {
    ReplySyntaxError(context);
    return false;
  }
  request->keys = args.subspan(1, static_cast<size_t>(number));
  const Args rest = args.subspan(1 + request->keys.size());
  request->first_end = EqualsIgnoreCase(rest[0], first_word);
  const bool counted = rest.size() == 3 && EqualsIgnoreCase(rest[1], "COUNT");
  if ((!request->first_end && !EqualsIgnoreCase(rest[0], last_word)) ||
      (rest.size() > 1 && !counted)) {
    ReplySyntaxError(context);
    return false;
  }
  if (!counted) return true;
  if (!ParseInt(rest[2], &number) || number < 1) {
    context.reply.Error("ERR count should be greater than 0");
    return false;
  }
  request->count = static_cast<size_t>(number);
  return true;
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

bool SecondsArg(CommandContext& context, std::string_view arg, int64_t* timeout_ms) {
  long double seconds = 0;
  if (!ParseLongDouble(arg, &seconds)) {
    context.reply.Error("ERR timeout is not a float or out of range");
    return false;
  }
  const long double milliseconds = std::ceil(seconds * 1000);
  // What is no integer counts as negative, in Redis.
  if (milliseconds < 0 || milliseconds > static_cast<long double>(kMaxInt)) {
    context.reply.Error("ERR timeout is negative");
    return false;
  }
  *timeout_ms = static_cast<int64_t>(milliseconds);
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

bool FindList(CommandContext& context, std::string_view key, const ListValue** value) {
  Entry* entry = nullptr;
  if (!FindTyped(context, key, ValueType::kList, &entry)) return false;
  *value = entry == nullptr ? nullptr : &entry->value.list();
  return true;
}

bool FindSet(CommandContext& context, std::string_view key, const SetValue** value) {
  Entry* entry = nullptr;
  if (!FindTyped(context, key, ValueType::kSet, &entry)) return false;
  *value = entry == nullptr ? nullptr : &entry->value.set();
  return true;
}

bool FindHash(CommandContext& context, std::string_view key, const HashValue** value) {
  Entry* entry = nullptr;
  if (!FindTyped(context, key, ValueType::kHash, &entry)) return false;
  *value = entry == nullptr ? nullptr : &entry->value.hash();
  return true;
}

bool FindSortedSet(CommandContext& context, std::string_view key, const SortedSetValue** value) {
  Entry* entry = nullptr;
  if (!FindTyped(context, key, ValueType::kSortedSet, &entry)) return false;
  *value = entry == nullptr ? nullptr : &entry->value.sorted_set();
  return true;
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

void StoreContainer(CommandContext& context, std::string_view key, Value value) {
  const size_t size = value.element_count();
  if (size == 0) {
    if (context.keyspace.Erase(key)) context.keyspace.CountChange();
    return context.reply.Integer(0);
  }
  Entry* entry = context.keyspace.Upsert(key);
  context.keyspace.Replace(entry, std::move(value));
  context.keyspace.ClearExpiry(entry);
  context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(size));
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
