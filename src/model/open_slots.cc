#include "clusterkit/open_slots.h"

#include <utility>

namespace clusterkit {

const OpenSlots::Mark* OpenSlots::Find(SlotId slot) const {
  const auto mark = marks_.find(slot);
  return mark == marks_.end() ? nullptr : &mark->second;
}

std::vector<OpenSlots::Group> OpenSlots::Groups() const {
  absl::btree_map<std::pair<SlotMigration, NodeId>, SlotSet> sets;
  for (const auto& [slot, mark] : marks_) sets[{mark.direction, mark.peer}].Add(slot);
  std::vector<Group> groups;
  groups.reserve(sets.size());
  for (const auto& [mark, slots] : sets) groups.push_back({{mark.first, mark.second}, slots});
  return groups;
}

SlotSet OpenSlots::SlotsWith(const Mark& mark) const {
  SlotSet slots;
  for (const auto& [slot, other] : marks_) {
    if (other == mark) slots.Add(slot);
  }
  return slots;
}

void OpenSlots::Open(const SlotSet& slots, const Mark& mark) {
  slots.ForEach([&](SlotId slot) { marks_[slot] = mark; });
}

void OpenSlots::Close(const SlotSet& slots) {
  slots.ForEach([this](SlotId slot) { marks_.erase(slot); });
}

}  // namespace clusterkit
