#include "kvserver/rdb_strings.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kvserver/little_endian.h"
#include "kvserver/lzf.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// The two highest bits of the first byte: a length of 6 bits, of 14 bits, a longer one, or how
// a string is encoded.
constexpr uint8_t kLength6 = 0;
constexpr uint8_t kLength14 = 1;
constexpr uint8_t kLonger = 2;
constexpr uint8_t kLength32 = 0x80;
constexpr uint8_t kLength64 = 0x81;

enum StringEncoding : uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };
constexpr uint8_t kEncoded = 0xc0;

void PutBigEndian(std::string& out, uint64_t value, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
}

}  // namespace

void AppendRdbLength(std::string& out, uint64_t length) {
  if (length < 1u << 6) {
    out += static_cast<char>(length);
  } else if (length < 1u << 14) {
    PutBigEndian(out, uint64_t{kLength14} << 14 | length, 2);
  } else if (length <= std::numeric_limits<uint32_t>::max()) {
    out += static_cast<char>(kLength32);
    PutBigEndian(out, length, 4);
  } else {
    out += static_cast<char>(kLength64);
    PutBigEndian(out, length, 8);
  }
}

void AppendRdbString(std::string& out, std::string_view text) {
  constexpr size_t kMaxDigits = 11;
  int64_t value = 0;
  const bool integer = text.size() <= kMaxDigits && ParseInt(text, &value);
  if (integer && value == static_cast<int8_t>(value)) {
    out += static_cast<char>(kEncoded | kInt8);
    PutLittleEndian(out, static_cast<uint8_t>(value));
  } else if (integer && value == static_cast<int16_t>(value)) {
    out += static_cast<char>(kEncoded | kInt16);
    PutLittleEndian(out, static_cast<uint16_t>(value));
  } else if (integer && value == static_cast<int32_t>(value)) {
    out += static_cast<char>(kEncoded | kInt32);
    PutLittleEndian(out, static_cast<uint32_t>(value));
  } else {
    AppendRdbLength(out, text.size());
    out += text;
  }
}

void AppendRdbDouble(std::string& out, double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  PutLittleEndian(out, bits);
}

bool RdbReader::Take(uint64_t size, std::string_view* bytes) {
  if (size > bytes_.size()) return false;
  *bytes = bytes_.substr(0, static_cast<size_t>(size));
  bytes_.remove_prefix(static_cast<size_t>(size));
  return true;
}

bool RdbReader::ReadByte(uint8_t* byte) {
  std::string_view bytes;
  if (!Take(1, &bytes)) return false;
  *byte = static_cast<uint8_t>(bytes[0]);
  return true;
}

bool RdbReader::ReadBigEndian(size_t width, uint64_t* value) {
  std::string_view bytes;
  if (!Take(width, &bytes)) return false;
  *value = 0;
  for (const char c : bytes) *value = *value << 8 | static_cast<unsigned char>(c);
  return true;
}

bool RdbReader::ReadLittleEndian(size_t width, uint64_t* value) {
  std::string_view bytes;
  if (!Take(width, &bytes)) return false;
  *value = 0;
  for (size_t i = 0; i < width; ++i) {
    *value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return true;
}

bool RdbReader::ReadHead(uint64_t* value, bool* is_length) {
  uint8_t first = 0;
  uint8_t second = 0;
  if (!ReadByte(&first)) return false;
  *is_length = true;
  *value = first & 0x3fu;
  switch (first >> 6) {
    case kLength6:
      return true;
    case kLength14:
      if (!ReadByte(&second)) return false;
      *value = *value << 8 | second;
      return true;
    case kLonger:
      if (first == kLength32) return ReadBigEndian(4, value);
      return first == kLength64 && ReadBigEndian(8, value);
    default:
      *is_length = false;
      return true;
  }
}

bool RdbReader::ReadLength(uint64_t* length) {
  bool is_length = false;
  return ReadHead(length, &is_length) && is_length;
}

bool RdbReader::ReadString(std::string* text) {
  uint64_t head = 0;
  bool is_length = false;
  std::string_view bytes;
  if (!ReadHead(&head, &is_length)) return false;
  if (is_length) {
    if (!Take(head, &bytes)) return false;
    text->assign(bytes);
    return true;
  }
  if (head == kLzf) return ReadCompressed(text);
  if (head > kLzf || !Take(uint64_t{1} << head, &bytes)) return false;
  text->assign(Digits(SignedLittleEndian(bytes)).view());
  return true;
}

bool RdbReader::ReadDouble(double* value) {
  std::string_view bytes;
  if (!Take(sizeof(uint64_t), &bytes)) return false;
  const auto bits = GetLittleEndian<uint64_t>(bytes, 0);
  std::memcpy(value, &bits, sizeof(bits));
  return !std::isnan(*value);
}

bool RdbReader::ReadPrintedDouble(double* value) {
  constexpr uint8_t kNan = 253;
  constexpr uint8_t kInfinity = 254;
  constexpr uint8_t kMinusInfinity = 255;
  uint8_t size = 0;
  std::string_view digits;
  if (!ReadByte(&size) || size == kNan) return false;
  if (size == kInfinity || size == kMinusInfinity) {
    *value = std::numeric_limits<double>::infinity() * (size == kInfinity ? 1 : -1);
    return true;
  }
  return Take(size, &digits) && ParseDouble(digits, value);
}

bool RdbReader::ReadCompressed(std::string* text) {
  uint64_t packed_size = 0;
  uint64_t size = 0;
  std::string_view packed;
  return ReadLength(&packed_size) && ReadLength(&size) && Take(packed_size, &packed) &&
         LzfDecompress(packed, static_cast<size_t>(size), text);
}

}  // namespace kv
