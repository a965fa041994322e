// Commands on the bits of strings. Bit 0 is the highest of the first byte.

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr int64_t kByteBits = 8;

bool BitOffsetArg(CommandContext& context, std::string_view arg, uint64_t* offset) {
  int64_t value = 0;
  if (ParseInt(arg, &value) && value >= 0 &&
      value / kByteBits < context.config().proto_max_bulk_len) {
    *offset = static_cast<uint64_t>(value);
    return true;
  }
  context.reply.Error("ERR bit offset is not an integer or out of range");
  return false;
}

bool BitAt(std::string_view bytes, uint64_t offset) {
  if (offset / kByteBits >= bytes.size()) return false;
  return (static_cast<unsigned char>(bytes[offset / kByteBits]) >> (7 - offset % kByteBits) & 1) !=
         0;
}

void SetBit(CommandContext& context) {
  uint64_t offset = 0;
  if (!BitOffsetArg(context, context.args[2], &offset)) return;
  const std::string_view bit = context.args[3];
  if (bit != "0" && bit != "1") {
    return context.reply.Error("ERR bit is not an integer or out of range");
  }
  Entry* entry = nullptr;
  if (!FindStringForWrite(context, context.args[1], &entry)) return;
  if (entry == nullptr) entry = context.keyspace.Upsert(context.args[1]);
  std::string& string = entry->value.string();
  const size_t size = std::max<size_t>(string.size(), offset / kByteBits + 1);
  const bool old = BitAt(string, offset);
  if (string.size() != size || old != (bit == "1")) context.keyspace.CountChange();
  string.resize(size, '\0');
  const int mask = 1 << (7 - offset % kByteBits);
  char& byte = string[offset / kByteBits];
  byte = static_cast<char>(bit == "1" ? byte | mask : byte & ~mask);
  context.reply.Integer(old ? 1 : 0);
}

void GetBit(CommandContext& context) {
  uint64_t offset = 0;
  Entry* entry = nullptr;
  if (!BitOffsetArg(context, context.args[2], &offset)) return;
  if (!FindString(context, context.args[1], &entry)) return;
  context.reply.Integer(entry != nullptr && BitAt(entry->value.string(), offset) ? 1 : 0);
}

// --- Ranges ---

// A range of bits, of which the first and the last byte may be in it in part.
struct BitRange {
  int64_t begin = 0;
  int64_t end = 0;  // behind the last bit
};

// Bounds as requests give them: negative ones count from the end, in bytes or in bits.
struct Bounds {
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
};

// "start [end [BYTE|BIT]]"; false: an error was answered.
bool ParseBounds(CommandContext& context, Args words, Bounds* bounds) {
  if (!words.empty() && !IntegerArg(context, words[0], &bounds->start)) return false;
  if (words.size() > 1 && !IntegerArg(context, words[1], &bounds->end)) return false;
  if (words.size() > 2) {
    bounds->bits = EqualsIgnoreCase(words[2], "BIT");
    if (words.size() > 3 || (!bounds->bits && !EqualsIgnoreCase(words[2], "BYTE"))) {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

// Empty if the bounds are in the wrong order.
BitRange RangeIn(std::string_view bytes, Bounds bounds) {
  const int64_t unit = bounds.bits ? 1 : kByteBits;
  const auto size = static_cast<int64_t>(bytes.size()) * kByteBits / unit;
  if (bounds.start < 0) bounds.start = std::max<int64_t>(0, size + bounds.start);
  if (bounds.end < 0) bounds.end = std::max<int64_t>(0, size + bounds.end);
  bounds.end = std::min(bounds.end, size - 1);
  if (bounds.start > bounds.end) return {};
  return {bounds.start * unit, (bounds.end + 1) * unit};
}

// The byte at a position, without those of its bits that are outside the range.
unsigned char ByteIn(std::string_view bytes, const BitRange& range, int64_t position) {
  auto byte = static_cast<unsigned char>(bytes[static_cast<size_t>(position)]);
  const int64_t first = position * kByteBits;
  if (first < range.begin) byte &= static_cast<unsigned char>(0xff >> (range.begin - first));
  if (first + kByteBits > range.end) {
    byte &= static_cast<unsigned char>(0xff << (first + kByteBits - range.end));
  }
  return byte;
}

void BitCount(CommandContext& context) {
  Bounds bounds;
  Entry* entry = nullptr;
  if (context.args.size() == 3) return ReplySyntaxError(context);
  if (!ParseBounds(context, context.args.subspan(2), &bounds)) return;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  // Two negative bounds in the wrong order select nothing, also where both would be clamped.
  if (bounds.start < 0 && bounds.end < 0 && bounds.start > bounds.end) {
    return context.reply.Integer(0);
  }
  const std::string_view bytes = entry->value.string();
  const BitRange range = RangeIn(bytes, bounds);
  int64_t count = 0;
  for (int64_t at = range.begin / kByteBits; at * kByteBits < range.end; ++at) {
    count += std::popcount(ByteIn(bytes, range, at));
  }
  context.reply.Integer(count);
}

// The first bit of that value in the range; -1 if there is none.
int64_t FindBit(std::string_view bytes, const BitRange& range, bool bit) {
  for (int64_t at = range.begin / kByteBits; at * kByteBits < range.end; ++at) {
    const auto byte = static_cast<unsigned char>(bytes[static_cast<size_t>(at)]);
    if (byte == (bit ? 0 : 0xff)) continue;
    const int64_t end = std::min(range.end, (at + 1) * kByteBits);
    for (int64_t i = std::max(range.begin, at * kByteBits); i < end; ++i) {
      if (BitAt(bytes, static_cast<uint64_t>(i)) == bit) return i;
    }
  }
  return -1;
}

void BitPos(CommandContext& context) {
  int64_t bit = 0;
  Bounds bounds;
  Entry* entry = nullptr;
  if (!IntegerArg(context, context.args[2], &bit)) return;
  if (bit != 0 && bit != 1) return context.reply.Error("ERR The bit argument must be 1 or 0.");
  if (!ParseBounds(context, context.args.subspan(3), &bounds)) return;
  if (!FindString(context, context.args[1], &entry)) return;
  if (entry == nullptr) return context.reply.Integer(bit == 1 ? -1 : 0);
  const std::string_view bytes = entry->value.string();
  const BitRange range = RangeIn(bytes, bounds);
  int64_t position = FindBit(bytes, range, bit == 1);
  // Behind a string without a given end, all bits are 0.
  const bool open_end = context.args.size() < 5;
  if (position < 0 && bit == 0 && open_end && range.begin < range.end) position = range.end;
  context.reply.Integer(position);
}

// --- BITOP ---

using Combination = char (*)(char, char);

struct BitOperation {
  std::string_view name;
  Combination combine;  // null: NOT
};
constexpr BitOperation kOperations[] = {
    {"AND", [](char a, char b) { return static_cast<char>(a & b); }},
    {"OR", [](char a, char b) { return static_cast<char>(a | b); }},
    {"XOR", [](char a, char b) { return static_cast<char>(a ^ b); }},
    {"NOT", nullptr},
};

// Shorter strings count as if zeros followed.
std::string Combined(const std::vector<std::string_view>& strings, const BitOperation& operation) {
  size_t size = 0;
  for (const std::string_view string : strings) size = std::max(size, string.size());
  std::string result(strings[0]);
  result.resize(size, '\0');
  if (operation.combine == nullptr) {
    for (char& byte : result) byte = static_cast<char>(~byte);
  }
  for (size_t i = 1; i < strings.size(); ++i) {
    for (size_t at = 0; at < size; ++at) {
      const char other = at < strings[i].size() ? strings[i][at] : '\0';
      result[at] = operation.combine(result[at], other);
    }
  }
  return result;
}

void BitOp(CommandContext& context) {
  const auto* const operation = std::find_if(
      std::begin(kOperations), std::end(kOperations),
      [&](const BitOperation& known) { return EqualsIgnoreCase(context.args[1], known.name); });
  if (operation == std::end(kOperations)) return ReplySyntaxError(context);
  const Args keys = context.args.subspan(3);
  if (operation->combine == nullptr && keys.size() != 1) {
    return context.reply.Error("ERR BITOP NOT must be called with a single source key.");
  }
  std::vector<std::string_view> strings;
  for (const std::string_view key : keys) {
    Entry* entry = nullptr;
    if (!FindString(context, key, &entry)) return;
    strings.push_back(entry == nullptr ? std::string_view() : entry->value.string());
  }
  const std::string result = Combined(strings, *operation);
  if (!result.empty()) {
    StoreString(context, context.args[2], result);
  } else if (context.keyspace.Erase(context.args[2])) {
    context.keyspace.CountChange();
  }
  context.reply.Integer(static_cast<int64_t>(result.size()));
}

}  // namespace

void AddBitmapCommands(CommandTable& table) {
  constexpr uint32_t kWrites = kWrite | kDenyOom;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kCombined = {2, -1, 1, "OW update", "RO access"};
  // clang-format off
  const CommandSpec specs[] = {
      {"setbit", 4, kWrites, kCatBitmap, OneKey("RW access update"), SetBit, "bitmap", "2.2.0",
       "Sets or clears the bit at offset in the string value stored at key"},
      {"getbit", 3, kReadonly | kFast, kCatBitmap, kRead, GetBit, "bitmap", "2.2.0",
       "Returns the bit value at offset in the string value stored at key"},
      {"bitcount", -2, kReadonly, kCatBitmap, kRead, BitCount, "bitmap", "2.6.0",
       "Count set bits in a string"},
      {"bitpos", -3, kReadonly, kCatBitmap, kRead, BitPos, "bitmap", "2.8.7",
       "Find first bit set or clear in a string"},
      {"bitop", -4, kWrites, kCatBitmap, kCombined, BitOp, "bitmap", "2.6.0",
       "Perform bitwise operations between strings"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
