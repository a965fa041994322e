// Commands on hashes.

#include <charconv>
#include <cmath>
#include <string>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// A field's value; null if the field or the key is absent.
bool FindField(CommandContext& context, const std::string** value) {
  const HashValue* hash = nullptr;
  if (!FindHash(context, context.args[1], &hash)) return false;
  *value = hash == nullptr ? nullptr : hash->Find(context.args[2]);
  return true;
}

void ReplyValue(CommandContext& context, const std::string* value) {
  if (value == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(*value);
  }
}

// False: an error was answered.
bool SetFields(CommandContext& context, int64_t* created) {
  const Args args = context.args;
  Entry* entry = nullptr;
  if (args.size() % 2 != 0) {
    ReplyArityError(context);
    return false;
  }
  if (!UpsertTyped(context, args[1], ValueType::kHash, &entry)) return false;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (entry->value.hash().Set(args[i], args[i + 1])) ++*created;
  }
  context.keyspace.CountChange();
  return true;
}

void HSet(CommandContext& context) {
  int64_t created = 0;
  if (SetFields(context, &created)) context.reply.Integer(created);
}

void HMSet(CommandContext& context) {
  int64_t created = 0;
  if (SetFields(context, &created)) context.reply.Ok();
}

void HSetNx(CommandContext& context) {
  Entry* entry = nullptr;
  if (!UpsertTyped(context, context.args[1], ValueType::kHash, &entry)) return;
  if (entry->value.hash().Find(context.args[2]) != nullptr) return context.reply.Integer(0);
  entry->value.hash().Set(context.args[2], context.args[3]);
  context.keyspace.CountChange();
  context.reply.Integer(1);
}

void HDel(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kHash, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  int64_t deleted = 0;
  for (const std::string_view field : context.args.subspan(2)) {
    if (entry->value.hash().Remove(field)) ++deleted;
  }
  EraseIfEmpty(context, entry);
  if (deleted > 0) context.keyspace.CountChange();
  context.reply.Integer(deleted);
}

void HGet(CommandContext& context) {
  const std::string* value = nullptr;
  if (FindField(context, &value)) ReplyValue(context, value);
}

void HMGet(CommandContext& context) {
  const HashValue* hash = nullptr;
  if (!FindHash(context, context.args[1], &hash)) return;
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view field : context.args.subspan(2)) {
    ReplyValue(context, hash == nullptr ? nullptr : hash->Find(field));
  }
}

void HExists(CommandContext& context) {
  const std::string* value = nullptr;
  if (FindField(context, &value)) context.reply.Integer(value == nullptr ? 0 : 1);
}

void HStrLen(CommandContext& context) {
  const std::string* value = nullptr;
  if (!FindField(context, &value)) return;
  context.reply.Integer(value == nullptr ? 0 : static_cast<int64_t>(value->size()));
}

void HLen(CommandContext& context) {
  const HashValue* hash = nullptr;
  if (!FindHash(context, context.args[1], &hash)) return;
  context.reply.Integer(hash == nullptr ? 0 : static_cast<int64_t>(hash->size()));
}

void HGetAll(CommandContext& context) {
  const HashValue* hash = nullptr;
  if (!FindHash(context, context.args[1], &hash)) return;
  context.reply.Map(hash == nullptr ? 0 : hash->size());
  if (hash == nullptr) return;
  for (const HashField& field : hash->fields()) {
    context.reply.Bulk(field.name);
    context.reply.Bulk(field.value);
  }
}

void ReplyEachField(CommandContext& context, std::string HashField::*part) {
  const HashValue* hash = nullptr;
  if (!FindHash(context, context.args[1], &hash)) return;
  context.reply.Array(hash == nullptr ? 0 : hash->size());
  if (hash == nullptr) return;
  for (const HashField& field : hash->fields()) context.reply.Bulk(field.*part);
}

void HKeys(CommandContext& context) { ReplyEachField(context, &HashField::name); }
void HVals(CommandContext& context) { ReplyEachField(context, &HashField::value); }

// Gives a field its value after an increment; makes the hash if there is none.
void StoreNumber(CommandContext& context, Entry* entry, std::string_view number) {
  if (entry == nullptr) {
    UpsertTyped(context, context.args[1], ValueType::kHash, &entry);
  }
  entry->value.hash().Set(context.args[2], number);
  context.keyspace.CountChange();
}

void HIncrBy(CommandContext& context) {
  int64_t increment = 0;
  if (!IntegerArg(context, context.args[3], &increment)) return;
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kHash, &entry)) return;
  const std::string* old = entry == nullptr ? nullptr : entry->value.hash().Find(context.args[2]);
  int64_t value = 0;
  if (old != nullptr && !ParseInt(*old, &value)) {
    return context.reply.Error("ERR hash value is not an integer");
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return context.reply.Error("ERR increment or decrement would overflow");
  }
  StoreNumber(context, entry, Digits(value).view());
  context.reply.Integer(value);
}

void HIncrByFloat(CommandContext& context) {
  long double increment = 0;
  if (!ParseLongDouble(context.args[3], &increment)) {
    return context.reply.Error("ERR value is not a valid float");
  }
  if (std::isinf(increment)) return context.reply.Error("ERR value is NaN or Infinity");
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kHash, &entry)) return;
  const std::string* old = entry == nullptr ? nullptr : entry->value.hash().Find(context.args[2]);
  long double value = 0;
  if (old != nullptr && !ParseLongDouble(*old, &value)) {
    return context.reply.Error("ERR hash value is not a float");
  }
  value += increment;
  if (std::isnan(value) || std::isinf(value)) {
    return context.reply.Error("ERR increment would produce NaN or Infinity");
  }
  const std::string text = FormatLongDouble(value);
  StoreNumber(context, entry, text);
  // Replicas may round differently, so they get the result.
  context.Propagate({"HSET", context.args[1], context.args[2], text});
  context.reply.Bulk(text);
}

}  // namespace

void AddHashCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kWrites = kWrite | kDenyOom | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kLooked = OneKey("RO");
  constexpr KeyRange kUpdated = OneKey("RW update");
  constexpr KeyRange kIncremented = OneKey("RW access update");
  const std::vector<std::string_view> unordered = {"nondeterministic_output_order"};
  // clang-format off
  const CommandSpec specs[] = {
      {"hset", -4, kWrites, kCatHash, kUpdated, HSet, "hash", "2.0.0",
       "Set the string value of a hash field"},
      {"hmset", -4, kWrites, kCatHash, kUpdated, HMSet, "hash", "2.0.0",
       "Set multiple hash fields to multiple values"},
      {"hsetnx", 4, kWrites, kCatHash, OneKey("RW insert"), HSetNx, "hash", "2.0.0",
       "Set the value of a hash field, only if the field does not exist"},
      {"hget", 3, kReads, kCatHash, kRead, HGet, "hash", "2.0.0",
       "Get the value of a hash field"},
      {"hdel", -3, kWrite | kFast, kCatHash, OneKey("RW delete"), HDel, "hash", "2.0.0",
       "Delete one or more hash fields"},
      {"hgetall", 2, kReadonly, kCatHash, kRead, HGetAll, "hash", "2.0.0",
       "Get all the fields and values in a hash", unordered},
      {"hkeys", 2, kReadonly, kCatHash, kRead, HKeys, "hash", "2.0.0",
       "Get all the fields in a hash", unordered},
      {"hvals", 2, kReadonly, kCatHash, kRead, HVals, "hash", "2.0.0",
       "Get all the values in a hash", unordered},
      {"hlen", 2, kReads, kCatHash, kLooked, HLen, "hash", "2.0.0",
       "Get the number of fields in a hash"},
      {"hmget", -3, kReads, kCatHash, kRead, HMGet, "hash", "2.0.0",
       "Get the values of all the given hash fields"},
      {"hexists", 3, kReads, kCatHash, kLooked, HExists, "hash", "2.0.0",
       "Determine if a hash field exists"},
      {"hstrlen", 3, kReads, kCatHash, kLooked, HStrLen, "hash", "3.2.0",
       "Get the length of the value of a hash field"},
      {"hincrby", 4, kWrites, kCatHash, kIncremented, HIncrBy, "hash", "2.0.0",
       "Increment the integer value of a hash field by the given number"},
      {"hincrbyfloat", 4, kWrites, kCatHash, kIncremented, HIncrByFloat, "hash", "2.6.0",
       "Increment the float value of a hash field by the given amount"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
