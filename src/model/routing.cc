#include "clusterkit/routing.h"

#include <algorithm>

namespace clusterkit {

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
