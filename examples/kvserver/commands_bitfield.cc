// BITFIELD and BITFIELD_RO: integers of any width in the bits of a string.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

enum class Overflow : uint8_t { kWrap, kSaturate, kFail };

// Where an integer is, and how wide: "i16", "u8".
struct Field {
  uint64_t offset = 0;
  int bits = 0;
  bool is_signed = false;

  uint64_t mask() const { return ~uint64_t{0} >> (64 - bits); }
  int64_t max() const { return static_cast<int64_t>(mask() >> (is_signed ? 1 : 0)); }
  int64_t min() const { return is_signed ? -max() - 1 : 0; }
  size_t bytes_needed() const { return (offset + static_cast<uint64_t>(bits) - 1) / 8 + 1; }
  // The integer that the lower bits make.
  int64_t Wrap(uint64_t value) const {
    value &= mask();
    const bool negative = is_signed && (value >> (bits - 1)) != 0;
    return static_cast<int64_t>(negative ? value | ~mask() : value);
  }
};

struct Operation {
  enum class Kind : uint8_t { kGet, kSet, kAdd };

  Kind kind = Kind::kGet;
  Field field;
  int64_t operand = 0;
  Overflow overflow = Overflow::kWrap;
};

bool TypeArg(CommandContext& context, std::string_view arg, Field* field) {
  field->is_signed = arg.substr(0, 1) == "i";
  int64_t bits = 0;
  if ((field->is_signed || arg.substr(0, 1) == "u") && ParseInt(arg.substr(1), &bits) &&
      bits >= 1 && bits <= (field->is_signed ? 64 : 63)) {
    field->bits = static_cast<int>(bits);
    return true;
  }
  context.reply.Error(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
      "i64 is.");
  return false;
}

// "#3" is behind three fields of the same width.
bool OffsetArg(CommandContext& context, std::string_view arg, Field* field) {
  const bool counted = arg.substr(0, 1) == "#";
  int64_t offset = 0;
  if (ParseInt(arg.substr(counted ? 1 : 0), &offset) && offset >= 0 &&
      !__builtin_mul_overflow(offset, counted ? field->bits : 1, &offset) &&
      offset / 8 < context.config().proto_max_bulk_len) {
    field->offset = static_cast<uint64_t>(offset);
    return true;
  }
  context.reply.Error("ERR bit offset is not an integer or out of range");
  return false;
}

bool OverflowArg(CommandContext& context, std::string_view arg, Overflow* overflow) {
  if (EqualsIgnoreCase(arg, "WRAP")) {
    *overflow = Overflow::kWrap;
  } else if (EqualsIgnoreCase(arg, "SAT")) {
    *overflow = Overflow::kSaturate;
  } else if (EqualsIgnoreCase(arg, "FAIL")) {
    *overflow = Overflow::kFail;
  } else {
    context.reply.Error("ERR Invalid OVERFLOW type specified");
    return false;
  }
  return true;
}

bool ParseOperations(CommandContext& context, std::vector<Operation>* operations) {
  using Kind = Operation::Kind;
  const Args args = context.args;
  Overflow overflow = Overflow::kWrap;
  for (size_t i = 2; i < args.size();) {
    const size_t left = args.size() - i - 1;
    if (EqualsIgnoreCase(args[i], "OVERFLOW") && left >= 1) {
      if (!OverflowArg(context, args[i + 1], &overflow)) return false;
      i += 2;
      continue;
    }
    Operation operation;
    operation.overflow = overflow;
    if (EqualsIgnoreCase(args[i], "SET") && left >= 3) {
      operation.kind = Kind::kSet;
    } else if (EqualsIgnoreCase(args[i], "INCRBY") && left >= 3) {
      operation.kind = Kind::kAdd;
    } else if (!EqualsIgnoreCase(args[i], "GET") || left < 2) {
      ReplySyntaxError(context);
      return false;
    }
    if (!TypeArg(context, args[i + 1], &operation.field)) return false;
    if (!OffsetArg(context, args[i + 2], &operation.field)) return false;
    if (operation.kind != Kind::kGet && !IntegerArg(context, args[i + 3], &operation.operand)) {
      return false;
    }
    operations->push_back(operation);
    i += operation.kind == Kind::kGet ? 3 : 4;
  }
  return true;
}

// The first bit of a byte is its highest. What is behind the string is 0.
int64_t Read(std::string_view bytes, const Field& field) {
  uint64_t value = 0;
  for (uint64_t at = field.offset; at < field.offset + static_cast<uint64_t>(field.bits); ++at) {
    const unsigned char byte =
        at / 8 < bytes.size() ? static_cast<unsigned char>(bytes[at / 8]) : 0;
    value = value << 1 | (byte >> (7 - at % 8) & 1);
  }
  return field.Wrap(value);
}

void Write(std::string& bytes, const Field& field, int64_t value) {
  for (int bit = 0; bit < field.bits; ++bit) {
    const uint64_t at = field.offset + static_cast<uint64_t>(field.bits - 1 - bit);
    const int mask = 1 << (7 - at % 8);
    char& byte = bytes[at / 8];
    const bool on = (static_cast<uint64_t>(value) >> bit & 1) != 0;
    byte = static_cast<char>(on ? byte | mask : byte & ~mask);
  }
}

// What the field will hold. False: it would overflow, and must not.
bool NewValue(const Operation& operation, int64_t old, int64_t* value) {
  const Field& field = operation.field;
  const bool adds = operation.kind == Operation::Kind::kAdd;
  const int64_t operand = operation.operand;
  int64_t sum = operand;
  const bool wrapped = adds && __builtin_add_overflow(old, operand, &sum);
  bool too_high = wrapped ? operand > 0 : sum > field.max();
  bool too_low = wrapped ? operand < 0 : sum < field.min();
  if (!adds && !field.is_signed && operand < 0) {
    // Taken for a large unsigned number.
    too_high = true;
    too_low = false;
  }
  *value = sum;
  if (!too_high && !too_low) return true;
  if (operation.overflow == Overflow::kSaturate) {
    *value = too_high ? field.max() : field.min();
  } else {
    *value = field.Wrap(static_cast<uint64_t>(sum));
  }
  return operation.overflow != Overflow::kFail;
}

// `string` is as long as all fields that are written need it.
void Run(CommandContext& context, std::string& string, const Operation& operation) {
  const int64_t old = Read(string, operation.field);
  if (operation.kind == Operation::Kind::kGet) return context.reply.Integer(old);
  int64_t value = 0;
  if (!NewValue(operation, old, &value)) return context.reply.Null();
  context.reply.Integer(operation.kind == Operation::Kind::kSet ? old : value);
  if (value == old) return;
  Write(string, operation.field, value);
  context.keyspace.CountChange();
}

void RunAll(CommandContext& context, bool may_write) {
  std::vector<Operation> operations;
  if (!ParseOperations(context, &operations)) return;
  size_t size = 0;
  for (const Operation& operation : operations) {
    if (operation.kind == Operation::Kind::kGet) continue;
    size = std::max(size, operation.field.bytes_needed());
  }
  if (size > 0 && !may_write) {
    return context.reply.Error("ERR BITFIELD_RO only supports the GET subcommand");
  }
  Entry* entry = nullptr;
  if (size == 0) {
    if (!FindString(context, context.args[1], &entry)) return;
  } else {
    if (!FindStringForWrite(context, context.args[1], &entry)) return;
    if (entry == nullptr) entry = context.keyspace.Upsert(context.args[1]);
    if (entry->value.string().size() < size) {
      entry->value.string().resize(size, '\0');
      context.keyspace.CountChange();
    }
  }
  std::string absent;
  context.reply.Array(operations.size());
  for (const Operation& operation : operations) {
    Run(context, entry == nullptr ? absent : entry->value.string(), operation);
  }
}

void BitField(CommandContext& context) { RunAll(context, /*may_write=*/true); }
void BitFieldRo(CommandContext& context) { RunAll(context, /*may_write=*/false); }

}  // namespace

void AddBitFieldCommands(CommandTable& table) {
  table.Add({"bitfield", -2, kWrite | kDenyOom, kCatBitmap,
             OneKey("RW access update variable_flags",
                    "This command allows both access and modification of the key"),
             BitField, "bitmap", "3.2.0",
             "Perform arbitrary bitfield integer operations on strings"});
  table.Add({"bitfield_ro", -2, kReadonly | kFast, kCatBitmap, OneKey("RO access"), BitFieldRo,
             "bitmap", "6.0.0",
             "Perform arbitrary bitfield integer operations on strings. Read-only variant of "
             "BITFIELD"});
}

}  // namespace kv
