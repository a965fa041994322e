// Who owns which slot, and the rules by which a claim changes it.
//
// A claim is a statement "I own these slots, at this config epoch". Claims are applied as they are
// heard; the greater config epoch wins, so all nodes that hear the same claims end with the same
// map, in whatever order they heard them. Spec: "Hash slots configuration propagation".

#ifndef CLUSTERKIT_SLOT_MAP_H_
#define CLUSTERKIT_SLOT_MAP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "clusterkit/slot.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct SlotClaim {
  NodeId owner;
  Epoch config_epoch;
  SlotSet slots;
};

struct SlotRebind {
  SlotId slot;
  std::optional<NodeId> from;  // Empty: the slot was unbound.
  NodeId to;
  friend bool operator==(const SlotRebind&, const SlotRebind&) = default;
};

// A value of about 36 KiB. Not thread-safe to change; safe to read from many threads.
class SlotMap {
 public:
  // The config epoch under which a node holds its slots.
  using EpochOf = absl::FunctionRef<Epoch(const NodeId&)>;

  SlotMap();

  // nullptr when unbound. Valid until the map changes.
  const NodeId* OwnerOf(SlotId slot) const;
  // Empty set for a node that owns nothing.
  SlotSet SlotsOf(const NodeId& owner) const;
  int CountOf(const NodeId& owner) const;
  // These and no others, all of them claimed: the claim of a quiet time, which changes nothing.
  bool HoldsExactly(const NodeId& owner, const SlotSet& slots) const;
  // Slots that have an owner.
  int AssignedCount() const { return assigned_; }
  // Every owner of at least one slot, ascending.
  std::vector<NodeId> Owners() const;

  // Binds the claimed slots that are unbound, held under a smaller config epoch, or no longer
  // claimed by their owner; never slots in `keep`. Slots of the claimant that the claim leaves
  // out stay bound but are marked as no longer claimed. Returns the changes in slot order.
  std::vector<SlotRebind> ApplyClaim(const SlotClaim& claim, EpochOf config_epoch_of,
                                     const SlotSet& keep = {});

  // The owner, if any, of the lowest claimed slot that another node holds (and still claims)
  // under a greater config epoch: the reason to answer the claimant with an UPDATE.
  std::optional<NodeId> NewerOwner(const SlotClaim& claim, EpochOf config_epoch_of) const;

  // Slots bound to a node that has stopped claiming them. They stay bound, because a wrong owner
  // redirects better than none, but any claim takes them and no UPDATE repeats them.
  const SlotSet& unclaimed() const { return unclaimed_; }

  // Binds unbound slots. AlreadyExists, naming the lowest bound slot; nothing changes.
  absl::Status Assign(const SlotSet& slots, const NodeId& owner);
  // Unbinds bound slots. NotFound, naming the lowest unbound slot; nothing changes.
  absl::Status Unassign(const SlotSet& slots);
  // Binds whatever was there before.
  void Bind(const SlotSet& slots, const NodeId& owner);
  // Moves everything `from` owns to `to`; returns the slots moved.
  SlotSet MoveAll(const NodeId& from, const NodeId& to);
  // Marks bound slots as not claimed by their owners: see unclaimed().
  void Disclaim(const SlotSet& slots);
  // Unbinds everything `owner` owns; returns the slots.
  SlotSet Release(const NodeId& owner);

  // Same owner of each slot, same unclaimed slots.
  friend bool operator==(const SlotMap& a, const SlotMap& b);

 private:
  struct Owner {
    NodeId id;
    int count = 0;
  };
  static constexpr uint16_t kUnbound = 0xffff;

  // Where the id is, or belongs, in by_id_.
  std::vector<uint16_t>::const_iterator Position(const NodeId& owner) const;
  uint16_t IndexOf(const NodeId& owner) const;  // kUnbound if it owns nothing.
  uint16_t Intern(const NodeId& owner);
  void Rebind(SlotId slot, uint16_t to);
  void ReleaseIfEmpty(uint16_t index);
  // The slots of words[word] that owners_[index] holds, as bits.
  uint64_t HeldBits(size_t word, uint16_t index) const;

  std::vector<uint16_t> owner_index_;  // kSlotCount entries into owners_.
  std::vector<Owner> owners_;          // Entries with count 0 are free.
  std::vector<uint16_t> by_id_;        // The others, ascending by id.
  SlotSet unclaimed_;
  int assigned_ = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_SLOT_MAP_H_
