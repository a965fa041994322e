// Slots on their way from one shard to another, as the node at either end knows them.
// Spec: "Cluster live reconfiguration".

#ifndef CLUSTERKIT_OPEN_SLOTS_H_
#define CLUSTERKIT_OPEN_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "clusterkit/slot.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Which end of a migration this node is.
enum class SlotMigration : uint8_t {
  kExporting,  // We own the slot and its keys go to the peer. Redis says "migrating".
  kImporting,  // The peer owns the slot and its keys come to us.
};

// What Node::MoveSlots has still to do: these slots of ours are to become the target's.
struct SlotMovePlan {
  NodeId target;
  SlotSet slots;  // Those under way included.
  friend bool operator==(const SlotMovePlan&, const SlotMovePlan&) = default;
};

// At most one mark a slot. Thread-compatible; as part of a view, read-only.
class OpenSlots {
 public:
  struct Mark {
    SlotMigration direction = SlotMigration::kExporting;
    NodeId peer;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  // Slots with the same mark.
  struct Group {
    Mark mark;
    SlotSet slots;
  };

  bool Empty() const { return marks_.empty(); }  // But for a plan.
  size_t Count() const { return marks_.size(); }
  // nullptr: the slot is stable. Valid until the next change.
  const Mark* Find(SlotId slot) const;
  // Every open slot, ascending.
  const absl::btree_map<SlotId, Mark>& marks() const { return marks_; }
  // In order of direction and peer; no group is empty.
  std::vector<Group> Groups() const;
  SlotSet SlotsWith(const Mark& mark) const;

  // Replaces what was marked before.
  void Open(const SlotSet& slots, const Mark& mark);
  void Close(const SlotSet& slots);
  const std::optional<SlotMovePlan>& plan() const { return plan_; }
  void SetPlan(std::optional<SlotMovePlan> plan) { plan_ = std::move(plan); }

  friend bool operator==(const OpenSlots&, const OpenSlots&) = default;

 private:
  absl::btree_map<SlotId, Mark> marks_;
  std::optional<SlotMovePlan> plan_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_OPEN_SLOTS_H_
