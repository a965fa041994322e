// SlotMap works word by word; this compares it with the same rules written slot by slot.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "clusterkit/random.h"
#include "clusterkit/slot_map.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

using Epochs = std::map<NodeId, Epoch>;

SlotId S(int slot) { return SlotId{static_cast<uint16_t>(slot)}; }

// The rules of slot_map.h written down slot by slot.
class Twin {
 public:
  std::vector<SlotRebind> ApplyClaim(const SlotClaim& claim, const Epochs& epochs,
                                     const SlotSet& keep) {
    std::vector<SlotRebind> changes;
    for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
      const std::optional<NodeId> owner = owners_[slot];
      if (!claim.slots.Contains({slot})) {
        if (owner == claim.owner) unclaimed_[slot] = true;
      } else if (owner == claim.owner) {
        unclaimed_[slot] = false;
      } else if (!keep.Contains({slot}) &&
                 (!owner || unclaimed_[slot] || epochs.at(*owner) < claim.config_epoch)) {
        changes.push_back({{slot}, owner, claim.owner});
        Set(slot, claim.owner);
      }
    }
    return changes;
  }

  std::optional<NodeId> NewerOwner(const SlotClaim& claim, const Epochs& epochs) const {
    for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
      const std::optional<NodeId>& owner = owners_[slot];
      if (claim.slots.Contains({slot}) && owner && owner != claim.owner && !unclaimed_[slot] &&
          epochs.at(*owner) > claim.config_epoch) {
        return owner;
      }
    }
    return std::nullopt;
  }

  bool Assign(const SlotSet& slots, const NodeId& owner) {
    bool all_unbound = true;
    slots.ForEach([&](SlotId slot) { all_unbound &= !owners_[slot.value]; });
    if (all_unbound) Bind(slots, owner);
    return all_unbound;
  }

  bool Unassign(const SlotSet& slots) {
    bool all_bound = true;
    slots.ForEach([&](SlotId slot) { all_bound &= owners_[slot.value].has_value(); });
    if (all_bound) slots.ForEach([&](SlotId slot) { Set(slot.value, std::nullopt); });
    return all_bound;
  }

  void Bind(const SlotSet& slots, const NodeId& owner) {
    slots.ForEach([&](SlotId slot) { Set(slot.value, owner); });
  }

  SlotSet MoveAll(const NodeId& from, const NodeId& to) {
    const SlotSet slots = SlotsOf(from);
    Bind(slots, to);
    return slots;
  }

  SlotSet Release(const NodeId& owner) {
    const SlotSet slots = SlotsOf(owner);
    slots.ForEach([&](SlotId slot) { Set(slot.value, std::nullopt); });
    return slots;
  }

  SlotSet SlotsOf(const NodeId& id) const {
    SlotSet slots;
    for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
      if (owners_[slot] == id) slots.Add(SlotId{slot});
    }
    return slots;
  }

  void RequireEqual(const SlotMap& map) const {
    std::map<NodeId, SlotSet> slots_of;
    SlotSet unclaimed;
    int assigned = 0;
    bool same_owners = true;
    for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
      const NodeId* owner = map.OwnerOf({slot});
      same_owners &= owners_[slot].has_value() == (owner != nullptr);
      if (unclaimed_[slot]) unclaimed.Add(SlotId{slot});
      if (owner == nullptr) continue;
      same_owners &= owners_[slot] == *owner;
      slots_of[*owner].Add(SlotId{slot});
      ++assigned;
    }
    REQUIRE(same_owners);
    REQUIRE(map.unclaimed() == unclaimed);
    REQUIRE(map.AssignedCount() == assigned);
    std::vector<NodeId> owners;
    for (const auto& [owner, slots] : slots_of) {
      owners.push_back(owner);
      REQUIRE(map.SlotsOf(owner) == slots);
      REQUIRE(map.CountOf(owner) == slots.Count());
    }
    REQUIRE(map.Owners() == owners);
  }

 private:
  void Set(uint16_t slot, const std::optional<NodeId>& owner) {
    owners_[slot] = owner;
    unclaimed_[slot] = false;
  }

  std::vector<std::optional<NodeId>> owners_ = std::vector<std::optional<NodeId>>(kSlotCount);
  std::vector<bool> unclaimed_ = std::vector<bool>(kSlotCount);
};

// Full words, parts of words and single slots, since each takes a path of its own.
SlotSet RandomSlots(Rng& rng) {
  SlotSet slots;
  if (rng.Chance(50)) return slots;
  if (rng.Chance(50)) return SlotSet::Of({S(0), S(kSlotCount - 1)});
  const uint64_t ranges = 1 + rng.Below(4);
  for (uint64_t i = 0; i < ranges; ++i) {
    const auto first = static_cast<int>(rng.Below(kSlotCount));
    const auto length = static_cast<int>(rng.Below(rng.Chance(500) ? 40 : 1000));
    slots.Add(SlotRange{S(first), S(std::min(first + length, kSlotCount - 1))});
  }
  if (rng.Chance(200)) {
    for (int i = 0; i < 200; ++i) slots.Add(S(static_cast<int>(rng.Below(kSlotCount))));
  }
  return slots;
}

void RunAgainstTwin(uint64_t seed, int steps) {
  INFO("seed " << seed);
  Rng rng(seed);
  std::vector<NodeId> ids;
  Epochs epochs;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(NodeId::Random(rng));
    epochs[ids.back()] = {rng.Below(4)};
  }
  const auto epoch_of = [&](const NodeId& id) { return epochs.at(id); };
  SlotMap map;
  Twin twin;
  for (int step = 0; step < steps; ++step) {
    INFO("step " << step);
    const NodeId id = ids[rng.Below(ids.size())];
    const NodeId other = ids[rng.Below(ids.size())];
    const SlotSet slots = RandomSlots(rng);
    const uint64_t kind = rng.Below(20);
    if (kind == 0) {
      REQUIRE(map.Assign(slots, id).ok() == twin.Assign(slots, id));
    } else if (kind == 1) {
      REQUIRE(map.Unassign(slots).ok() == twin.Unassign(slots));
    } else if (kind == 2) {
      map.Bind(slots, id);
      twin.Bind(slots, id);
    } else if (kind == 3) {
      REQUIRE(map.MoveAll(id, other) == twin.MoveAll(id, other));
    } else if (kind == 4) {
      REQUIRE(map.Release(id) == twin.Release(id));
    } else if (kind == 5) {
      const SlotSet some = map.SlotsOf(id);
      REQUIRE(map.Unassign(some).ok());
      REQUIRE(twin.Unassign(some));
      REQUIRE(map.Assign(some, other).ok());
      REQUIRE(twin.Assign(some, other));
    } else {
      SlotClaim claim{id, epochs[id], kind < 14 ? slots : map.SlotsOf(id)};
      if (rng.Chance(300)) claim.config_epoch.value += rng.Below(4);
      if (kind >= 17) claim.slots.Add(RandomSlots(rng));
      if (kind == 19) claim.slots.Remove(RandomSlots(rng));
      const SlotSet keep = rng.Chance(200) ? RandomSlots(rng) : SlotSet();
      REQUIRE(map.NewerOwner(claim, epoch_of) == twin.NewerOwner(claim, epochs));
      REQUIRE(map.ApplyClaim(claim, epoch_of, keep) == twin.ApplyClaim(claim, epochs, keep));
      epochs[id] = claim.config_epoch;
    }
    if (step % 10 == 0) twin.RequireEqual(map);
  }
  twin.RequireEqual(map);
}

TEST_CASE("the map agrees with a slot-by-slot twin over thousands of random operations") {
  for (uint64_t seed = 1; seed <= 10; ++seed) RunAgainstTwin(seed, 400);
}

}  // namespace
}  // namespace clusterkit
