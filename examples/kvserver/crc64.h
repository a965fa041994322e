#ifndef KVSERVER_CRC64_H_
#define KVSERVER_CRC64_H_

#include <cstdint>
#include <string_view>

namespace kv {

// The checksum at the end of DUMP's payloads: CRC-64 after Jones, reflected, from 0.
uint64_t Crc64(std::string_view bytes);

}  // namespace kv

#endif  // KVSERVER_CRC64_H_
