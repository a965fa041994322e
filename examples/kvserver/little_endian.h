#ifndef KVSERVER_LITTLE_ENDIAN_H_
#define KVSERVER_LITTLE_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv {

// Integers as bytes, lowest first. The first two are for unsigned ones.

template <typename Integer>
void PutLittleEndian(std::string& out, Integer value) {
  char bytes[sizeof(Integer)];
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xff);
    value = static_cast<Integer>(value >> 7 >> 1);  // a shift by its width is undefined
  }
  out.append(bytes, sizeof(bytes));
}

// Requires sizeof(Integer) bytes at `position`.
template <typename Integer>
Integer GetLittleEndian(std::string_view bytes, size_t position) {
  Integer value = 0;
  for (size_t i = sizeof(Integer); i-- > 0;) {
    value = static_cast<Integer>(value << 7 << 1) | static_cast<unsigned char>(bytes[position + i]);
  }
  return value;
}

// All bytes, one to eight, as a signed integer.
inline int64_t SignedLittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
  return static_cast<int64_t>(value << unused) >> unused;
}

}  // namespace kv

#endif  // KVSERVER_LITTLE_ENDIAN_H_
