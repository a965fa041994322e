#include "core/replica_migration.h"

#include <algorithm>

namespace clusterkit {
namespace {

// Failovers that are under way come first: they make orphans, and end them.
constexpr absl::Duration kOrphanFor = absl::Seconds(5);

}  // namespace

std::optional<NodeId> ReplicaMigration::Evaluate(const ClusterView& view, Instant now) {
  if (!options_->allow_replica_migration || view.self().role != Role::kReplica) {
    version_ = 0;
    orphans_.clear();
    return std::nullopt;
  }
  if (version_ != view.version()) Look(view, now);
  if (!donor_ || view.state() != ClusterState::kOk) return std::nullopt;
  for (const auto& [orphan, since] : orphans_) {
    if (now - since > kOrphanFor) return orphan;
  }
  return std::nullopt;
}

void ReplicaMigration::Look(const ClusterView& view, Instant now) {
  version_ = view.version();
  absl::btree_map<NodeId, std::vector<NodeId>> good;  // By primary, each ascending.
  absl::btree_map<NodeId, int> left;                  // Those that are not FAIL.
  for (const auto& node : view.nodes()) {
    if (node->role != Role::kReplica || !node->primary || node->health == Health::kFail) continue;
    ++left[*node->primary];
    if (node->health == Health::kOnline) good[*node->primary].push_back(node->id);
  }
  size_t most = 0;
  for (const auto& [primary, replicas] : good) most = std::max(most, replicas.size());
  std::optional<NodeId> mover;
  for (const auto& [primary, replicas] : good) {
    if (replicas.size() != most) continue;
    if (!mover || replicas.front() < *mover) mover = replicas.front();
  }
  // The last replica of a primary never moves: that would only make another orphan.
  donor_ = mover == view.self().id && most >= 2 &&
           most > static_cast<size_t>(options_->migration_barrier);

  absl::btree_map<NodeId, Instant> orphans;
  for (const NodeView* owner : view.slot_owners()) {
    if (owner->health != Health::kOnline || left.contains(owner->id)) continue;
    const auto known = orphans_.find(owner->id);
    orphans[owner->id] = known == orphans_.end() ? now : known->second;
  }
  orphans_ = std::move(orphans);
}

}  // namespace clusterkit
