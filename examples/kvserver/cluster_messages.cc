// ClusterHost and published messages: where shard channels are served, to whom messages go.

#include <string_view>
#include <variant>

#include "kvserver/cluster_host.h"
#include "kvserver/server.h"

namespace kv {

using clusterkit::ClusterDown;
using clusterkit::ClusterView;
using clusterkit::NodeView;
using clusterkit::RouteDecision;
using clusterkit::SlotId;

RouteDecision ClusterHost::RouteMessage(const ClusterView& view, SlotId slot, bool asking) {
  const NodeView* owner = view.OwnerOf(slot);
  if (owner == nullptr) {
    return ClusterDown{ClusterDown::Why::kSlotUnbound, slot};
  }
  // Who asks was sent here by the owner of an open slot.
  const bool comes_here = asking && view.open_slots().Find(slot) != nullptr;
  if (owner->shard == view.self().shard || comes_here) return clusterkit::Serve{};
  return clusterkit::Moved{slot, owner->id, owner->client};
}

RouteDecision ClusterHost::RouteMessages(const GateQuery& query) {
  const ClusterView& view = this->view();
  RouteDecision decision = RouteMessage(view, query.slot, query.asking());
  if (std::holds_alternative<ClusterDown>(decision)) return decision;
  if (!query.same_slot) return clusterkit::CrossSlot{};
  const bool down = view.state() == clusterkit::ClusterState::kFail;
  if (down && !server_.config().cluster_allow_pubsubshard_when_down) {
    return ClusterDown{ClusterDown::Why::kState, query.slot};
  }
  return decision;
}

// Messages go to the nodes that there are; shard channels go where their slots are, and clients
// that wait for keys are sent there.
void ClusterHost::FollowView() {
  const ClusterView& view = this->view();
  if (followed_view_ == view.version()) return;
  followed_view_ = view.version();
  message_links_.Follow(view);
  server_.executor().pubsub().DropShardChannels([&view](SlotId slot) {
    return !std::holds_alternative<clusterkit::Serve>(RouteMessage(view, slot, /*asking=*/true));
  });
  // Last, because it asks for the view, which may be a new one by now.
  server_.executor().RecheckBlocked();
}

void ClusterHost::Relay(ChannelKind kind, std::string_view channel, std::string_view message) {
  FollowView();
  message_links_.Send(kind, channel, message);
}

}  // namespace kv
