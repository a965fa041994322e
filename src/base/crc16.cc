#include "base/crc16.h"

#include <array>
#include <cstddef>

namespace clusterkit {
namespace {

constexpr size_t kSlices = 8;
using Table = std::array<uint16_t, 256>;

// tables[n][b] is the checksum of byte b followed by n zero bytes. The checksum is linear, so
// eight bytes are the sum of eight lookups that do not wait for each other.
constexpr std::array<Table, kSlices> MakeTables() {
  std::array<Table, kSlices> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    tables[0][byte] = static_cast<uint16_t>(crc);
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint16_t crc = tables[slice - 1][byte];
      tables[slice][byte] = static_cast<uint16_t>((crc << 8) ^ tables[0][crc >> 8]);
    }
  }
  return tables;
}

constexpr std::array<Table, kSlices> kTables = MakeTables();

}  // namespace

uint16_t Crc16(std::string_view bytes) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  uint16_t crc = 0;
  for (; left >= kSlices; left -= kSlices, p += kSlices) {
    crc = static_cast<uint16_t>(kTables[7][p[0] ^ (crc >> 8)] ^ kTables[6][p[1] ^ (crc & 0xff)] ^
                                kTables[5][p[2]] ^ kTables[4][p[3]] ^ kTables[3][p[4]] ^
                                kTables[2][p[5]] ^ kTables[1][p[6]] ^ kTables[0][p[7]]);
  }
  for (; left > 0; --left, ++p) {
    crc = static_cast<uint16_t>((crc << 8) ^ kTables[0][(crc >> 8) ^ *p]);
  }
  return crc;
}

}  // namespace clusterkit
