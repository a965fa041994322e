#include "clusterkit/slot_map.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace clusterkit {
namespace {

constexpr size_t kWords = kSlotCount / 64;

SlotId SlotAt(size_t word, uint64_t bits) {
  return SlotId{static_cast<uint16_t>(word * 64 + std::countr_zero(bits))};
}

// Eight bytes of value 0 or 1 as eight bits, the first byte lowest.
uint64_t PackEight(const uint8_t* bytes) {
  if constexpr (std::endian::native == std::endian::little) {
    uint64_t lanes;
    std::memcpy(&lanes, bytes, sizeof(lanes));
    // The factor moves byte i from bit 8 i to bit 56 + i; no two products share a bit, so there
    // are no carries.
    return (lanes * 0x0102040810204080) >> 56;
  }
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits |= uint64_t{bytes[i]} << i;
  return bits;
}

// The epoch of the owner asked for last: neighbouring slots mostly share their owner, and the
// lookup behind EpochOf is the expensive part.
class EpochCache {
 public:
  explicit EpochCache(SlotMap::EpochOf epoch_of) : epoch_of_(epoch_of) {}

  Epoch Of(uint16_t index, const NodeId& owner) {
    if (index != index_) {
      index_ = index;
      epoch_ = epoch_of_(owner);
    }
    return epoch_;
  }

 private:
  SlotMap::EpochOf epoch_of_;
  int index_ = -1;
  Epoch epoch_;
};

}  // namespace

SlotMap::SlotMap() : owner_index_(kSlotCount, kUnbound) {}

const NodeId* SlotMap::OwnerOf(SlotId slot) const {
  const uint16_t index = owner_index_[slot.value];
  return index == kUnbound ? nullptr : &owners_[index].id;
}

SlotSet SlotMap::SlotsOf(const NodeId& owner) const {
  SlotSet slots;
  const uint16_t index = IndexOf(owner);
  if (index == kUnbound) return slots;
  int left = owners_[index].count;
  for (size_t word = 0; left > 0; ++word) {
    const uint64_t held = HeldBits(word, index);
    slots.AddWord(word, held);
    left -= std::popcount(held);
  }
  return slots;
}

int SlotMap::CountOf(const NodeId& owner) const {
  const uint16_t index = IndexOf(owner);
  return index == kUnbound ? 0 : owners_[index].count;
}

bool SlotMap::HoldsExactly(const NodeId& owner, const SlotSet& slots) const {
  const uint16_t index = IndexOf(owner);
  if (index == kUnbound) return slots.Empty();
  int left = owners_[index].count;
  for (size_t word = 0; word < kWords; ++word) {
    const uint64_t bits = slots.words()[word];
    if (bits == 0) continue;
    if ((bits & unclaimed_.words()[word]) != 0 || (bits & ~HeldBits(word, index)) != 0)
      return false;
    left -= std::popcount(bits);
  }
  return left == 0;
}

std::vector<NodeId> SlotMap::Owners() const {
  std::vector<NodeId> owners;
  owners.reserve(by_id_.size());
  for (uint16_t index : by_id_) owners.push_back(owners_[index].id);
  return owners;
}

std::vector<SlotRebind> SlotMap::ApplyClaim(const SlotClaim& claim, EpochOf config_epoch_of,
                                            const SlotSet& keep) {
  std::vector<SlotRebind> changes;
  EpochCache epochs(config_epoch_of);
  uint16_t claimant = IndexOf(claim.owner);
  int left_out = claimant == kUnbound ? 0 : owners_[claimant].count;

  const auto& claimed = claim.slots.words();
  for (size_t word = 0; word < kWords; ++word) {
    if (claimed[word] == 0) continue;
    const uint64_t held = claimant == kUnbound ? 0 : claimed[word] & HeldBits(word, claimant);
    left_out -= std::popcount(held);
    unclaimed_.RemoveWord(word, held);
    const uint64_t wanted = claimed[word] & ~held & ~keep.words()[word];
    for (uint64_t bits = wanted; bits != 0; bits &= bits - 1) {
      const SlotId slot = SlotAt(word, bits);
      const uint16_t from = owner_index_[slot.value];
      SlotRebind change{slot, std::nullopt, claim.owner};
      if (from != kUnbound) {
        const NodeId& owner = owners_[from].id;
        if (!unclaimed_.Contains(slot) && epochs.Of(from, owner) >= claim.config_epoch) continue;
        change.from = owner;
      }
      if (claimant == kUnbound) claimant = Intern(claim.owner);
      Rebind(slot, claimant);
      changes.push_back(change);
    }
  }

  // Slots that the claimant held but did not name. Mostly there are none, and then the counting
  // above has saved us the search.
  for (size_t word = 0; left_out > 0 && word < kWords; ++word) {
    if (claimed[word] == ~uint64_t{0}) continue;
    const uint64_t bits = HeldBits(word, claimant) & ~claimed[word];
    unclaimed_.AddWord(word, bits);
    left_out -= std::popcount(bits);
  }
  return changes;
}

std::optional<NodeId> SlotMap::NewerOwner(const SlotClaim& claim, EpochOf config_epoch_of) const {
  EpochCache epochs(config_epoch_of);
  const uint16_t claimant = IndexOf(claim.owner);
  const auto& claimed = claim.slots.words();
  for (size_t word = 0; word < kWords; ++word) {
    if (claimed[word] == 0) continue;
    // Without slots the claimant's index means "unbound", and that is just as uninteresting.
    const uint64_t foreign = claimed[word] & ~HeldBits(word, claimant);
    for (uint64_t bits = foreign & ~unclaimed_.words()[word]; bits != 0; bits &= bits - 1) {
      const uint16_t index = owner_index_[SlotAt(word, bits).value];
      if (index == kUnbound) continue;
      const NodeId& owner = owners_[index].id;
      if (epochs.Of(index, owner) > claim.config_epoch) return owner;
    }
  }
  return std::nullopt;
}

absl::Status SlotMap::Assign(const SlotSet& slots, const NodeId& owner) {
  for (size_t word = 0; word < kWords; ++word) {
    uint64_t bits = slots.words()[word];
    if (bits == 0) continue;
    bits &= ~HeldBits(word, kUnbound);
    if (bits != 0) {
      return absl::AlreadyExistsError(
          absl::StrCat("slot ", SlotAt(word, bits).value, " is already bound"));
    }
  }
  Bind(slots, owner);
  return absl::OkStatus();
}

absl::Status SlotMap::Unassign(const SlotSet& slots) {
  for (size_t word = 0; word < kWords; ++word) {
    uint64_t bits = slots.words()[word];
    if (bits == 0) continue;
    bits &= HeldBits(word, kUnbound);
    if (bits != 0) {
      return absl::NotFoundError(absl::StrCat("slot ", SlotAt(word, bits).value, " is not bound"));
    }
  }
  slots.ForEach([this](SlotId slot) { Rebind(slot, kUnbound); });
  return absl::OkStatus();
}

void SlotMap::Bind(const SlotSet& slots, const NodeId& owner) {
  if (slots.Empty()) return;
  const uint16_t index = Intern(owner);
  slots.ForEach([this, index](SlotId slot) { Rebind(slot, index); });
}

SlotSet SlotMap::MoveAll(const NodeId& from, const NodeId& to) {
  SlotSet slots = SlotsOf(from);
  Bind(slots, to);
  return slots;
}

void SlotMap::Disclaim(const SlotSet& slots) {
  for (size_t word = 0; word < kWords; ++word) {
    const uint64_t bits = slots.words()[word];
    if (bits != 0) unclaimed_.AddWord(word, bits & ~HeldBits(word, kUnbound));
  }
}

SlotSet SlotMap::Release(const NodeId& owner) {
  SlotSet slots = SlotsOf(owner);
  slots.ForEach([this](SlotId slot) { Rebind(slot, kUnbound); });
  return slots;
}

std::vector<uint16_t>::const_iterator SlotMap::Position(const NodeId& owner) const {
  return std::lower_bound(
      by_id_.begin(), by_id_.end(), owner,
      [this](uint16_t index, const NodeId& id) { return owners_[index].id < id; });
}

uint16_t SlotMap::IndexOf(const NodeId& owner) const {
  const auto at = Position(owner);
  return at != by_id_.end() && owners_[*at].id == owner ? *at : kUnbound;
}

// The entry has no slots yet: the caller binds at least one before anything is interned again.
uint16_t SlotMap::Intern(const NodeId& owner) {
  const auto at = Position(owner);
  if (at != by_id_.end() && owners_[*at].id == owner) return *at;
  const auto free = std::find_if(owners_.begin(), owners_.end(),
                                 [](const Owner& entry) { return entry.count == 0; });
  const auto index = static_cast<uint16_t>(free - owners_.begin());
  // Each other entry holds a slot, so the index stays far below kUnbound.
  CLUSTERKIT_CHECK(index <= kSlotCount);
  if (free == owners_.end()) {
    owners_.push_back({owner, 0});
  } else {
    free->id = owner;
  }
  by_id_.insert(at, index);
  return index;
}

void SlotMap::Rebind(SlotId slot, uint16_t to) {
  const uint16_t from = owner_index_[slot.value];
  owner_index_[slot.value] = to;
  unclaimed_.Remove(slot);
  if (to != kUnbound) {
    ++owners_[to].count;
    ++assigned_;
  }
  if (from != kUnbound) {
    --owners_[from].count;
    --assigned_;
    ReleaseIfEmpty(from);
  }
}

void SlotMap::ReleaseIfEmpty(uint16_t index) {
  if (owners_[index].count == 0) by_id_.erase(Position(owners_[index].id));
}

uint64_t SlotMap::HeldBits(size_t word, uint16_t index) const {
  const uint16_t* entries = owner_index_.data() + word * 64;
  // Bytes first, because compilers vectorise this loop and not one over bits.
  std::array<uint8_t, 64> equal;
  for (size_t i = 0; i < equal.size(); ++i) equal[i] = entries[i] == index;
  uint64_t held = 0;
  for (size_t i = 0; i < equal.size(); i += 8) held |= PackEight(&equal[i]) << i;
  return held;
}

bool operator==(const SlotMap& a, const SlotMap& b) {
  if (a.assigned_ != b.assigned_ || a.unclaimed_ != b.unclaimed_) return false;
  if (a.Owners() != b.Owners()) return false;
  // Each map numbers its owners in its own way.
  std::vector<uint16_t> index_in_b(a.owners_.size());
  for (size_t i = 0; i < a.by_id_.size(); ++i) index_in_b[a.by_id_[i]] = b.by_id_[i];
  for (size_t slot = 0; slot < kSlotCount; ++slot) {
    const uint16_t index = a.owner_index_[slot];
    const uint16_t expected = index == SlotMap::kUnbound ? index : index_in_b[index];
    if (b.owner_index_[slot] != expected) return false;
  }
  return true;
}

}  // namespace clusterkit
