#include "kvserver/crc64.h"

#include <array>
#include <cstddef>

#include "kvserver/little_endian.h"

namespace kv {
namespace {

constexpr uint64_t kPolynomial = 0x95ac9329ac4bc9b5;  // 0xad93d23594c935a9 with its bits reversed
constexpr size_t kStep = 8;

using Table = std::array<uint64_t, 256>;

// tables[n][byte]: what a byte does to the sum when n further bytes follow it.
constexpr std::array<Table, kStep> MakeTables() {
  std::array<Table, kStep> tables = {};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (size_t n = 1; n < kStep; ++n) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t sum = tables[n - 1][byte];
      tables[n][byte] = (sum >> 8) ^ tables[0][sum & 0xff];
    }
  }
  return tables;
}

constexpr std::array<Table, kStep> kTables = MakeTables();

}  // namespace

uint64_t Crc64(std::string_view bytes, uint64_t sum) {
  for (; bytes.size() >= kStep; bytes.remove_prefix(kStep)) {
    sum ^= GetLittleEndian<uint64_t>(bytes, 0);
    uint64_t next = 0;
    for (size_t n = 0; n < kStep; ++n) next ^= kTables[kStep - 1 - n][(sum >> (8 * n)) & 0xff];
    sum = next;
  }
  for (const char c : bytes) {
    sum = (sum >> 8) ^ kTables[0][(sum ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return sum;
}

}  // namespace kv
