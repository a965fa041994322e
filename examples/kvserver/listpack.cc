#include "kvserver/listpack.h"

#include <utility>

#include "kvserver/little_endian.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr size_t kHeader = 6;  // size of all in 4 bytes, count in 2
constexpr uint16_t kCountUnknown = 0xffff;
constexpr char kEnd = '\xff';

constexpr size_t kMaxString6 = (1u << 6) - 1;
constexpr size_t kMaxString12 = (1u << 12) - 1;

// An element's length stands behind it, to be read backwards: 7 bits per byte, the lowest last.
std::string BackLength(size_t length) {
  size_t bytes = 1;
  // As Redis has it: the largest number of two and more bytes takes one byte more than it needs.
  if (length > 127) ++bytes;
  if (length >= (1u << 14) - 1) ++bytes;
  if (length >= (1u << 21) - 1) ++bytes;
  if (length >= (1u << 28) - 1) ++bytes;
  std::string out(bytes, '\0');
  for (size_t i = bytes; i-- > 0; length >>= 7) {
    out[i] = static_cast<char>((length & 127) | (i > 0 ? 128 : 0));
  }
  return out;
}

std::string StringHead(size_t size) {
  if (size <= kMaxString6) return std::string(1, static_cast<char>(0x80 | size));
  if (size <= kMaxString12) {
    return {static_cast<char>(0xe0 | (size >> 8)), static_cast<char>(size & 0xff)};
  }
  std::string head = "\xf0";
  PutLittleEndian(head, static_cast<uint32_t>(size));
  return head;
}

using Visitor = absl::FunctionRef<void(std::string_view)>;

// Visits one element and returns what it takes without its back length; 0: malformed.
size_t VisitString(std::string_view bytes, size_t head, size_t size, Visitor visit) {
  if (bytes.size() - head < size) return 0;
  visit(bytes.substr(head, size));
  return head + size;
}

size_t VisitInteger(int64_t value, size_t size, Visitor visit) {
  visit(Digits(value).view());
  return size;
}

// `bytes` begins with the element, and is not empty.
size_t VisitElement(std::string_view bytes, Visitor visit) {
  const auto byte = [bytes](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char head = byte(0);
  if (head < 0x80) return VisitInteger(head, 1, visit);
  if (head < 0xc0) return VisitString(bytes, 1, head & 0x3fu, visit);
  if (head < 0xf0 && bytes.size() < 2) return 0;
  if (head < 0xe0) {
    const int64_t value = (head & 0x1f) << 8 | byte(1);
    return VisitInteger(value < 1 << 12 ? value : value - (1 << 13), 2, visit);
  }
  if (head < 0xf0) return VisitString(bytes, 2, (head & 0x0fu) << 8 | byte(1), visit);
  if (head == 0xf0) {
    if (bytes.size() < 5) return 0;
    return VisitString(bytes, 5, GetLittleEndian<uint32_t>(bytes, 1), visit);
  }
  constexpr size_t kWidths[] = {2, 3, 4, 8};  // of 0xf1 to 0xf4
  if (head > 0xf4) return 0;
  const size_t width = kWidths[head - 0xf1];
  if (bytes.size() < 1 + width) return 0;
  return VisitInteger(SignedLittleEndian(bytes.substr(1, width)), 1 + width, visit);
}

}  // namespace

bool ReadListpack(std::string_view bytes, Visitor visit) {
  if (bytes.size() < kHeader + 1 || bytes.back() != kEnd) return false;
  if (GetLittleEndian<uint32_t>(bytes, 0) != bytes.size()) return false;
  const auto announced = GetLittleEndian<uint16_t>(bytes, 4);
  bytes = bytes.substr(kHeader, bytes.size() - kHeader - 1);
  size_t count = 0;
  for (; !bytes.empty(); ++count) {
    const size_t size = VisitElement(bytes, visit);
    if (size == 0) return false;
    const std::string back = BackLength(size);
    if (bytes.substr(size, back.size()) != back) return false;
    bytes.remove_prefix(size + back.size());
  }
  return announced == kCountUnknown || announced == count;
}

void ListpackWriter::Append(std::string_view element) {
  const std::string head = StringHead(element.size());
  entries_.append(head).append(element).append(BackLength(head.size() + element.size()));
  ++count_;
}

size_t ListpackWriter::size() const { return kHeader + entries_.size() + 1; }

size_t ListpackWriter::SizeWith(std::string_view element) const {
  const size_t entry = StringHead(element.size()).size() + element.size();
  return size() + entry + BackLength(entry).size();
}

std::string ListpackWriter::Take() {
  std::string out;
  out.reserve(size());
  PutLittleEndian(out, static_cast<uint32_t>(size()));
  PutLittleEndian(out, static_cast<uint16_t>(count_ < kCountUnknown ? count_ : kCountUnknown));
  out.append(std::exchange(entries_, {})) += kEnd;
  count_ = 0;
  return out;
}

}  // namespace kv
