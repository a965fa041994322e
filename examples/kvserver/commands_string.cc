// Commands on string values; those that count are in commands_counter.cc.

#include <algorithm>
#include <optional>
#include <string>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void StoreWithExpiry(CommandContext& context, std::string_view key, std::string_view value,
                     int64_t expires_at_ms) {
  context.keyspace.SetExpiry(StoreString(context, key, value), expires_at_ms);
  context.Propagate({"SET", key, value, "PXAT", Digits(expires_at_ms).view()});
}

void Get(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(entry->value.string());
  }
}

// Options of SET and GETEX.
struct StringOptions {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keepttl = false;
  bool persist = false;
  bool has_expiry = false;
  ExpiryUnit unit = {};
  std::string_view expiry = {};
};

std::optional<ExpiryUnit> ParseUnit(std::string_view word) {
  if (EqualsIgnoreCase(word, "EX")) return ExpiryUnit{true, false};
  if (EqualsIgnoreCase(word, "PX")) return ExpiryUnit{false, false};
  if (EqualsIgnoreCase(word, "EXAT")) return ExpiryUnit{true, true};
  if (EqualsIgnoreCase(word, "PXAT")) return ExpiryUnit{false, true};
  return std::nullopt;
}

// Takes one time option with its argument. As in Redis, the same option may come twice.
bool TakeExpiry(Args args, size_t* i, StringOptions* options) {
  const std::optional<ExpiryUnit> unit = ParseUnit(args[*i]);
  if (!unit.has_value() || *i + 1 >= args.size()) return false;
  if (options->keepttl || options->persist) return false;
  if (options->has_expiry && options->unit != *unit) return false;
  options->has_expiry = true;
  options->unit = *unit;
  options->expiry = args[++*i];
  return true;
}

// Reads the options from `first` on. False: a syntax error was answered.
bool ParseOptions(CommandContext& context, size_t first, bool is_set, StringOptions* options) {
  for (size_t i = first; i < context.args.size(); ++i) {
    const std::string_view word = context.args[i];
    if (is_set && EqualsIgnoreCase(word, "NX") && !options->xx) {
      options->nx = true;
    } else if (is_set && EqualsIgnoreCase(word, "XX") && !options->nx) {
      options->xx = true;
    } else if (is_set && EqualsIgnoreCase(word, "GET")) {
      options->get = true;
    } else if (is_set && EqualsIgnoreCase(word, "KEEPTTL") && !options->has_expiry) {
      options->keepttl = true;
    } else if (!is_set && EqualsIgnoreCase(word, "PERSIST") && !options->has_expiry) {
      options->persist = true;
    } else if (!TakeExpiry(context.args, &i, options)) {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

void SetWithOptions(CommandContext& context) {
  const std::string_view key = context.args[1];
  const std::string_view value = context.args[2];
  StringOptions options;
  int64_t expires_at_ms = kNoExpiry;
  if (!ParseOptions(context, 3, /*is_set=*/true, &options)) return;
  if (options.has_expiry && !ExpiryArg(context, options.expiry, options.unit, &expires_at_ms)) {
    return;
  }
  if (options.get) {
    Entry* old = nullptr;
    if (!FindString(context, key, &old)) return;
    if (old != nullptr) {
      context.reply.Bulk(old->value.string());
    } else {
      context.reply.Null();
    }
  }
  if (options.nx || options.xx) {
    const bool exists = context.keyspace.Find(key) != nullptr;
    if (exists == options.nx) {
      if (!options.get) context.reply.Null();
      return;
    }
  }
  if (options.has_expiry) {
    StoreWithExpiry(context, key, value, expires_at_ms);
  } else {
    StoreString(context, key, value, options.keepttl);
    // NX and XX have been decided here; a replica only has to repeat the result.
    if (options.keepttl) {
      context.Propagate({"SET", key, value, "KEEPTTL"});
    } else {
      context.Propagate({"SET", key, value});
    }
  }
  if (!options.get) context.reply.Ok();
}

void Set(CommandContext& context) {
  if (context.args.size() > 3) return SetWithOptions(context);
  StoreString(context, context.args[1], context.args[2]);
  context.reply.Ok();
}

void SetNx(CommandContext& context) {
  if (context.keyspace.Find(context.args[1]) != nullptr) return context.reply.Integer(0);
  StoreString(context, context.args[1], context.args[2]);
  context.reply.Integer(1);
}

void SetExGeneric(CommandContext& context, bool seconds) {
  int64_t expires_at_ms = 0;
  if (!ExpiryArg(context, context.args[2], {seconds, false}, &expires_at_ms)) return;
  StoreWithExpiry(context, context.args[1], context.args[3], expires_at_ms);
  context.reply.Ok();
}

void SetEx(CommandContext& context) { SetExGeneric(context, /*seconds=*/true); }
void PSetEx(CommandContext& context) { SetExGeneric(context, /*seconds=*/false); }

void GetSet(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Bulk(entry->value.string());
  }
  StoreString(context, context.args[1], context.args[2]);
  context.Propagate({"SET", context.args[1], context.args[2]});
}

void GetDel(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) return context.reply.Null();
  context.reply.Bulk(entry->value.string());
  context.keyspace.Erase(entry);
  context.keyspace.CountChange();
  context.Propagate({"DEL", context.args[1]});
}

void GetEx(CommandContext& context) {
  const std::string_view key = context.args[1];
  StringOptions options;
  if (!ParseOptions(context, 2, /*is_set=*/false, &options)) return;
  Entry* entry = nullptr;
  if (!FindString(context, key, &entry)) return;
  if (entry == nullptr) return context.reply.Null();
  int64_t expires_at_ms = kNoExpiry;
  if (options.has_expiry && !ExpiryArg(context, options.expiry, options.unit, &expires_at_ms)) {
    return;
  }
  context.reply.Bulk(entry->value.string());
  entry = context.keyspace.FindForWrite(key);
  if (options.has_expiry && expires_at_ms <= context.keyspace.now_ms()) {
    context.keyspace.Erase(entry);
    context.keyspace.CountChange();
    context.Propagate({"DEL", key});
  } else if (options.has_expiry) {
    context.keyspace.SetExpiry(entry, expires_at_ms);
    context.keyspace.CountChange();
    context.Propagate({"PEXPIREAT", key, Digits(expires_at_ms).view()});
  } else if (options.persist && entry->expires_at_ms != kNoExpiry) {
    context.keyspace.ClearExpiry(entry);
    context.keyspace.CountChange();
    context.Propagate({"PERSIST", key});
  }
}

void MGet(CommandContext& context) {
  context.reply.Array(context.args.size() - 1);
  for (const std::string_view key : context.args.subspan(1)) {
    Entry* entry = context.keyspace.Find(key);
    ++(entry != nullptr ? context.stats().keyspace_hits : context.stats().keyspace_misses);
    if (entry == nullptr || entry->value.type() != ValueType::kString) {
      context.reply.Null();
    } else {
      context.reply.Bulk(entry->value.string());
    }
  }
}

void StorePairs(CommandContext& context) {
  for (size_t i = 1; i + 1 < context.args.size(); i += 2) {
    StoreString(context, context.args[i], context.args[i + 1]);
  }
}

void MSet(CommandContext& context) {
  if (context.args.size() % 2 == 0) return ReplyArityError(context);
  StorePairs(context);
  context.reply.Ok();
}

void MSetNx(CommandContext& context) {
  if (context.args.size() % 2 == 0) return ReplyArityError(context);
  for (size_t i = 1; i < context.args.size(); i += 2) {
    if (context.keyspace.Find(context.args[i]) != nullptr) return context.reply.Integer(0);
  }
  StorePairs(context);
  context.reply.Integer(1);
}

bool CheckLength(CommandContext& context, uint64_t length) {
  if (length <= static_cast<uint64_t>(context.config().proto_max_bulk_len)) return true;
  context.reply.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

void Append(CommandContext& context) {
  const std::string_view suffix = context.args[2];
  Entry* entry = nullptr;
  if (!FindStringForWrite(context, context.args[1], &entry)) return;
  if (entry == nullptr) {
    StoreString(context, context.args[1], suffix);
    return context.reply.Integer(static_cast<int64_t>(suffix.size()));
  }
  std::string& string = entry->value.string();
  if (!CheckLength(context, string.size() + suffix.size())) return;
  string.append(suffix);
  context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(string.size()));
}

void StrLen(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindString(context, context.args[1], &entry)) return;
  context.reply.Integer(entry == nullptr ? 0 : static_cast<int64_t>(entry->value.string().size()));
}

void GetRange(CommandContext& context) {
  int64_t start = 0;
  int64_t end = 0;
  if (!IntegerArg(context, context.args[2], &start)) return;
  if (!IntegerArg(context, context.args[3], &end)) return;
  Entry* entry = nullptr;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) return context.reply.Bulk("");
  const std::string& string = entry->value.string();
  const auto size = static_cast<int64_t>(string.size());
  // Two negative positions in the wrong order select nothing, also where both would be clamped.
  const bool reversed = start < 0 && end < 0 && start > end;
  if (start < 0) start = std::max<int64_t>(0, size + start);
  if (end < 0) end = std::max<int64_t>(0, size + end);
  end = std::min(end, size - 1);
  if (reversed || start > end || size == 0) return context.reply.Bulk("");
  context.reply.Bulk(std::string_view(string).substr(static_cast<size_t>(start),
                                                     static_cast<size_t>(end - start + 1)));
}

void SetRange(CommandContext& context) {
  int64_t offset = 0;
  if (!IntegerArg(context, context.args[2], &offset)) return;
  if (offset < 0) return context.reply.Error("ERR offset is out of range");
  const std::string_view part = context.args[3];
  Entry* entry = nullptr;
  if (!FindStringForWrite(context, context.args[1], &entry)) return;
  const size_t old_size = entry == nullptr ? 0 : entry->value.string().size();
  if (part.empty()) return context.reply.Integer(static_cast<int64_t>(old_size));
  if (!CheckLength(context, static_cast<uint64_t>(offset) + part.size())) return;
  if (entry == nullptr) entry = context.keyspace.Upsert(context.args[1]);
  std::string& string = entry->value.string();
  const auto begin = static_cast<size_t>(offset);
  if (string.size() < begin + part.size()) string.resize(begin + part.size(), '\0');
  string.replace(begin, part.size(), part);
  context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(string.size()));
}

}  // namespace

void AddStringCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kWrites = kWrite | kDenyOom;
  // clang-format off
  const CommandSpec specs[] = {
      {"get", 2, kReads, kCatString, OneKey("RO access"), Get, "string", "1.0.0",
       "Get the value of a key"},
      {"set", -3, kWrites, kCatString,
       OneKey("RW access update variable_flags",
              "RW and ACCESS due to the optional `GET` argument"),
       Set, "string", "1.0.0", "Set the string value of a key"},
      {"setnx", 3, kWrites | kFast, kCatString, OneKey("OW insert"), SetNx, "string", "1.0.0",
       "Set the value of a key, only if the key does not exist"},
      {"setex", 4, kWrites, kCatString, OneKey("OW update"), SetEx, "string", "2.0.0",
       "Set the value and expiration of a key"},
      {"psetex", 4, kWrites, kCatString, OneKey("OW update"), PSetEx, "string", "2.6.0",
       "Set the value and expiration in milliseconds of a key"},
      {"getset", 3, kWrites | kFast, kCatString, OneKey("RW access update"), GetSet, "string",
       "1.0.0", "Set the string value of a key and return its old value"},
      {"getdel", 2, kWrite | kFast, kCatString, OneKey("RW access delete"), GetDel, "string",
       "6.2.0", "Get the value of a key and delete the key"},
      {"getex", -2, kWrite | kFast, kCatString,
       OneKey("RW access update", "RW and UPDATE because it changes the TTL"), GetEx, "string",
       "6.2.0", "Get the value of a key and optionally set its expiration"},
      {"mget", -2, kReads, kCatString, AllKeys("RO access"), MGet, "string", "1.0.0",
       "Get the values of all the given keys", {"request_policy:multi_shard"}},
      {"mset", -3, kWrites, kCatString, AllKeys("OW update", 2), MSet, "string", "1.0.1",
       "Set multiple keys to multiple values",
       {"request_policy:multi_shard", "response_policy:all_succeeded"}},
      {"msetnx", -3, kWrites, kCatString, AllKeys("OW insert", 2), MSetNx, "string", "1.0.1",
       "Set multiple keys to multiple values, only if none of the keys exist",
       {"request_policy:multi_shard", "response_policy:agg_min"}},
      {"append", 3, kWrites | kFast, kCatString, OneKey("RW insert"), Append, "string", "2.0.0",
       "Append a value to a key"},
      {"strlen", 2, kReads, kCatString, OneKey("RO"), StrLen, "string", "2.2.0",
       "Get the length of the value stored in a key"},
      {"getrange", 4, kReadonly, kCatString, OneKey("RO access"), GetRange, "string", "2.4.0",
       "Get a substring of the string stored at a key"},
      {"substr", 4, kReadonly, kCatString, OneKey("RO access"), GetRange, "string", "1.0.0",
       "Get a substring of the string stored at a key"},
      {"setrange", 4, kWrites, kCatString, OneKey("RW update"), SetRange, "string", "2.2.0",
       "Overwrite part of a string at key starting at the specified offset"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
