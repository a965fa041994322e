#ifndef KVSERVER_DICT_H_
#define KVSERVER_DICT_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "kvserver/entry.h"
#include "kvserver/memory_use.h"

namespace kv {

// Hash table from key to Entry: chained, with a power of two of buckets. It grows and shrinks a
// few buckets per operation, so no request pays for a whole rehash, and its buckets have an
// order that survives resizing, which is what SCAN's guarantee rests on. Owns its entries.
class Dict {
 public:
  Dict() = default;
  ~Dict();
  Dict(Dict&& other) noexcept;
  Dict& operator=(Dict&& other) noexcept;

  // `hash` is KeyHash(key). `trailer_bytes`: room behind the key, see Entry.
  static Entry* NewEntry(std::string_view key, uint32_t hash, size_t trailer_bytes);
  static void FreeEntry(Entry* entry);

  size_t size() const { return tables_[0].used + tables_[1].used; }
  size_t bucket_count() const { return tables_[0].size + tables_[1].size; }
  bool rehashing() const { return rehash_position_ >= 0; }

  Entry* Find(std::string_view key, uint32_t hash);
  // Requires that the key is absent. Takes ownership.
  void Insert(Entry* entry);
  // Requires that the entry is in this table. Gives ownership back.
  void Remove(Entry* entry);

  // Visits a few entries; returns the cursor for the next call, 0 when all were visited. Starting
  // at 0, an entry that is there from the first call to the last is visited at least once,
  // however often the table is resized in between. The visitor must not change the table.
  uint64_t Scan(uint64_t cursor, absl::FunctionRef<void(Entry*)> visit) const;

  // An entry at a place chosen by `random` (any 64-bit value; the caller draws it). Null if empty.
  Entry* At(uint64_t random) const;

  // Moves up to `buckets` buckets of a resize in progress. False when none is (left).
  bool Rehash(int buckets);

  // Frees up to `count` entries and elements of containers, in no useful order; false when the
  // table is empty. For tables that are no longer in use: Find is not possible in between.
  bool FreeSome(size_t count);

 private:
  struct FreeMemory {
    void operator()(Entry** buckets) const { CountedFree(buckets); }
  };
  struct Table {
    // As calloc has it, so the kernel zeroes a large table page by page as it comes into use.
    std::unique_ptr<Entry*[], FreeMemory> buckets;
    size_t size = 0;
    size_t used = 0;  // entries
    uint64_t mask() const { return size - 1; }
  };

  static Table NewTable(size_t buckets);
  void ResizeIfNeeded();
  void StartRehash(size_t buckets);

  // While rehashing, entries move from tables_[0] to tables_[1], lowest bucket first.
  Table tables_[2];
  int64_t rehash_position_ = -1;
};

}  // namespace kv

#endif  // KVSERVER_DICT_H_
