#include "clusterkit/cluster_view.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "base/check.h"

namespace clusterkit {
namespace {

// Shared by all views but a few.
const std::shared_ptr<const OpenSlots>& NoOpenSlots() {
  static const auto* const none =
      new std::shared_ptr<const OpenSlots>(std::make_shared<OpenSlots>());
  return *none;
}

}  // namespace

void ServeLease::Extend(Instant until) {
  if (revoked_) return;
  const int64_t until_ns = absl::ToInt64Nanoseconds(until.since_origin);
  if (until_ns > until_ns_.load(std::memory_order_relaxed)) {
    until_ns_.store(until_ns, std::memory_order_release);
  }
}

void ServeLease::Revoke() {
  revoked_ = true;
  until_ns_.store(INT64_MIN, std::memory_order_release);
}

ClusterView::ClusterView(uint64_t version, NodeId self, Nodes nodes,
                         std::shared_ptr<const SlotMap> slots, OwnSituation own)
    : version_(version),
      self_(nullptr),
      nodes_(std::move(nodes)),
      slots_(std::move(slots)),
      own_(std::move(own)) {
  CLUSTERKIT_CHECK(slots_ != nullptr && own_.lease != nullptr);
  if (own_.open_slots == nullptr) own_.open_slots = NoOpenSlots();
  for (size_t i = 1; i < nodes_.size(); ++i) CLUSTERKIT_CHECK(nodes_[i - 1]->id < nodes_[i]->id);
  self_ = Find(self);
  CLUSTERKIT_CHECK(self_ != nullptr);
  for (const NodeId& owner : slots_->Owners()) {
    const NodeView* node = Find(owner);
    CLUSTERKIT_CHECK(node != nullptr);
    if (node->role == Role::kPrimary) owners_.push_back(node);
  }
  // Both in the order of ids.
  auto owner = owners_.begin();
  for (const auto& node : nodes_) {
    const bool owns = owner != owners_.end() && *owner == node.get();
    if (owns) ++owner;
    if (owns || node->voting != Voting::kWithSlots) voters_.push_back(node->id);
  }
}

const NodeView* ClusterView::Find(const NodeId& id) const {
  const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), id,
                                   [](const std::shared_ptr<const NodeView>& node,
                                      const NodeId& key) { return node->id < key; });
  return at != nodes_.end() && (*at)->id == id ? at->get() : nullptr;
}

const NodeView* ClusterView::OwnerOf(SlotId slot) const {
  const NodeId* owner = slots_->OwnerOf(slot);
  if (owner == nullptr) return nullptr;
  return *owner == self_->id ? self_ : Find(*owner);
}

bool ClusterView::IsVoter(const NodeId& id) const {
  return std::binary_search(voters_.begin(), voters_.end(), id);
}

const NodeView* ClusterView::PrimaryOf(const ShardId& shard) const {
  const NodeView* best = nullptr;
  for (const NodeView* node : owners_) {
    if (node->shard != shard) continue;
    if (best == nullptr || node->config_epoch > best->config_epoch) best = node;
  }
  return best;
}

}  // namespace clusterkit
