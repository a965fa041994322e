#ifndef KVSERVER_ENTRY_H_
#define KVSERVER_ENTRY_H_

#include <cstdint>
#include <string_view>

#include "kvserver/value.h"

namespace kv {

inline constexpr int64_t kNoExpiry = -1;

// One key with its value, in one allocation: the key's bytes follow the struct, and behind them,
// if the keyspace keeps a slot index, the SlotLinks. Entries never move.
struct Entry {
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }

  Entry* next = nullptr;  // in the bucket of the Dict
  uint32_t hash = 0;
  uint32_t key_size = 0;
  int64_t expires_at_ms = kNoExpiry;  // unix time; set by Keyspace::SetExpiry
  uint32_t expiry_index = 0;          // position in the keyspace's list of expiring entries
  uint32_t snapshot = 0;              // number of the last snapshot that does not need it
  Value value;
};

// Neighbours in the list of one slot's entries.
struct SlotLinks {
  Entry* previous = nullptr;
  Entry* next = nullptr;
};

}  // namespace kv

#endif  // KVSERVER_ENTRY_H_
