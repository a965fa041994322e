#ifndef KVSERVER_SHA1_H_
#define KVSERVER_SHA1_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace kv {

using Sha1Digest = std::array<uint8_t, 20>;

// For digests that must be Redis's; nothing here relies on its strength.
Sha1Digest Sha1(std::string_view bytes);

}  // namespace kv

#endif  // KVSERVER_SHA1_H_
