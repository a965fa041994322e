#include "kvserver/keyspace.h"

#include <algorithm>
#include <random>
#include <utility>

#include "kvserver/key_hash.h"

namespace kv {
namespace {

// One round of active expiry looks at this many entries, and goes on while at least a quarter of
// them had expired: then dead keys hold at most about a quarter of the memory.
constexpr size_t kExpireRound = 20;
constexpr size_t kTtlSample = 100;
// Elements, keys included.
constexpr size_t kFreePerStep = 1000;
constexpr int kBucketsPerStep = 100;

size_t LinksOffset(size_t key_size) {
  constexpr size_t kAlign = alignof(SlotLinks);
  return (sizeof(Entry) + key_size + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

Keyspace::Keyspace(bool slot_index) : random_state_(std::random_device()() | 1u) {
  if (slot_index) slots_.resize(clusterkit::kSlotCount);
}

Keyspace::~Keyspace() = default;

void Keyspace::set_expiry_listener(std::function<void(std::string_view)> listener) {
  expiry_listener_ = std::move(listener);
}

// --- One key ---

bool Keyspace::IsExpired(const Entry& entry) const {
  return entry.expires_at_ms != kNoExpiry && entry.expires_at_ms <= now_ms_ &&
         expiry_mode_ != ExpiryMode::kIgnore;
}

bool Keyspace::Holds(std::string_view key) { return dict_.Find(key, KeyHash(key)) != nullptr; }

bool Keyspace::HasExpired(std::string_view key) {
  const Entry* entry = dict_.Find(key, KeyHash(key));
  return entry != nullptr && entry->expires_at_ms != kNoExpiry && entry->expires_at_ms <= now_ms_;
}

Entry* Keyspace::FindLive(std::string_view key, uint32_t hash) {
  Entry* entry = dict_.Find(key, hash);
  if (entry == nullptr || !IsExpired(*entry)) return entry;
  if (expiry_mode_ == ExpiryMode::kDelete) Expire(entry);
  return nullptr;
}

Entry* Keyspace::Find(std::string_view key) { return FindLive(key, KeyHash(key)); }

Entry* Keyspace::FindForWrite(std::string_view key) {
  Entry* entry = FindLive(key, KeyHash(key));
  if (entry != nullptr) BeforeChange(entry);
  return entry;
}

Entry* Keyspace::Upsert(std::string_view key, bool* created) {
  const uint32_t hash = KeyHash(key);
  Entry* entry = FindLive(key, hash);
  if (created != nullptr) *created = entry == nullptr;
  if (entry != nullptr) {
    BeforeChange(entry);
    return entry;
  }
  if (expiry_mode_ == ExpiryMode::kHide) {
    // The hidden entry makes room for the one that takes its name.
    if (Entry* hidden = dict_.Find(key, hash)) Erase(hidden);
  }
  return Insert(key, hash);
}

Entry* Keyspace::Insert(std::string_view key, uint32_t hash) {
  if (observer_ != nullptr) observer_->BeforeChange(key);
  const size_t trailer =
      slots_.empty() ? 0 : LinksOffset(key.size()) + sizeof(SlotLinks) - sizeof(Entry) - key.size();
  Entry* entry = Dict::NewEntry(key, hash, trailer);
  entry->snapshot = snapshot_;
  dict_.Insert(entry);
  if (!slots_.empty()) LinkSlot(entry);
  return entry;
}

bool Keyspace::Erase(std::string_view key) {
  Entry* entry = FindLive(key, KeyHash(key));
  if (entry == nullptr) return false;
  Erase(entry);
  return true;
}

void Keyspace::Erase(Entry* entry) {
  if (observer_ != nullptr) observer_->BeforeChange(entry->key());
  KeepForSnapshot(entry);
  if (entry->expires_at_ms != kNoExpiry) RemoveFromExpiring(entry);
  if (!slots_.empty()) UnlinkSlot(entry);
  dict_.Remove(entry);
  DropIfLarge(entry->value);
  Dict::FreeEntry(entry);
}

void Keyspace::Replace(Entry* entry, Value value) {
  DropIfLarge(entry->value);
  entry->value = std::move(value);
}

void Keyspace::DropIfLarge(Value& value) {
  if (value.element_count() > kFreePerStep) dropped_values_.push_back(std::move(value));
}

void Keyspace::SetExpiry(Entry* entry, int64_t unix_ms) {
  if (entry->expires_at_ms == kNoExpiry) {
    entry->expiry_index = static_cast<uint32_t>(expiring_.size());
    expiring_.push_back(entry);
  }
  entry->expires_at_ms = unix_ms;
}

void Keyspace::ClearExpiry(Entry* entry) {
  if (entry->expires_at_ms == kNoExpiry) return;
  RemoveFromExpiring(entry);
  entry->expires_at_ms = kNoExpiry;
}

void Keyspace::RemoveFromExpiring(Entry* entry) {
  Entry* last = expiring_.back();
  expiring_[entry->expiry_index] = last;
  last->expiry_index = entry->expiry_index;
  expiring_.pop_back();
}

void Keyspace::Expire(Entry* entry) {
  if (expiry_listener_) expiry_listener_(entry->key());
  ++expired_total_;
  Erase(entry);
}

// --- Many keys ---

uint64_t Keyspace::Scan(uint64_t cursor, absl::FunctionRef<void(Entry&)> visit) {
  std::vector<Entry*> expired;
  cursor = dict_.Scan(cursor, [&](Entry* entry) {
    if (IsExpired(*entry)) {
      expired.push_back(entry);
    } else {
      visit(*entry);
    }
  });
  if (expiry_mode_ == ExpiryMode::kDelete) {
    for (Entry* entry : expired) Expire(entry);
  }
  return cursor;
}

void Keyspace::ForEach(absl::FunctionRef<void(Entry&)> visit) {
  // The table stays as it is, so the cursor meets each entry once.
  uint64_t cursor = 0;
  do {
    cursor = dict_.Scan(cursor, [&](Entry* entry) {
      if (!IsExpired(*entry)) visit(*entry);
    });
  } while (cursor != 0);
}

void Keyspace::ForEachStored(absl::FunctionRef<void(const Entry&)> visit) const {
  uint64_t cursor = 0;
  do {
    cursor = dict_.Scan(cursor, [&](Entry* entry) { visit(*entry); });
  } while (cursor != 0);
}

Entry* Keyspace::Random() {
  // Where expired keys are kept there may be nothing else; an expired one is the answer then.
  constexpr int kMaxTries = 100;
  Entry* entry = nullptr;
  for (int i = 0; i < kMaxTries; ++i) {
    entry = dict_.At(NextRandom());
    if (entry == nullptr || !IsExpired(*entry)) break;
    if (expiry_mode_ == ExpiryMode::kDelete) Expire(std::exchange(entry, nullptr));
  }
  return entry;
}

uint64_t Keyspace::NextRandom() {
  random_state_ ^= random_state_ << 13;  // xorshift64: quick, and evenly spread
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return random_state_;
}

void Keyspace::Clear(bool now) {
  if (observer_ != nullptr) observer_->BeforeClear();
  expiring_.clear();
  expire_cursor_ = 0;
  std::fill(slots_.begin(), slots_.end(), Slot());
  Dict dropped = std::exchange(dict_, Dict());
  if (snapshot_active() && !snapshot_rest_.has_value()) {
    snapshot_rest_ = std::move(dropped);
    return;
  }
  if (!now && dropped.size() > 0) dropped_.push_back(std::move(dropped));
}

int64_t Keyspace::AverageTtlMs() const {
  if (expiring_.empty()) return 0;
  const size_t step = std::max<size_t>(1, expiring_.size() / kTtlSample);
  int64_t sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < expiring_.size(); i += step) {
    sum += std::max<int64_t>(0, expiring_[i]->expires_at_ms - now_ms_);
    ++count;
  }
  return sum / count;
}

// --- Slots ---

SlotLinks& Keyspace::LinksOf(Entry* entry) const {
  return *reinterpret_cast<SlotLinks*>(reinterpret_cast<char*>(entry) +
                                       LinksOffset(entry->key_size));
}

void Keyspace::LinkSlot(Entry* entry) {
  Slot& slot = slots_[clusterkit::SlotForKey(entry->key()).value];
  new (&LinksOf(entry)) SlotLinks{nullptr, slot.first};
  if (slot.first != nullptr) LinksOf(slot.first).previous = entry;
  slot.first = entry;
  ++slot.count;
}

void Keyspace::UnlinkSlot(Entry* entry) {
  Slot& slot = slots_[clusterkit::SlotForKey(entry->key()).value];
  const SlotLinks links = LinksOf(entry);
  if (links.next != nullptr) LinksOf(links.next).previous = links.previous;
  if (links.previous != nullptr) {
    LinksOf(links.previous).next = links.next;
  } else {
    slot.first = links.next;
  }
  --slot.count;
}

size_t Keyspace::CountInSlot(clusterkit::SlotId slot) const {
  return slots_.empty() ? 0 : slots_[slot.value].count;
}

void Keyspace::ForEachInSlot(clusterkit::SlotId slot, size_t limit,
                             absl::FunctionRef<void(Entry&)> visit) {
  if (slots_.empty()) return;
  for (Entry* entry = slots_[slot.value].first; entry != nullptr && limit > 0;
       entry = LinksOf(entry).next, --limit) {
    visit(*entry);
  }
}

size_t Keyspace::EraseSlot(clusterkit::SlotId slot, size_t limit) {
  if (slots_.empty()) return 0;
  size_t erased = 0;
  for (; erased < limit && slots_[slot.value].first != nullptr; ++erased) {
    Erase(slots_[slot.value].first);
  }
  return erased;
}

// --- Snapshots ---

void Keyspace::StartSnapshot(SnapshotVisitor visit) {
  ++snapshot_;
  snapshot_cursor_ = 0;
  snapshot_scanned_ = false;
  snapshot_visit_ = std::move(visit);
}

void Keyspace::VisitForSnapshot(Entry* entry) {
  entry->snapshot = snapshot_;
  snapshot_visit_(*entry, /*whole=*/true);
  std::erase(snapshot_due_, entry);
}

bool Keyspace::AdvanceSnapshot(size_t count) {
  size_t visited = 0;
  while (snapshot_active() && visited < count) {
    if (!snapshot_due_.empty()) {
      Entry* entry = snapshot_due_.back();
      if (snapshot_visit_(*entry, /*whole=*/false)) break;
      entry->snapshot = snapshot_;
      snapshot_due_.pop_back();
    } else if (snapshot_scanned_) {
      CancelSnapshot();
    } else {
      const Dict& dict = snapshot_rest_.has_value() ? *snapshot_rest_ : dict_;
      snapshot_cursor_ = dict.Scan(snapshot_cursor_, [&](Entry* entry) {
        ++visited;
        if (entry->snapshot != snapshot_) snapshot_due_.push_back(entry);
      });
      // An empty bucket costs time too.
      ++visited;
      snapshot_scanned_ = snapshot_cursor_ == 0;
    }
  }
  return snapshot_active();
}

void Keyspace::CancelSnapshot() {
  snapshot_visit_ = nullptr;
  snapshot_due_.clear();
  if (!snapshot_rest_.has_value()) return;
  dropped_.push_back(*std::move(snapshot_rest_));
  snapshot_rest_.reset();
}

// --- Upkeep ---

void Keyspace::ExpireSome(absl::FunctionRef<bool()> out_of_time) {
  if (expiry_mode_ != ExpiryMode::kDelete || !active_expiry_) return;
  size_t expired = kExpireRound;
  while (!expiring_.empty() && expired >= kExpireRound / 4 && !out_of_time()) {
    expired = 0;
    for (size_t i = 0; i < kExpireRound && !expiring_.empty(); ++i) {
      if (expire_cursor_ >= expiring_.size()) expire_cursor_ = 0;
      Entry* entry = expiring_[expire_cursor_];
      if (IsExpired(*entry)) {
        Expire(entry);  // the last entry takes its place in the list
        ++expired;
      } else {
        ++expire_cursor_;
      }
    }
  }
}

size_t Keyspace::pending_frees() const {
  size_t count = dropped_values_.size();
  if (snapshot_rest_.has_value()) count += snapshot_rest_->size();
  for (const Dict& dropped : dropped_) count += dropped.size();
  return count;
}

void Keyspace::Maintain(absl::FunctionRef<bool()> out_of_time) {
  while (dict_.Rehash(kBucketsPerStep) && !out_of_time()) {
  }
  while (!dropped_.empty() && !out_of_time()) {
    if (!dropped_.front().FreeSome(kFreePerStep)) dropped_.pop_front();
  }
  while (!dropped_values_.empty() && !out_of_time()) {
    if (dropped_values_.front().FreeSome(kFreePerStep) == 0) dropped_values_.pop_front();
  }
}

}  // namespace kv
