// What led to an event, found from the events before it.

#ifndef CLUSTERKIT_CORE_CAUSES_H_
#define CLUSTERKIT_CORE_CAUSES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <variant>

#include "absl/container/btree_map.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/slot.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

template <typename Type, typename... Types>
constexpr size_t IndexOf(const std::variant<Types...>*) {
  size_t index = 0;
  (void)((std::is_same_v<Type, Types> || (++index, false)) || ...);
  return index;
}

// Numbers the events of a node. The rules are in causes.cc, one for each type of event: its cause
// is the latest event that can have led to it. Where that must have happened with the same input to
// the core, older ones do not count. What it remembers is bounded by the nodes known and the slots.
class Causes {
 public:
  // What comes now follows from another input than what came before.
  void BeginInput() { input_after_ = last_; }
  // `view`: as it was before the event.
  StampedEvent Stamp(Event event, const ClusterView& view, Instant now);
  // The number of the last event; 0: there was none.
  uint64_t last() const { return last_; }

 private:
  using Number = uint64_t;  // 0: no event.
  using ByNode = absl::btree_map<NodeId, Number>;

  // The latest event of a type; of the same input.
  template <typename Type>
  Number Latest() const {
    return latest_[IndexOf<Type>(static_cast<const Event*>(nullptr))];
  }
  template <typename... Types>
  Number Recent() const;
  static Number Of(const ByNode& numbers, const std::optional<NodeId>& id);
  Number OfOpenSlot(const SlotSet& slots) const;

  Number CauseOf(const HealthChanged& event, const ClusterView& view) const;
  Number CauseOf(const RoleChanged& event, const ClusterView& view) const;
  Number CauseOf(const SlotsRebound& event, const ClusterView& view) const;
  Number CauseOf(const ClusterStateChanged& event, const ClusterView& view) const;
  Number CauseOf(const ConfigEpochChanged& event, const ClusterView& view) const;
  Number CauseOf(const ElectionNotEligible& event, const ClusterView& view) const;
  Number CauseOf(const ElectionScheduled& event, const ClusterView& view) const;
  Number CauseOf(const ElectionStarted& event, const ClusterView& view) const;
  Number CauseOf(const ElectionEnded& event, const ClusterView& view) const;
  Number CauseOf(const VoteDenied& event, const ClusterView& view) const;
  Number CauseOf(const VoteCast& event, const ClusterView& view) const;
  Number CauseOf(const HostStalled& event, const ClusterView& view) const;
  Number CauseOf(const DataGuardChanged& event, const ClusterView& view) const;
  Number CauseOf(const SlotMigrationChanged& event, const ClusterView& view) const;
  Number CauseOf(const SlotTransferDue& event, const ClusterView& view) const;
  Number CauseOf(const SlotMoveProgress& event, const ClusterView& view) const;
  Number CauseOf(const SlotMoveEnded& event, const ClusterView& view) const;
  Number CauseOf(const WritePauseChanged& event, const ClusterView& view) const;
  Number CauseOf(const FailoverProgress& event, const ClusterView& view) const;
  Number CauseOf(const Departed& event, const ClusterView& view) const;
  template <typename Other>  // What comes from outside.
  Number CauseOf(const Other&, const ClusterView&) const {
    return 0;
  }
  Number WhyElect(const ClusterView& view) const;
  void Remember(const Event& event, Number number);

  Number last_ = 0, input_after_ = 0;
  std::array<Number, std::variant_size_v<Event>> latest_{};
  ByNode unwell_;        // The latest change of who is in PFAIL or FAIL.
  ByNode roles_;         // The latest change of role.
  ByNode promotions_;    // Became primary, and has taken no slots since.
  ByNode votes_;         // We gave it our vote.
  Number failover_ = 0;  // The latest step of one by command that is under way.
  absl::btree_map<SlotId, Number> open_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_CAUSES_H_
