#include "kvserver/dict.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "kvserver/memory_use.h"

namespace kv {
namespace {

constexpr size_t kMinBuckets = 16;
// Shrink when less than an eighth of the buckets is needed.
constexpr size_t kShrinkFactor = 8;
// Buckets that each change of the table moves while a resize is in progress. Empty ones are
// skipped up to ten times as many, so that a sparse table does not stall one request.
constexpr int kBucketsPerStep = 1;
constexpr int kEmptyVisitsPerBucket = 10;

uint64_t ReverseBits(uint64_t value) {
  value = ((value >> 1) & 0x5555555555555555u) | ((value & 0x5555555555555555u) << 1);
  value = ((value >> 2) & 0x3333333333333333u) | ((value & 0x3333333333333333u) << 2);
  value = ((value >> 4) & 0x0f0f0f0f0f0f0f0fu) | ((value & 0x0f0f0f0f0f0f0f0fu) << 4);
  return __builtin_bswap64(value);
}

// The next cursor: counts up in the reversed order of the bits under `mask`, so that the buckets
// that one bucket splits into, or several merge into, come right after one another.
uint64_t NextCursor(uint64_t cursor, uint64_t mask) {
  cursor |= ~mask;
  return ReverseBits(ReverseBits(cursor) + 1);
}

void VisitChain(Entry* entry, absl::FunctionRef<void(Entry*)> visit) {
  while (entry != nullptr) {
    Entry* next = entry->next;
    visit(entry);
    entry = next;
  }
}

}  // namespace

Dict::~Dict() {
  while (FreeSome(1u << 20)) {
  }
}

Dict::Dict(Dict&& other) noexcept { *this = std::move(other); }

Dict& Dict::operator=(Dict&& other) noexcept {
  std::swap(tables_, other.tables_);
  std::swap(rehash_position_, other.rehash_position_);
  return *this;
}

Entry* Dict::NewEntry(std::string_view key, uint32_t hash, size_t trailer_bytes) {
  void* memory = CountedAlloc(sizeof(Entry) + key.size() + trailer_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  Entry* entry = new (memory) Entry;
  entry->hash = hash;
  entry->key_size = static_cast<uint32_t>(key.size());
  if (!key.empty()) std::memcpy(static_cast<void*>(entry + 1), key.data(), key.size());
  return entry;
}

void Dict::FreeEntry(Entry* entry) {
  entry->~Entry();
  CountedFree(entry);
}

Entry* Dict::Find(std::string_view key, uint32_t hash) {
  if (rehashing()) Rehash(kBucketsPerStep);
  for (const Table& table : tables_) {
    if (table.used == 0) continue;
    for (Entry* entry = table.buckets[hash & table.mask()]; entry != nullptr; entry = entry->next) {
      if (entry->hash == hash && entry->key() == key) return entry;
    }
  }
  return nullptr;
}

void Dict::Insert(Entry* entry) {
  if (rehashing()) Rehash(kBucketsPerStep);
  ResizeIfNeeded();
  Table& table = tables_[rehashing() ? 1 : 0];
  Entry*& head = table.buckets[entry->hash & table.mask()];
  entry->next = head;
  head = entry;
  ++table.used;
}

void Dict::Remove(Entry* entry) {
  for (Table& table : tables_) {
    if (table.used == 0) continue;
    for (Entry** link = &table.buckets[entry->hash & table.mask()]; *link != nullptr;
         link = &(*link)->next) {
      if (*link != entry) continue;
      *link = entry->next;
      entry->next = nullptr;
      --table.used;
      ResizeIfNeeded();
      return;
    }
  }
}

void Dict::ResizeIfNeeded() {
  if (rehashing()) return;
  const size_t buckets = tables_[0].size;
  if (tables_[0].used >= buckets) {
    StartRehash(buckets == 0 ? kMinBuckets : buckets * 2);
  } else if (buckets > kMinBuckets && tables_[0].used < buckets / kShrinkFactor) {
    StartRehash(std::max(kMinBuckets, std::bit_ceil(tables_[0].used * 2)));
  }
}

Dict::Table Dict::NewTable(size_t buckets) {
  Table table;
  table.buckets.reset(static_cast<Entry**>(CountedZeroAlloc(buckets * sizeof(void*))));
  if (table.buckets == nullptr) throw std::bad_alloc();
  table.size = buckets;
  return table;
}

void Dict::StartRehash(size_t buckets) {
  if (tables_[0].size == 0) {
    tables_[0] = NewTable(buckets);
    return;
  }
  tables_[1] = NewTable(buckets);
  rehash_position_ = 0;
}

bool Dict::Rehash(int buckets) {
  if (!rehashing()) return false;
  Table& from = tables_[0];
  Table& to = tables_[1];
  int visits = buckets * kEmptyVisitsPerBucket;
  while (buckets > 0 && visits > 0 && from.used > 0) {
    Entry*& head = from.buckets[static_cast<size_t>(rehash_position_++)];
    --visits;
    if (head == nullptr) continue;
    --buckets;
    VisitChain(std::exchange(head, nullptr), [&](Entry* entry) {
      Entry*& target = to.buckets[entry->hash & to.mask()];
      entry->next = target;
      target = entry;
      --from.used;
      ++to.used;
    });
  }
  if (from.used > 0) return true;
  from = std::exchange(to, Table());
  rehash_position_ = -1;
  ResizeIfNeeded();  // much may have been removed meanwhile
  return rehashing();
}

uint64_t Dict::Scan(uint64_t cursor, absl::FunctionRef<void(Entry*)> visit) const {
  if (size() == 0) return 0;
  if (!rehashing()) {
    const Table& table = tables_[0];
    VisitChain(table.buckets[cursor & table.mask()], visit);
    return NextCursor(cursor, table.mask());
  }
  // A bucket of the smaller table, then all those of the larger one that it corresponds to.
  const bool grows = tables_[0].size <= tables_[1].size;
  const Table& small = tables_[grows ? 0 : 1];
  const Table& large = tables_[grows ? 1 : 0];
  VisitChain(small.buckets[cursor & small.mask()], visit);
  do {
    VisitChain(large.buckets[cursor & large.mask()], visit);
    cursor = NextCursor(cursor, large.mask());
  } while ((cursor & (small.mask() ^ large.mask())) != 0);
  return cursor;
}

Entry* Dict::At(uint64_t random) const {
  if (size() == 0) return nullptr;
  const size_t buckets = bucket_count();
  // Buckets in front of the rehash position are empty.
  const size_t first = rehashing() ? static_cast<size_t>(rehash_position_) : 0;
  const size_t start = static_cast<size_t>(random % (buckets - first));
  for (size_t i = 0; i < buckets - first; ++i) {
    size_t bucket = first + (start + i) % (buckets - first);
    const Table* table = &tables_[0];
    if (bucket >= table->size) {
      bucket -= table->size;
      table = &tables_[1];
    }
    Entry* entry = table->buckets[bucket];
    if (entry == nullptr) continue;
    size_t length = 0;
    for (Entry* e = entry; e != nullptr; e = e->next) ++length;
    for (size_t skip = (random >> 32) % length; skip > 0; --skip) entry = entry->next;
    return entry;
  }
  return nullptr;
}

bool Dict::FreeSome(size_t count) {
  for (Table& table : tables_) {
    while (table.size > 0) {
      Entry*& head = table.buckets[table.size - 1];
      while (head != nullptr && count > 0) {
        Entry* entry = head;
        // What a container holds counts as well.
        if (const size_t freed = entry->value.FreeSome(count); freed > 0) {
          count -= freed;
          continue;
        }
        head = entry->next;
        FreeEntry(entry);
        --table.used;
        --count;
      }
      if (head != nullptr) return true;
      --table.size;
    }
    table = Table();
  }
  rehash_position_ = -1;
  return false;
}

}  // namespace kv
