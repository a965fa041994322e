// The checksum behind hash slots.

#ifndef CLUSTERKIT_SRC_BASE_CRC16_H_
#define CLUSTERKIT_SRC_BASE_CRC16_H_

#include <cstdint>
#include <string_view>

namespace clusterkit {

// CRC-16/XMODEM: polynomial 0x1021, initial value 0, most significant bit first.
uint16_t Crc16(std::string_view bytes);

}  // namespace clusterkit

#endif  // CLUSTERKIT_SRC_BASE_CRC16_H_
