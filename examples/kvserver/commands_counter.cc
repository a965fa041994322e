// INCR and its relatives: strings that hold numbers.

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void IncrementBy(CommandContext& context, int64_t increment) {
  Entry* entry = nullptr;
  if (!FindStringForWrite(context, context.args[1], &entry)) return;
  int64_t value = 0;
  if (entry != nullptr && !IntegerArg(context, entry->value.string(), &value)) return;
  if (__builtin_add_overflow(value, increment, &value)) {
    return context.reply.Error("ERR increment or decrement would overflow");
  }
  if (entry == nullptr) entry = context.keyspace.Upsert(context.args[1]);
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  entry->value.string().assign(digits, static_cast<size_t>(end - digits));
  context.keyspace.CountChange();
  context.reply.Integer(value);
}

void Incr(CommandContext& context) { IncrementBy(context, 1); }
void Decr(CommandContext& context) { IncrementBy(context, -1); }

void IncrBy(CommandContext& context) {
  int64_t increment = 0;
  if (IntegerArg(context, context.args[2], &increment)) IncrementBy(context, increment);
}

void DecrBy(CommandContext& context) {
  int64_t decrement = 0;
  if (!IntegerArg(context, context.args[2], &decrement)) return;
  if (decrement == std::numeric_limits<int64_t>::min()) {
    return context.reply.Error("ERR decrement would overflow");
  }
  IncrementBy(context, -decrement);
}

bool FloatArg(CommandContext& context, std::string_view arg, long double* value) {
  if (ParseLongDouble(arg, value)) return true;
  context.reply.Error("ERR value is not a valid float");
  return false;
}

void IncrByFloat(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindStringForWrite(context, context.args[1], &entry)) return;
  long double value = 0;
  long double increment = 0;
  if (entry != nullptr && !FloatArg(context, entry->value.string(), &value)) return;
  if (!FloatArg(context, context.args[2], &increment)) return;
  value += increment;
  if (std::isnan(value) || std::isinf(value)) {
    return context.reply.Error("ERR increment would produce NaN or Infinity");
  }
  const std::string text = FormatLongDouble(value);
  StoreString(context, context.args[1], text, /*keep_expiry=*/true);
  // Replicas may round differently, so they get the result.
  context.Propagate({"SET", context.args[1], text, "KEEPTTL"});
  context.reply.Bulk(text);
}

}  // namespace

void AddCounterCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kWrite | kDenyOom | kFast;
  constexpr KeyRange kKey = OneKey("RW access update");
  // clang-format off
  const CommandSpec specs[] = {
      {"incr", 2, kFlags, kCatString, kKey, Incr, "string", "1.0.0",
       "Increment the integer value of a key by one"},
      {"decr", 2, kFlags, kCatString, kKey, Decr, "string", "1.0.0",
       "Decrement the integer value of a key by one"},
      {"incrby", 3, kFlags, kCatString, kKey, IncrBy, "string", "1.0.0",
       "Increment the integer value of a key by the given amount"},
      {"decrby", 3, kFlags, kCatString, kKey, DecrBy, "string", "1.0.0",
       "Decrement the integer value of a key by the given number"},
      {"incrbyfloat", 3, kFlags, kCatString, kKey, IncrByFloat, "string", "2.6.0",
       "Increment the float value of a key by the given amount"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
