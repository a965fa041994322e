// What a node knows of the cluster, as an immutable value for the data plane.

#ifndef CLUSTERKIT_CLUSTER_VIEW_H_
#define CLUSTERKIT_CLUSTER_VIEW_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/node_details.h"
#include "clusterkit/open_slots.h"
#include "clusterkit/slot.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct NodeView {
  NodeId id;
  ShardId shard;
  Endpoint bus, client;
  Role role = Role::kPrimary;
  Voting voting = Voting::kWithSlots;
  std::optional<NodeId> primary;  // Of a replica, when known.
  Health health = Health::kOnline;
  Epoch config_epoch;  // A primary's own; zero for replicas.
  bool no_failover = false;
  int replica_priority = kUsualReplicaPriority;
  bool linked = false;  // Our link to it is up. Always true for self.
  int slot_count = 0;
  NodeDetails details;
  friend bool operator==(const NodeView&, const NodeView&) = default;
};

// How long this node may serve, shared by the successive views of one term of authority. The
// term ends, for every view that shares it, the moment the node knows that it was replaced.
class ServeLease {
 public:
  Instant until() const { return {absl::Nanoseconds(until_ns_.load(std::memory_order_acquire))}; }
  // Control side only. Never shortens.
  void Extend(Instant until);
  // Control side only. After it Extend has no effect.
  void Revoke();

 private:
  std::atomic<int64_t> until_ns_{INT64_MIN};
  bool revoked_ = false;
};

enum class DownReason : uint8_t {
  kNone,
  kStarting,       // Too early after start to know.
  kSlotUncovered,  // A slot has no owner or a failed one, and full coverage is required.
  kMinority,       // A majority of voters is out of reach, or was until a moment ago.
};

// What a view says of this node alone, beside its entry among the nodes.
struct OwnSituation {
  ClusterState state = ClusterState::kFail;
  DownReason down_reason = DownReason::kStarting;
  bool data_missing = false;
  bool allow_reads_when_down = false;
  std::shared_ptr<const ServeLease> lease;      // Never null.
  std::shared_ptr<const OpenSlots> open_slots;  // Null: none.
};

// Immutable but for the lease. Safe to read from any thread, for as long as one holds it.
class ClusterView {
 public:
  using Nodes = std::vector<std::shared_ptr<const NodeView>>;

  ClusterView(uint64_t version, NodeId self, Nodes nodes, std::shared_ptr<const SlotMap> slots,
              OwnSituation own);

  uint64_t version() const { return version_; }  // Grows at each published change.
  const NodeView& self() const { return *self_; }
  const NodeView* Find(const NodeId& id) const;
  const Nodes& nodes() const { return nodes_; }  // Ascending by id, self included.
  const SlotMap& slots() const { return *slots_; }
  const NodeView* OwnerOf(SlotId slot) const;  // nullptr when unbound.

  ClusterState state() const { return own_.state; }
  DownReason down_reason() const { return own_.down_reason; }
  // We own slots whose content is lost: do not serve them, do not feed replicas from here.
  bool data_missing() const { return own_.data_missing; }
  bool allow_reads_when_down() const { return own_.allow_reads_when_down; }
  // Slots that this node, a primary, gives away or receives.
  const OpenSlots& open_slots() const { return *own_.open_slots; }

  // The moment from which this node must not execute or acknowledge anything for its slots,
  // unless it has moved on by then. Read it each time; it moves while the view stays.
  Instant serve_until() const { return own_.lease->until(); }

  // The one place where it is decided who counts: for quorum, failure reports and votes.
  // A voter is a primary that owns at least one slot, or a node that votes always; failed or not.
  bool IsVoter(const NodeId& id) const;
  const std::vector<NodeId>& voters() const { return voters_; }  // Ascending.
  // Majority of the voters: voters/2 + 1.
  int Quorum() const { return static_cast<int>(voters_.size()) / 2 + 1; }

  const std::vector<const NodeView*>& slot_owners() const { return owners_; }  // Primaries, so.
  // The slot-owning primary of a shard (with the greatest config epoch, should there be two);
  // nullptr if none is known.
  const NodeView* PrimaryOf(const ShardId& shard) const;

 private:
  uint64_t version_;
  const NodeView* self_;
  Nodes nodes_;
  std::shared_ptr<const SlotMap> slots_;
  std::vector<NodeId> voters_;
  std::vector<const NodeView*> owners_;
  OwnSituation own_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CLUSTER_VIEW_H_
