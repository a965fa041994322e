// CLUSTER SLOTS and CLUSTER SHARDS.

#include <map>
#include <string_view>

#include "kvserver/cluster_report.h"

namespace kv {
namespace {

using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::NodeStatus;
using clusterkit::Role;

// A primary and its replicas, ascending by id.
struct Shard {
  const NodeStatus* primary = nullptr;
  std::vector<const NodeStatus*> replicas;
  std::vector<clusterkit::SlotRange> slots;
};
using Shards = std::map<NodeId, Shard>;  // By the primary's id.

// A failed primary that was replaced heads a group of its own, without slots, until it returns as
// a replica: clients take any "master" of a group for one that they may write to.
Shards GroupByPrimary(const ClusterReport& report) {
  Shards shards;
  for (const NodeStatus& node : report.status.nodes) {
    if (node.handshake) continue;
    if (node.view.role == Role::kPrimary) {
      shards[node.view.id].primary = &node;
    } else if (node.view.primary.has_value()) {
      shards[*node.view.primary].replicas.push_back(&node);
    }
  }
  for (const auto& [range, owner] : OwnedRanges(report.view->slots())) {
    shards[owner].slots.push_back(range);
  }
  return shards;
}

// Whether a replica holds data that it could answer from.
bool HasData(const NodeStatus& replica) {
  return replica.progress.synced || replica.progress.offset != 0;
}

void WriteSlotsNode(const NodeStatus& node, ReplyWriter& reply) {
  reply.Array(4);
  reply.Bulk(node.view.client.host);
  reply.Integer(node.view.client.port);
  reply.Bulk(node.view.id.ToHex());
  reply.Map(0);
}

std::string_view HealthText(const NodeStatus& node) {
  if (node.view.health == Health::kFail) return "fail";
  if (node.view.role == Role::kReplica && !HasData(node)) return "loading";
  return "online";
}

void WriteShardsNode(const NodeStatus& node, ReplyWriter& reply) {
  reply.Map(7);
  reply.Bulk("id");
  reply.Bulk(node.view.id.ToHex());
  reply.Bulk("port");
  reply.Integer(node.view.client.port);
  reply.Bulk("ip");
  reply.Bulk(node.view.client.host);
  reply.Bulk("endpoint");
  reply.Bulk(node.view.client.host);
  reply.Bulk("role");
  reply.Bulk(node.view.role == Role::kPrimary ? "master" : "replica");
  reply.Bulk("replication-offset");
  reply.Integer(static_cast<int64_t>(node.progress.offset));
  reply.Bulk("health");
  reply.Bulk(HealthText(node));
}

}  // namespace

void WriteSlots(const ClusterReport& report, ReplyWriter& reply) {
  const Shards shards = GroupByPrimary(report);
  std::vector<OwnedRange> ranges = OwnedRanges(report.view->slots());
  // The status is a moment ahead of the view: an owner may have become a replica meanwhile.
  std::erase_if(ranges, [&shards](const OwnedRange& owned) {
    const auto shard = shards.find(owned.owner);
    return shard == shards.end() || shard->second.primary == nullptr;
  });
  reply.Array(ranges.size());
  for (const auto& [range, owner] : ranges) {
    const Shard& shard = shards.at(owner);
    std::vector<const NodeStatus*> listed = {shard.primary};
    for (const NodeStatus* replica : shard.replicas) {
      if (replica->view.health != Health::kFail && HasData(*replica)) listed.push_back(replica);
    }
    reply.Array(2 + listed.size());
    reply.Integer(range.first.value);
    reply.Integer(range.last.value);
    for (const NodeStatus* node : listed) WriteSlotsNode(*node, reply);
  }
}

void WriteShards(const ClusterReport& report, ReplyWriter& reply) {
  const Shards shards = GroupByPrimary(report);
  reply.Array(shards.size());
  for (const auto& [id, shard] : shards) {
    reply.Map(2);
    reply.Bulk("slots");
    reply.Array(2 * shard.slots.size());
    for (const clusterkit::SlotRange& range : shard.slots) {
      reply.Integer(range.first.value);
      reply.Integer(range.last.value);
    }
    reply.Bulk("nodes");
    reply.Array(shard.replicas.size() + (shard.primary != nullptr ? 1 : 0));
    if (shard.primary != nullptr) WriteShardsNode(*shard.primary, reply);
    for (const NodeStatus* replica : shard.replicas) WriteShardsNode(*replica, reply);
  }
}

}  // namespace kv
