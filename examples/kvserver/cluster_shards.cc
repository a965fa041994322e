// CLUSTER SLOTS and CLUSTER SHARDS.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kvserver/cluster_report.h"
#include "kvserver/redirects.h"

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

void WriteEndpoint(const NodeStatus& node, EndpointType type, ReplyWriter& reply) {
  if (const std::optional<std::string> endpoint = PreferredEndpoint(node.view, type)) {
    reply.Bulk(*endpoint);
  } else {
    reply.Null();
  }
}

void WriteSlotsNode(const NodeStatus& node, EndpointType type, ReplyWriter& reply) {
  reply.Array(4);
  WriteEndpoint(node, type, reply);
  reply.Integer(node.view.client.port);
  reply.Bulk(node.view.id.ToHex());
  // Whatever else it is reached by.
  const bool ip = type != EndpointType::kIp;
  const bool hostname = type != EndpointType::kHostname && !node.view.details.hostname.empty();
  reply.Map((ip ? 1 : 0) + (hostname ? 1 : 0));
  if (ip) {
    reply.Bulk("ip");
    reply.Bulk(node.view.client.host);
  }
  if (hostname) {
    reply.Bulk("hostname");
    reply.Bulk(node.view.details.hostname);
  }
}

std::string_view HealthText(const NodeStatus& node) {
  if (node.view.health == Health::kFail) return "fail";
  if (node.view.role == Role::kReplica && !HasData(node)) return "loading";
  return "online";
}

void WriteShardsNode(const NodeStatus& node, EndpointType type, ReplyWriter& reply) {
  const std::string& hostname = node.view.details.hostname;
  reply.Map(hostname.empty() ? 7 : 8);
  reply.Bulk("id");
  reply.Bulk(node.view.id.ToHex());
  reply.Bulk("port");
  reply.Integer(node.view.client.port);
  reply.Bulk("ip");
  reply.Bulk(node.view.client.host);
  reply.Bulk("endpoint");
  WriteEndpoint(node, type, reply);
  if (!hostname.empty()) {
    reply.Bulk("hostname");
    reply.Bulk(hostname);
  }
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
    for (const NodeStatus* node : listed) WriteSlotsNode(*node, report.endpoint_type, reply);
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
    const EndpointType type = report.endpoint_type;
    if (shard.primary != nullptr) WriteShardsNode(*shard.primary, type, reply);
    for (const NodeStatus* replica : shard.replicas) WriteShardsNode(*replica, type, reply);
  }
}

}  // namespace kv
