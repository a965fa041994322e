#ifndef KVSERVER_KEYSPACE_H_
#define KVSERVER_KEYSPACE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "clusterkit/slot.h"
#include "kvserver/dict.h"
#include "kvserver/entry.h"

namespace kv {

// What an expired key means.
enum class ExpiryMode : uint8_t {
  kDelete,  // a primary: it is deleted when met, and the listener is told
  kHide,    // a replica, or a primary whose writes are paused: answered as absent, but kept
  kIgnore,  // applying the primary's stream: it exists until the primary deletes it
};

// The data set: entries by key, their expiries, an optional index by slot, and snapshots. Data
// thread only. Entry pointers stay valid until their key is deleted; with ExpiryMode::kDelete
// any Find may delete the key it looks for, and no other.
class Keyspace {
 public:
  // `slot_index` costs 16 bytes per key, and is what the slot functions below need.
  explicit Keyspace(bool slot_index = false);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  // Unix time in milliseconds; the owner sets it before each batch of requests.
  int64_t now_ms() const { return now_ms_; }
  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }
  ExpiryMode expiry_mode() const { return expiry_mode_; }
  void set_expiry_mode(ExpiryMode mode) { expiry_mode_ = mode; }
  // Called right before a key is deleted because it expired (to propagate DEL).
  void set_expiry_listener(std::function<void(std::string_view key)> listener);

  // Hears of all changes, whoever makes them. Must not call back to change anything.
  class Observer {
   public:
    virtual ~Observer() = default;
    // The key will be made or deleted.
    virtual void BeforeChange(std::string_view key) = 0;
    // Somebody took hold of the entry to change it, and has not decided yet.
    virtual void BeforeMaybeChange(std::string_view key) = 0;
    // All keys will be deleted.
    virtual void BeforeClear() = 0;
  };
  // Null: nobody listens.
  void set_observer(Observer* observer) { observer_ = observer; }

  size_t size() const { return dict_.size(); }
  size_t expiring_size() const { return expiring_.size(); }
  // Counts changes: a command whose handler moved it has changed the data set.
  uint64_t changes() const { return changes_; }
  void CountChange() { ++changes_; }

  // --- One key. Null: absent, or expired. ---
  // For reading. Everybody who is about to change value or expiry uses FindForWrite or Upsert,
  // so that a snapshot in progress sees the old state first.
  Entry* Find(std::string_view key);
  Entry* FindForWrite(std::string_view key);
  // The entry of `key`, made empty and without expiry if absent.
  Entry* Upsert(std::string_view key, bool* created = nullptr);
  bool Erase(std::string_view key);
  void Erase(Entry* entry);
  // Gives an entry another value. The memory of a large one that it had comes back in pieces, by
  // Maintain, as it does when its key is erased.
  void Replace(Entry* entry, Value value);
  void SetExpiry(Entry* entry, int64_t unix_ms);
  void ClearExpiry(Entry* entry);
  bool IsExpired(const Entry& entry) const;
  // Look without touching, whatever the mode: whether there is an entry, and whether there is one
  // whose time is up.
  bool Holds(std::string_view key);
  bool HasExpired(std::string_view key);

  // --- Many keys. ---
  // As Dict::Scan, without expired keys; deletes those it meets in mode kDelete.
  uint64_t Scan(uint64_t cursor, absl::FunctionRef<void(Entry&)> visit);
  // Visits each key that is not expired once; deletes none, and the visitor must not either.
  void ForEach(absl::FunctionRef<void(Entry&)> visit);
  // The same with expired keys.
  void ForEachStored(absl::FunctionRef<void(const Entry&)> visit) const;
  Entry* Random();
  // Draws 64 bits for whatever commands choose at random; not secret.
  uint64_t NextRandom();
  // Empties the data set. The memory comes back in pieces, by Maintain, unless `now` is set.
  void Clear(bool now = false);
  // Mean remaining life of the keys with an expiry, over a sample.
  int64_t AverageTtlMs() const;

  // --- Slots; all answer "none" without a slot index. Expired keys that were not met are included,
  // as in Redis. ---
  size_t CountInSlot(clusterkit::SlotId slot) const;
  // Up to `limit` entries; the visitor must not delete keys.
  void ForEachInSlot(clusterkit::SlotId slot, size_t limit, absl::FunctionRef<void(Entry&)> visit);
  // Deletes up to `limit` keys of the slot; returns how many.
  size_t EraseSlot(clusterkit::SlotId slot, size_t limit);

  // --- Snapshots: the data set as it was at one instant, handed out in pieces. ---
  // Each entry that exists now is handed out once: by AdvanceSnapshot, or earlier, right before it
  // changes. Expired entries are included. One snapshot at a time: it is active from StartSnapshot
  // until AdvanceSnapshot answers false, or CancelSnapshot. What Clear takes away is kept until it
  // was handed out.
  //
  // The visitor may take a piece of an entry and answer true; then it is called again for the rest,
  // unless `whole`: then it takes all that is left. Others may come in between. It must not call
  // the keyspace.
  using SnapshotVisitor = std::function<bool(const Entry& entry, bool whole)>;
  void StartSnapshot(SnapshotVisitor visit);
  // Hands out about `count` more entries, or one piece. False: complete, and the visitor was
  // released.
  bool AdvanceSnapshot(size_t count);
  void CancelSnapshot();
  bool snapshot_active() const { return snapshot_visit_ != nullptr; }

  // --- Upkeep, called by a timer. ---
  // Deletes expired keys until `out_of_time` says so or few are left. Mode kDelete only.
  void ExpireSome(absl::FunctionRef<bool()> out_of_time);
  // Off: expired keys are deleted only when somebody meets them.
  void set_active_expiry(bool active) { active_expiry_ = active; }
  // Moves a resize forward, returns memory of what Clear dropped.
  void Maintain(absl::FunctionRef<bool()> out_of_time);
  uint64_t expired_total() const { return expired_total_; }
  void ForgetExpiredTotal() { expired_total_ = 0; }
  // There is memory to return.
  bool has_garbage() const { return !dropped_.empty() || !dropped_values_.empty(); }
  // Values that nobody sees any more and whose memory is still to come back.
  size_t pending_frees() const;

 private:
  struct Slot {
    Entry* first = nullptr;
    size_t count = 0;
  };

  Entry* FindLive(std::string_view key, uint32_t hash);
  Entry* Insert(std::string_view key, uint32_t hash);
  void Expire(Entry* entry);
  void DropIfLarge(Value& value);
  void VisitForSnapshot(Entry* entry);
  void KeepForSnapshot(Entry* entry) {
    if (snapshot_visit_ != nullptr && entry->snapshot != snapshot_) VisitForSnapshot(entry);
  }
  void BeforeChange(Entry* entry) {
    KeepForSnapshot(entry);
    if (observer_ != nullptr) observer_->BeforeMaybeChange(entry->key());
  }
  void RemoveFromExpiring(Entry* entry);
  SlotLinks& LinksOf(Entry* entry) const;
  void LinkSlot(Entry* entry);
  void UnlinkSlot(Entry* entry);

  Dict dict_;
  int64_t now_ms_ = 0;
  ExpiryMode expiry_mode_ = ExpiryMode::kDelete;
  std::function<void(std::string_view)> expiry_listener_;
  Observer* observer_ = nullptr;
  uint64_t changes_ = 0;
  uint64_t expired_total_ = 0;
  uint64_t random_state_;

  std::vector<Entry*> expiring_;  // every entry with an expiry, at its expiry_index
  size_t expire_cursor_ = 0;
  bool active_expiry_ = true;
  std::vector<Slot> slots_;  // empty without a slot index

  SnapshotVisitor snapshot_visit_;
  uint32_t snapshot_ = 0;
  uint64_t snapshot_cursor_ = 0;
  bool snapshot_scanned_ = false;      // no entries but those in snapshot_due_ are left
  std::vector<Entry*> snapshot_due_;   // met, and not handed out or not to the end
  std::optional<Dict> snapshot_rest_;  // what was cleared during the snapshot

  // Cleared, erased and replaced; waiting to be freed.
  std::deque<Dict> dropped_;
  std::deque<Value> dropped_values_;
};

}  // namespace kv

#endif  // KVSERVER_KEYSPACE_H_
