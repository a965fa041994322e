// CRC-64/XZ: finds every burst of damage up to 64 bits, and others but for a chance of 2^-64.

#ifndef CLUSTERKIT_SRC_FILE_CHECKSUM_H_
#define CLUSTERKIT_SRC_FILE_CHECKSUM_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace clusterkit::file {

uint64_t Checksum(std::string_view bytes);
// As the state file has it: 16 hex digits.
std::string ChecksumText(std::string_view bytes);

}  // namespace clusterkit::file

#endif  // CLUSTERKIT_SRC_FILE_CHECKSUM_H_
