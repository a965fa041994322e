// Protocol Buffers by hand, to write what no encoder would.

#ifndef CLUSTERKIT_TESTS_WIRE_PROTO_BYTES_H_
#define CLUSTERKIT_TESTS_WIRE_PROTO_BYTES_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace clusterkit::testing {

inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string Tag(uint32_t number, uint32_t wire_type) {
  return Varint(uint64_t{number} << 3 | wire_type);
}

inline std::string Number(uint32_t field, uint64_t value) { return Tag(field, 0) + Varint(value); }

inline std::string Bytes(uint32_t field, std::string_view value) {
  return Tag(field, 2) + Varint(value.size()) + std::string(value);
}

inline std::string Packed(uint32_t field, std::initializer_list<uint64_t> values) {
  std::string bytes;
  for (uint64_t value : values) bytes += Varint(value);
  return Bytes(field, bytes);
}

inline std::string Repeat(std::string_view bytes, size_t times) {
  std::string all;
  all.reserve(bytes.size() * times);
  for (size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

// Field numbers as in bus.proto, written out so that a test notices when they move.
inline constexpr uint32_t kHello = 1, kGoodbye = 2, kMessage = 3;
inline constexpr uint32_t kHeader = 1, kHeartbeat = 10, kSuspicion = 11, kFail = 12, kProgress = 13,
                          kAuthRequest = 14, kAuthAck = 15, kAuthRefusal = 16, kAuthWithdraw = 17,
                          kUpdate = 18, kStand = 19;

inline const std::string kSomeId = std::string(20, 'i');

// The least that a header must hold, and then `more`.
inline std::string HeaderBytes(std::string_view more = "") {
  return Bytes(1, kSomeId) + Bytes(2, kSomeId) + std::string(more);
}

inline std::string MessageBytes(uint32_t body, std::string_view content,
                                std::string_view header = HeaderBytes()) {
  return Bytes(kMessage, Bytes(kHeader, header) + Bytes(body, content));
}

// The least that a hello must hold, and then `more`.
inline std::string HelloBytes(std::string_view more = "") {
  return Bytes(kHello, Bytes(5, kSomeId) + Bytes(6, kSomeId) + std::string(more));
}

}  // namespace clusterkit::testing

#endif  // CLUSTERKIT_TESTS_WIRE_PROTO_BYTES_H_
