#include "file/checksum.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace clusterkit::file {
namespace {

constexpr uint64_t kPolynomial = 0xC96C5795D7870F42;  // ECMA-182, reflected.

constexpr std::array<uint64_t, 256> MakeTable() {
  std::array<uint64_t, 256> table{};
  for (uint64_t byte = 0; byte < table.size(); ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<uint64_t, 256> kTable = MakeTable();

}  // namespace

uint64_t Checksum(std::string_view bytes) {
  uint64_t crc = ~uint64_t{0};
  for (char c : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string ChecksumText(std::string_view bytes) {
  return absl::StrCat(absl::Hex(Checksum(bytes), absl::kZeroPad16));
}

}  // namespace clusterkit::file
