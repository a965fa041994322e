// Small views for tests of engines.

#ifndef CLUSTERKIT_TESTS_SUPPORT_VIEW_BUILDER_H_
#define CLUSTERKIT_TESTS_SUPPORT_VIEW_BUILDER_H_

#include <map>
#include <memory>
#include <utility>

#include "clusterkit/cluster_view.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Ids whose order is that of `n`.
inline NodeId TestNode(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}
inline ShardId TestShard(uint8_t n) {
  ShardId id;
  id.bytes[0] = n;
  return id;
}
inline Instant At(absl::Duration d) { return {absl::Seconds(100) + d}; }

// Primaries are numbered 1, 2, 3...: primary n leads shard n with 100 slots. Replica of shard s:
// any number.
class ViewBuilder {
 public:
  explicit ViewBuilder(int primaries) {
    for (int n = 1; n <= primaries; ++n) {
      NodeView node;
      node.id = TestNode(static_cast<uint8_t>(n));
      node.shard = TestShard(static_cast<uint8_t>(n));
      node.config_epoch = Epoch{static_cast<uint64_t>(n)};
      node.slot_count = 100;
      node.linked = true;
      node.bus = {"10.0.0." + std::to_string(n), 17000};
      slots_.Bind(SlotsOf(n), node.id);
      nodes_[node.id] = node;
    }
  }

  static SlotSet SlotsOf(int primary) {
    return SlotSet::Of({SlotId{static_cast<uint16_t>(primary * 100)},
                        SlotId{static_cast<uint16_t>(primary * 100 + 99)}});
  }

  ViewBuilder& Replica(uint8_t n, uint8_t of) {
    NodeView node;
    node.id = TestNode(n);
    node.shard = TestShard(of);
    node.role = Role::kReplica;
    node.primary = TestNode(of);
    node.linked = true;
    node.bus = {"10.0.1." + std::to_string(n), 17000};
    nodes_[node.id] = node;
    return *this;
  }
  ViewBuilder& Set(uint8_t n, Health health) {
    nodes_[TestNode(n)].health = health;
    return *this;
  }
  NodeView& operator[](uint8_t n) { return nodes_[TestNode(n)]; }
  SlotMap& slots() { return slots_; }

  std::shared_ptr<const ClusterView> As(uint8_t self) const {
    ClusterView::Nodes nodes;
    for (const auto& [id, node] : nodes_) nodes.push_back(std::make_shared<NodeView>(node));
    return std::make_shared<ClusterView>(
        1, TestNode(self), std::move(nodes), std::make_shared<SlotMap>(slots_),
        OwnSituation{ClusterState::kOk, DownReason::kNone, false, false,
                     std::make_shared<ServeLease>(), nullptr});
  }

 private:
  std::map<NodeId, NodeView> nodes_;
  SlotMap slots_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_SUPPORT_VIEW_BUILDER_H_
