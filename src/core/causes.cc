#include "core/causes.h"

#include <algorithm>

namespace clusterkit {

template <typename... Types>
Causes::Number Causes::Recent() const {
  const Number latest = std::max({Latest<Types>()...});
  return latest > input_after_ ? latest : 0;
}

Causes::Number Causes::Of(const ByNode& numbers, const std::optional<NodeId>& id) {
  const auto found = id ? numbers.find(*id) : numbers.end();
  return found == numbers.end() ? 0 : found->second;
}

Causes::Number Causes::OfOpenSlot(const SlotSet& slots) const {
  Number latest = 0;
  if (open_.empty()) return latest;
  slots.ForEach([&](SlotId slot) {
    const auto found = open_.find(slot);
    if (found != open_.end()) latest = std::max(latest, found->second);
  });
  return latest;
}

StampedEvent Causes::Stamp(Event event, const ClusterView& view, Instant now) {
  StampedEvent stamped;
  stamped.cause = std::visit([&](const auto& value) { return CauseOf(value, view); }, event);
  stamped.number = ++last_;
  stamped.at = now;
  Remember(event, last_);
  stamped.event = std::move(event);
  return stamped;
}

void Causes::Remember(const Event& event, Number number) {
  latest_[event.index()] = number;
  if (const auto* health = std::get_if<HealthChanged>(&event)) {
    if (health->to == Health::kOnline) {
      unwell_.erase(health->id);
    } else {
      unwell_[health->id] = number;
    }
  } else if (const auto* role = std::get_if<RoleChanged>(&event)) {
    roles_[role->id] = number;
    if (role->to == Role::kPrimary) {
      promotions_[role->id] = number;
    } else {
      promotions_.erase(role->id);
    }
    votes_.erase(role->id);
  } else if (const auto* rebound = std::get_if<SlotsRebound>(&event)) {
    for (const SlotRebind& change : rebound->changes) promotions_.erase(change.to);
  } else if (const auto* vote = std::get_if<VoteCast>(&event)) {
    if (vote->reason == VoteRefusal::kNone) votes_[vote->candidate] = number;
  } else if (const auto* marks = std::get_if<SlotMigrationChanged>(&event)) {
    marks->slots.ForEach([&](SlotId slot) {
      if (marks->mark) {
        open_[slot] = number;
      } else {
        open_.erase(slot);
      }
    });
  } else if (const auto* failover = std::get_if<FailoverProgress>(&event)) {
    failover_ = failover->step == FailoverProgress::Step::kTimedOut ? 0 : number;
  } else if (const auto* ended = std::get_if<ElectionEnded>(&event)) {
    if (ended->how == ElectionEnded::How::kWon) failover_ = 0;
  } else if (const auto* removed = std::get_if<NodeRemoved>(&event)) {
    for (ByNode* numbers : {&unwell_, &roles_, &promotions_, &votes_}) numbers->erase(removed->id);
  }
}

// --- Health ------------------------------------------------------------------------------------

// PFAIL, FAIL, online: each from the one before it.
Causes::Number Causes::CauseOf(const HealthChanged& event, const ClusterView&) const {
  return Of(unwell_, event.id);
}

Causes::Number Causes::CauseOf(const ClusterStateChanged&, const ClusterView&) const {
  return Recent<HealthChanged, SlotsRebound, RoleChanged, NodeRemoved, VotingChanged>();
}

// --- Elections ---------------------------------------------------------------------------------

Causes::Number Causes::WhyElect(const ClusterView& view) const {
  return failover_ != 0 ? failover_ : Of(unwell_, view.self().primary);
}

Causes::Number Causes::CauseOf(const ElectionNotEligible&, const ClusterView& view) const {
  return WhyElect(view);
}

Causes::Number Causes::CauseOf(const ElectionScheduled&, const ClusterView& view) const {
  return WhyElect(view);
}

// Or the round before it, which was lost.
Causes::Number Causes::CauseOf(const ElectionStarted&, const ClusterView&) const {
  return std::max(Latest<ElectionScheduled>(), Latest<ElectionEnded>());
}

Causes::Number Causes::CauseOf(const ElectionEnded&, const ClusterView&) const {
  return Latest<ElectionStarted>();
}

Causes::Number Causes::CauseOf(const VoteDenied&, const ClusterView&) const {
  return Latest<ElectionStarted>();
}

Causes::Number Causes::CauseOf(const VoteCast& event, const ClusterView& view) const {
  const NodeView* candidate = view.Find(event.candidate);
  if (event.candidate == view.self().id) return Latest<ElectionStarted>();
  if (candidate == nullptr || !candidate->primary) return 0;
  if (*candidate->primary == view.self().id) return Latest<WritePauseChanged>();
  return Of(unwell_, candidate->primary);
}

// --- Roles, epochs, slots ------------------------------------------------------------------------

Causes::Number Causes::CauseOf(const RoleChanged& event, const ClusterView& view) const {
  if (event.cause == RoleChanged::Cause::kCommand) return Recent<FailoverProgress>();
  if (event.cause == RoleChanged::Cause::kOrphan) return 0;
  if (event.cause == RoleChanged::Cause::kElected) {
    if (event.id == view.self().id) return Latest<ElectionEnded>();
    if (const Number vote = Of(votes_, event.id)) return vote;
    const NodeView* before = view.Find(event.id);
    return before == nullptr ? 0 : Of(unwell_, before->primary);
  }
  const Number seen = Recent<SlotsRebound, RoleChanged>();
  return seen != 0 ? seen : Of(roles_, event.primary);
}

Causes::Number Causes::CauseOf(const ConfigEpochChanged& event, const ClusterView&) const {
  if (event.cause == ConfigEpochChanged::Cause::kElection) return Latest<ElectionEnded>();
  return Recent<SlotsRebound, RoleChanged>();
}

Causes::Number Causes::CauseOf(const SlotsRebound& event, const ClusterView&) const {
  if (event.changes.empty()) return 0;
  const SlotRebind& first = event.changes.front();
  if (const Number promotion = Of(promotions_, first.to)) return promotion;
  SlotSet slots;
  if (!open_.empty()) {
    for (const SlotRebind& change : event.changes) slots.Add(change.slot);
  }
  if (const Number open = OfOpenSlot(slots)) return open;
  return Of(unwell_, first.from);
}

Causes::Number Causes::CauseOf(const DataGuardChanged& event, const ClusterView&) const {
  return event.active ? Recent<RoleChanged>() : Latest<DataGuardChanged>();
}

// --- Slots on their way --------------------------------------------------------------------------

Causes::Number Causes::CauseOf(const SlotMigrationChanged& event, const ClusterView&) const {
  using Cause = SlotMigrationChanged::Cause;
  if (event.cause == Cause::kCommand) return 0;
  const Number seen = Recent<SlotsRebound, RoleChanged, NodeRemoved>();
  return seen != 0 ? seen : OfOpenSlot(event.slots);
}

Causes::Number Causes::CauseOf(const SlotTransferDue& event, const ClusterView&) const {
  return OfOpenSlot(event.slots);
}

Causes::Number Causes::CauseOf(const SlotMoveProgress&, const ClusterView&) const {
  const Number seen = Recent<SlotsRebound>();
  return seen != 0 ? seen : Latest<SlotTransferDue>();
}

Causes::Number Causes::CauseOf(const SlotMoveEnded&, const ClusterView&) const {
  const Number seen = Recent<SlotMoveProgress, SlotsRebound, RoleChanged, NodeRemoved>();
  return seen != 0 ? seen : Latest<SlotMoveProgress>();
}

// --- Planned changes, the host -------------------------------------------------------------------

Causes::Number Causes::CauseOf(const WritePauseChanged& event, const ClusterView&) const {
  return event.number == 0 ? Latest<WritePauseChanged>() : 0;
}

Causes::Number Causes::CauseOf(const FailoverProgress& event, const ClusterView&) const {
  return event.step == FailoverProgress::Step::kStarted ? 0 : failover_;
}

Causes::Number Causes::CauseOf(const Departed&, const ClusterView&) const {
  return Recent<RoleChanged, SlotsRebound, WritePauseChanged>();
}

Causes::Number Causes::CauseOf(const HostStalled& event, const ClusterView&) const {
  return event.stalled ? 0 : Latest<HostStalled>();
}

}  // namespace clusterkit
