#ifndef KVSERVER_CRC64_H_
#define KVSERVER_CRC64_H_

#include <cstdint>
#include <string_view>

namespace kv {

// The checksum at the end of DUMP's payloads and of RDB files: CRC-64 after Jones, reflected. Of
// what comes in pieces, `sum` is that of the pieces before.
uint64_t Crc64(std::string_view bytes, uint64_t sum = 0);

}  // namespace kv

#endif  // KVSERVER_CRC64_H_
