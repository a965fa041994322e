// Everything this node knows of the others and of the slots, and the views made from it.

#ifndef CLUSTERKIT_MODEL_NODE_TABLE_H_
#define CLUSTERKIT_MODEL_NODE_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/message.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// What peers can see of a node, and what they last said of themselves.
struct KnownNode {
  NodeId id;
  ShardId shard;
  Endpoint bus, client;
  Role role = Role::kPrimary;
  Voting voting = Voting::kWithSlots;
  std::optional<NodeId> primary;
  Health health = Health::kOnline;
  Epoch config_epoch;
  bool no_failover = false;
  int replica_priority = kUsualReplicaPriority;
  bool linked = false;
  NodeDetails details;
  uint64_t details_digest = 0;

  void SetDetails(NodeDetails to) {
    details = std::move(to);
    details_digest = details.Digest();
  }
};

// What a peer said, kept apart from what follows from it. Does not appear in views.
struct PeerFacts {
  bool heard = false;            // Its header was seen since this node started.
  bool failed = false;           // This process concluded FAIL, rather than loading it.
  bool progress_unknown = true;  // Its host has not reported any progress.
  std::optional<Instant> met;    // When an operator last asked us to meet it.
  uint64_t incarnation = 0;
  uint64_t facts_version = 0;
  Progress progress;
  bool data_missing = false;
  bool abstaining = false;
  bool claims_slots = false;  // As a primary.
  // Its last full claim. A heartbeat that carries only the digest of it repeats it.
  std::optional<SlotSet> claim;
  uint64_t claim_digest = 0;
  // The claim had no effect at this generation of the table, and need not be applied again.
  uint64_t settled_generation = 0;
  Epoch settled_epoch;
  std::optional<NodeId> newer_owner;  // As found when it settled.
  std::optional<NodeId> stranger;     // Who answered at its address, the last time.
  uint64_t known_claim_digest = 0;    // Of our claim, as it last said to hold it.
  // Our primary's: we go on with them should we be promoted.
  OpenSlots open_slots;
};

class NodeTable {
 public:
  explicit NodeTable(KnownNode self);

  const NodeId& self_id() const { return self_; }
  const KnownNode& self() const { return self_entry_->node; }
  const KnownNode* Find(const NodeId& id) const;
  // REQUIRES: known.
  PeerFacts& facts(const NodeId& id) { return nodes_.at(id)->facts; }
  const PeerFacts& facts(const NodeId& id) const { return nodes_.at(id)->facts; }
  std::vector<NodeId> Ids() const;
  std::vector<NodeId> Peers() const;  // Without this node.
  size_t size() const { return nodes_.size(); }

  void Add(KnownNode node);
  // Also unbinds its slots.
  void Remove(const NodeId& id);
  // The record for changing. REQUIRES: known. `config`: epoch, role or primary change, which can
  // change the effect of claims.
  KnownNode& Edit(const NodeId& id, bool config = false);

  // Whether its own claim, made under the epoch that it has now, leaves the slot out. Of a node
  // that was not heard since it took over that is not known, so no.
  bool HasRenounced(const NodeId& id, SlotId slot) const;
  // What this node may take that replaces it: all its slots but those.
  SlotSet Heritage(const NodeId& id) const;

  const SlotMap& slots() const { return *slots_; }
  SlotMap& EditSlots();
  const SlotSet& OwnSlots() const;  // Of this node.
  uint64_t OwnDigest() const;       // Of those slots.
  Epoch ConfigEpochOf(const NodeId& id) const;

  // Grows whenever the effect of a claim could have changed.
  uint64_t generation() const { return generation_; }
  // Something a view shows has changed since the last BuildView.
  bool view_outdated() const { return view_outdated_; }

  // Unchanged nodes and an unchanged slot map are shared with the view built before.
  std::shared_ptr<const ClusterView> BuildView(uint64_t version, OwnSituation own);

 private:
  struct Entry {
    KnownNode node;
    PeerFacts facts;
    std::shared_ptr<const NodeView> view;  // Null: outdated.
  };

  NodeId self_;
  // References to entries stay valid while others come and go.
  absl::btree_map<NodeId, std::unique_ptr<Entry>> nodes_;
  const Entry* self_entry_;
  std::shared_ptr<SlotMap> slots_ = std::make_shared<SlotMap>();
  bool slots_shared_ = false;  // With a view: copy before the next change.
  bool slots_changed_ = true;  // Since the last view.
  bool view_outdated_ = true;
  uint64_t generation_ = 1;
  mutable SlotSet own_slots_;
  mutable uint64_t own_digest_ = 0;
  mutable uint64_t own_slots_generation_ = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_MODEL_NODE_TABLE_H_
