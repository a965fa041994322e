// CLUSTER's questions, READONLY, READWRITE, ASKING.

#include <string>
#include <vector>

#include "clusterkit/slot.h"
#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"

namespace kv {
namespace {

using clusterkit::NodeId;
using clusterkit::NodeStatus;
using clusterkit::Role;

const NodeStatus* FindStatus(const ClusterReport& report, std::string_view arg) {
  const std::optional<NodeId> id = ParseNodeId(arg);
  if (!id.has_value()) return nullptr;
  for (const NodeStatus& node : report.status.nodes) {
    if (node.view.id == *id) return &node;
  }
  return nullptr;
}

void Nodes(CommandContext& context) {
  ClusterOf(context).AskReport(
      context.client,
      [now = context.keyspace.now_ms()](const ClusterReport& report, ReplyWriter& reply) {
        reply.Verbatim(NodesText(report, now));
      });
}

void Info(CommandContext& context) {
  ClusterOf(context).AskReport(context.client, [](const ClusterReport& report, ReplyWriter& reply) {
    reply.Verbatim(ClusterInfoText(report));
  });
}

void Slots(CommandContext& context) { ClusterOf(context).AskReport(context.client, WriteSlots); }

void Shards(CommandContext& context) { ClusterOf(context).AskReport(context.client, WriteShards); }

void Links(CommandContext& context) {
  ClusterOf(context).AskReport(
      context.client,
      [now = context.keyspace.now_ms()](const ClusterReport& report, ReplyWriter& reply) {
        WriteLinks(report, now, reply);
      });
}

void Replicas(CommandContext& context) {
  ClusterOf(context).AskReport(
      context.client, [arg = std::string(context.args[2]), now = context.keyspace.now_ms()](
                          const ClusterReport& report, ReplyWriter& reply) {
        const NodeStatus* node = FindStatus(report, arg);
        if (node == nullptr) return reply.Error(UnknownNode(arg));
        if (node->view.role != Role::kPrimary) {
          return reply.Error("ERR The specified node is not a master");
        }
        const std::vector<std::string> lines = ReplicaLines(report, node->view.id, now);
        reply.Array(lines.size());
        for (const std::string& line : lines) reply.Bulk(line);
      });
}

void CountFailureReports(CommandContext& context) {
  ClusterOf(context).AskReport(
      context.client,
      [arg = std::string(context.args[2])](const ClusterReport& report, ReplyWriter& reply) {
        const NodeStatus* node = FindStatus(report, arg);
        if (node == nullptr) return reply.Error(UnknownNode(arg));
        reply.Integer(node->failure_reports);
      });
}

void MyId(CommandContext& context) {
  context.reply.Bulk(ClusterOf(context).view().self().id.ToHex());
}

void MyShardId(CommandContext& context) {
  context.reply.Bulk(ClusterOf(context).view().self().shard.ToHex());
}

void KeySlot(CommandContext& context) {
  context.reply.Integer(clusterkit::SlotForKey(context.args[2]).value);
}

void CountKeysInSlot(CommandContext& context) {
  int64_t value = 0;
  if (!IntegerArg(context, context.args[2], &value)) return;
  const auto slot = clusterkit::MakeSlotId(value);
  if (!slot.ok()) return context.reply.Error("ERR Invalid slot");
  context.reply.Integer(static_cast<int64_t>(context.keyspace.CountInSlot(*slot)));
}

void GetKeysInSlot(CommandContext& context) {
  int64_t value = 0;
  int64_t limit = 0;
  if (!IntegerArg(context, context.args[2], &value)) return;
  if (!IntegerArg(context, context.args[3], &limit)) return;
  const auto slot = clusterkit::MakeSlotId(value);
  if (!slot.ok() || limit < 0) return context.reply.Error("ERR Invalid slot or number of keys");
  std::vector<std::string_view> keys;
  context.keyspace.ForEachInSlot(*slot, static_cast<size_t>(limit),
                                 [&keys](Entry& entry) { keys.push_back(entry.key()); });
  context.reply.Array(keys.size());
  for (const std::string_view key : keys) context.reply.Bulk(key);
}

void Help(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ADDSLOTS <slot> [<slot> ...]",
      "    Assign slots to current node.",
      "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
      "    Assign slots which are between <start-slot> and <end-slot> to current node.",
      "BUMPEPOCH",
      "    Advance the cluster config epoch.",
      "COUNT-FAILURE-REPORTS <node-id>",
      "    Return number of failure reports for <node-id>.",
      "COUNTKEYSINSLOT <slot>",
      "    Return the number of keys in <slot>.",
      "DELSLOTS <slot> [<slot> ...]",
      "    Delete slots information from current node.",
      "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
      "    Delete slots information which are between <start-slot> and <end-slot> from current "
      "node.",
      "FAILOVER [FORCE|TAKEOVER]",
      "    Promote current replica node to being a master.",
      "FLUSHSLOTS",
      "    Delete current node own slots information.",
      "FORGET <node-id>",
      "    Remove a node from the cluster.",
      "GETKEYSINSLOT <slot> <count>",
      "    Return key names stored by current node in a slot.",
      "INFO",
      "    Return information about the cluster.",
      "KEYSLOT <key>",
      "    Return the hash slot for <key>.",
      "LINKS",
      "    Return information about all network links between this node and its peers.",
      "    Output format is an array where each array element is a map containing attributes of a "
      "link",
      "MEET <ip> <port> [<bus-port>]",
      "    Connect nodes into a working cluster.",
      "MYID",
      "    Return the node id.",
      "MYSHARDID",
      "    Return the node's shard id.",
      "NODES",
      "    Return cluster configuration seen by node. Output format:",
      "    <id> <ip:port@bus-port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
      "OVERRULE-DATA-GUARD",
      "    Serve the slots of this node although their content was lost.",
      "REPLICAS <node-id>",
      "    Return <node-id> replicas.",
      "REPLICATE <node-id>",
      "    Configure current node as replica to <node-id>.",
      "RESET [HARD|SOFT]",
      "    Reset current node (default: soft).",
      "SAVECONFIG",
      "    Force saving cluster configuration on disk.",
      "SET-CONFIG-EPOCH <epoch>",
      "    Set config epoch of current node.",
      "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
      "    Set slot state.",
      "SHARDS",
      "    Return information about slot range mappings and the nodes associated with them.",
      "SLOTS",
      "    Return information about slots range mappings. Each range is made of:",
      "    start, end, master and replicas IP addresses, ports and ids",
      "HELP",
      "    Print this help.",
  };
  ReplyHelp(context, kLines);
}

void ReadOnly(CommandContext& context) {
  context.client.readonly = true;
  context.reply.Ok();
}

void ReadWrite(CommandContext& context) {
  context.client.readonly = false;
  context.reply.Ok();
}

void Asking(CommandContext& context) {
  context.client.asking = true;
  context.reply.Ok();
}

}  // namespace

void AddClusterQueries(CommandTable& table) {
  constexpr uint32_t kQuery = kLoading | kStale;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster|count-failure-reports", 3, kAdmin | kStale, 0, {}, CountFailureReports, "cluster",
       "3.0.0", "Return the number of failure reports active for a given node",
       {"nondeterministic_output"}},
      {"cluster|countkeysinslot", 3, kStale, 0, {}, CountKeysInSlot, "cluster", "3.0.0",
       "Return the number of local keys in the specified hash slot"},
      {"cluster|getkeysinslot", 4, kStale, 0, {}, GetKeysInSlot, "cluster", "3.0.0",
       "Return local key names in the specified hash slot", {"nondeterministic_output"}},
      {"cluster|help", 2, kQuery, 0, {}, Help, "cluster", "5.0.0",
       "Show helpful text about the different subcommands"},
      {"cluster|info", 2, kStale, 0, {}, Info, "cluster", "3.0.0",
       "Provides info about Redis Cluster node state", {"nondeterministic_output"}},
      {"cluster|keyslot", 3, kStale, 0, {}, KeySlot, "cluster", "3.0.0",
       "Returns the hash slot of the specified key"},
      {"cluster|links", 2, kStale, 0, {}, Links, "cluster", "7.0.0",
       "Returns a list of all TCP links to and from peer nodes in cluster",
       {"nondeterministic_output"}},
      {"cluster|myid", 2, kStale, 0, {}, MyId, "cluster", "3.0.0", "Return the node id"},
      {"cluster|myshardid", 2, kQuery, 0, {}, MyShardId, "cluster", "7.2.0",
       "Return the node shard id"},
      {"cluster|nodes", 2, kStale, 0, {}, Nodes, "cluster", "3.0.0",
       "Get Cluster config for the node", {"nondeterministic_output"}},
      {"cluster|replicas", 3, kAdmin | kStale, 0, {}, Replicas, "cluster", "5.0.0",
       "List replica nodes of the specified master node", {"nondeterministic_output"}},
      {"cluster|shards", 2, kStale, 0, {}, Shards, "cluster", "7.0.0",
       "Get array of cluster slots to node mappings", {"nondeterministic_output"}},
      {"cluster|slaves", 3, kAdmin | kStale, 0, {}, Replicas, "cluster", "3.0.0",
       "List replica nodes of the specified master node", {"nondeterministic_output"}},
      {"cluster|slots", 2, kStale, 0, {}, Slots, "cluster", "3.0.0",
       "Get array of Cluster slot to node mappings", {"nondeterministic_output"}},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("cluster", spec);
}

void AddClusterCommands(CommandTable& table) {
  constexpr uint32_t kMode = kLoading | kStale | kFast;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster", -2, 0, 0, {}, nullptr, "cluster", "3.0.0", "A container for cluster commands"},
      {"readonly", 1, kMode, kCatConnection, {}, ReadOnly, "cluster", "3.0.0",
       "Enables read queries for a connection to a cluster replica node"},
      {"readwrite", 1, kMode, kCatConnection, {}, ReadWrite, "cluster", "3.0.0",
       "Disables read queries for a connection to a cluster replica node"},
      {"asking", 1, kFast | kKeepsAsking, kCatConnection, {}, Asking, "cluster", "3.0.0",
       "Sent by cluster clients after an -ASK redirect"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
  AddClusterQueries(table);
  AddClusterSlotCommands(table);
  AddClusterMigrationCommands(table);
  AddClusterNodeCommands(table);
  AddClusterDebugCommands(table);
}

}  // namespace kv
