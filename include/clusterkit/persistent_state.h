// What a node must remember over a restart.

#ifndef CLUSTERKIT_PERSISTENT_STATE_H_
#define CLUSTERKIT_PERSISTENT_STATE_H_

#include <optional>
#include <vector>

#include "clusterkit/open_slots.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct NodeRecord {
  NodeId id;
  ShardId shard;
  Endpoint bus, client;
  Role role = Role::kPrimary;
  Voting voting = Voting::kWithSlots;
  std::optional<NodeId> primary;
  Health health = Health::kOnline;
  Epoch config_epoch;  // A primary's own; zero for replicas.
  bool no_failover = false;
  // Of NodeDetails. The rest returns with the first heartbeat of each node.
  std::string hostname, name;
  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

// The last vote given in one shard.
struct VoteRecord {
  ShardId shard;
  Epoch epoch;
  NodeId candidate;
  friend bool operator==(const VoteRecord&, const VoteRecord&) = default;
};

// All votes given, one per shard, and the epoch at or below which none is given any more.
struct VoteLedgerState {
  Epoch floor;
  // The node is a voter that has done its waiting; see FailoverCoordinator. Without it a restart
  // has to wait anew.
  bool settled = false;
  std::vector<VoteRecord> votes;  // Ascending by shard; one entry a shard.
  friend bool operator==(const VoteLedgerState&, const VoteLedgerState&) = default;
};

// About 100 bytes a node and its names, and the slot map. Always saved whole.
struct PersistentState {
  NodeId self;
  Epoch current_epoch;
  // Empty if the file knows no ledger (it came from Redis): the node then waits as a new voter.
  std::optional<VoteLedgerState> ledger;
  std::vector<NodeRecord> nodes;  // Ascending by id, self included, one entry a node.
  SlotMap slots;                  // Every owner is among `nodes`.
  OpenSlots open_slots;           // Of this node.
  friend bool operator==(const PersistentState&, const PersistentState&) = default;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_PERSISTENT_STATE_H_
