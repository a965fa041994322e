#ifndef KVSERVER_KEY_HASH_H_
#define KVSERVER_KEY_HASH_H_

#include <cstdint>
#include <string_view>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace kv {

// The hash of a key or of a member. absl::Hash is seeded per process, so clients cannot aim for
// one bucket.
inline uint32_t KeyHash(std::string_view key) {
  const size_t hash = absl::Hash<absl::string_view>()(absl::string_view(key.data(), key.size()));
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

}  // namespace kv

#endif  // KVSERVER_KEY_HASH_H_
