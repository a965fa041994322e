#include "clusterkit/routing.h"

#include <algorithm>
#include <optional>

namespace clusterkit {
namespace {

bool LeaseLapsed(const ClusterView& view, Instant now) {
  return view.self().slot_count > 0 && now >= view.serve_until();
}

// What an open slot changes. Empty: nothing, decide by the owner.
std::optional<RouteDecision> RouteOpenSlot(const ClusterView& view, const RouteQuery& query,
                                           SlotId slot, const NodeView& owner, bool down,
                                           Instant now) {
  const OpenSlots::Mark* mark = view.open_slots().Find(slot);
  if (mark == nullptr || view.self().role != Role::kPrimary) return std::nullopt;
  const bool here = owner.id == view.self().id;
  if (here && mark->direction == SlotMigration::kExporting) {
    if (query.migrates || !query.keys.some_missing) return std::nullopt;
    // Who may not serve does not know any more where the keys are.
    if (view.data_missing() || (!down && LeaseLapsed(view, now))) return std::nullopt;
    if (query.keys.some_present) return TryAgain{slot};
    const NodeView* target = view.Find(mark->peer);
    if (target == nullptr) return std::nullopt;
    return Ask{slot, target->id, target->client};
  }
  if (here || mark->direction != SlotMigration::kImporting) return std::nullopt;
  if (!query.asking && !query.migrates) return std::nullopt;
  if (!query.migrates && query.keys.several_keys && query.keys.some_missing) return TryAgain{slot};
  if (!down && LeaseLapsed(view, now)) return ClusterDown{ClusterDown::Why::kLeaseLapsed, slot};
  return Serve{};
}

}  // namespace

RouteDecision Route(const ClusterView& view, const RouteQuery& query, Instant now) {
  if (query.slots.empty()) return Serve{};
  const SlotId slot = query.slots.front();
  const NodeView* owner = view.OwnerOf(slot);
  if (owner == nullptr) return ClusterDown{ClusterDown::Why::kSlotUnbound, slot};
  if (std::any_of(query.slots.begin(), query.slots.end(),
                  [slot](SlotId other) { return other != slot; })) {
    return CrossSlot{};
  }
  const bool down = view.state() == ClusterState::kFail;
  if (down && !view.allow_reads_when_down()) return ClusterDown{ClusterDown::Why::kState, slot};
  if (down && query.write) return ClusterDown{ClusterDown::Why::kWritesRefused, slot};

  if (!view.open_slots().Empty()) {
    if (auto decision = RouteOpenSlot(view, query, slot, *owner, down, now)) return *decision;
  }
  const NodeView& self = view.self();
  if (owner == &self) {
    if (view.data_missing()) return ClusterDown{ClusterDown::Why::kDataMissing, slot};
    // A read that gets here in state kFail has been allowed to be stale; the lease lapses just
    // when the cluster fails for want of a majority, so it must not take that permission back.
    if (!down && now >= view.serve_until()) {
      return ClusterDown{ClusterDown::Why::kLeaseLapsed, slot};
    }
    return Serve{};
  }
  const bool stale_read = query.readonly && !query.write && self.role == Role::kReplica;
  if (stale_read && self.primary == owner->id) return Serve{};
  return Moved{slot, owner->id, owner->client};
}

}  // namespace clusterkit
