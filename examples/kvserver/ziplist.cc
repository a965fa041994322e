#include "kvserver/ziplist.h"

#include <cstddef>
#include <cstdint>

#include "kvserver/little_endian.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using Visitor = absl::FunctionRef<void(std::string_view)>;

// Size of all and position of the last element in 4 bytes each, count in 2.
constexpr size_t kZiplistHeader = 10;
constexpr uint16_t kCountUnknown = 0xffff;
constexpr char kEnd = '\xff';

// Encoding and count of the integers, in 4 bytes each.
constexpr size_t kIntsetHeader = 8;

size_t VisitString(std::string_view bytes, size_t head, size_t size, Visitor visit) {
  if (bytes.size() - head < size) return 0;
  visit(bytes.substr(head, size));
  return head + size;
}

size_t VisitInteger(std::string_view bytes, size_t width, Visitor visit) {
  if (bytes.size() < 1 + width) return 0;
  visit(Digits(SignedLittleEndian(bytes.substr(1, width))).view());
  return 1 + width;
}

// Visits the element with which `bytes` begin and returns what it takes; 0: malformed.
size_t VisitElement(std::string_view bytes, Visitor visit) {
  if (bytes.empty()) return 0;
  const auto byte = [bytes](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char head = byte(0);
  switch (head >> 6) {
    case 0:
      return VisitString(bytes, 1, head & 0x3fu, visit);
    case 1:
      return bytes.size() < 2 ? 0 : VisitString(bytes, 2, (head & 0x3fu) << 8 | byte(1), visit);
    case 2:
      if (head != 0x80 || bytes.size() < 5) return 0;
      // The only numbers in a ziplist whose highest byte comes first.
      return VisitString(
          bytes, 5, size_t{byte(1)} << 24 | size_t{byte(2)} << 16 | byte(3) << 8 | byte(4), visit);
    default:
      break;
  }
  switch (head) {
    case 0xc0:
      return VisitInteger(bytes, 2, visit);
    case 0xd0:
      return VisitInteger(bytes, 4, visit);
    case 0xe0:
      return VisitInteger(bytes, 8, visit);
    case 0xf0:
      return VisitInteger(bytes, 3, visit);
    case 0xfe:
      return VisitInteger(bytes, 1, visit);
    default:
      break;
  }
  if (head < 0xf1 || head > 0xfd) return 0;
  visit(Digits(head - 0xf1).view());
  return 1;
}

// What the size of the element in front takes, if it is the expected one; else 0.
size_t MatchPrevious(std::string_view bytes, size_t previous) {
  constexpr unsigned char kLong = 254;
  if (bytes.empty()) return 0;
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < kLong) return first == previous ? 1 : 0;
  if (first != kLong || bytes.size() < 5) return 0;
  return GetLittleEndian<uint32_t>(bytes, 1) == previous ? 5 : 0;
}

}  // namespace

bool ReadZiplist(std::string_view bytes, Visitor visit) {
  if (bytes.size() < kZiplistHeader + 1 || bytes.back() != kEnd) return false;
  if (GetLittleEndian<uint32_t>(bytes, 0) != bytes.size()) return false;
  const size_t tail = GetLittleEndian<uint32_t>(bytes, 4);
  const auto announced = GetLittleEndian<uint16_t>(bytes, 8);
  bytes.remove_suffix(1);
  size_t previous = 0;
  size_t count = 0;
  size_t at = kZiplistHeader;
  for (; at < bytes.size(); ++count) {
    const size_t head = MatchPrevious(bytes.substr(at), previous);
    if (head == 0) return false;
    const size_t size = VisitElement(bytes.substr(at + head), visit);
    if (size == 0) return false;
    previous = head + size;
    at += previous;
  }
  return tail == at - previous && (announced == kCountUnknown || announced == count);
}

bool ReadIntset(std::string_view bytes, Visitor visit) {
  if (bytes.size() < kIntsetHeader) return false;
  const size_t width = GetLittleEndian<uint32_t>(bytes, 0);
  const uint64_t count = GetLittleEndian<uint32_t>(bytes, 4);
  if (width != 2 && width != 4 && width != 8) return false;
  bytes.remove_prefix(kIntsetHeader);
  if (bytes.size() != width * count) return false;
  int64_t previous = 0;
  for (size_t at = 0; at < bytes.size(); at += width) {
    const int64_t value = SignedLittleEndian(bytes.substr(at, width));
    if (at > 0 && value <= previous) return false;
    previous = value;
    visit(Digits(value).view());
  }
  return true;
}

}  // namespace kv
