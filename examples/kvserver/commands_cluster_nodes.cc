// CLUSTER's commands that change membership, roles and epochs: MEET, REPLICATE, FORGET, RESET, ...

#include <arpa/inet.h>

#include <string>

#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/cluster_options.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using clusterkit::Endpoint;
using clusterkit::Node;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;

bool IsLiteralAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string Quoted(std::string_view arg) { return std::string(arg.substr(0, 128)); }

void Meet(CommandContext& context) {
  const Args args = context.args;
  if (args.size() > 5) return ReplySubcommandError(context);
  int64_t port = 0;
  if (!ParseInt(args[3], &port)) {
    return context.reply.Error(
        absl::StrCat("ERR Invalid TCP base port specified: ", Quoted(args[3])));
  }
  int64_t bus_port = port + kBusPortOffset;
  if (args.size() == 5 && !ParseInt(args[4], &bus_port)) {
    return context.reply.Error(
        absl::StrCat("ERR Invalid TCP bus port specified: ", Quoted(args[4])));
  }
  const std::string host(args[2]);
  const auto valid = [](int64_t value) { return value > 0 && value <= kMaxPort; };
  if (!IsLiteralAddress(host) || !valid(port) || !valid(bus_port)) {
    return context.reply.Error(
        absl::StrCat("ERR Invalid node address specified: ", Quoted(host), ":", Quoted(args[3])));
  }
  AskForChange(context, [bus = Endpoint{host, static_cast<uint16_t>(bus_port)}](Node& node) {
    return RefusalFor(node.Meet(bus));
  });
}

void Replicate(CommandContext& context) {
  const bool has_keys = context.keyspace.size() != 0;
  AskForChange(context, [arg = std::string(context.args[2]), has_keys](Node& node) -> Refusal {
    const auto view = node.view();
    const std::optional<NodeId> id = ParseNodeId(arg);
    const NodeView* target = id.has_value() ? view->Find(*id) : nullptr;
    if (target == nullptr) return UnknownNode(arg);
    const NodeView& self = view->self();
    if (target->id == self.id) return "ERR Can't replicate myself";
    if (target->role == Role::kReplica) {
      return "ERR I can only replicate a master, not a replica.";
    }
    if (self.role == Role::kPrimary && (self.slot_count != 0 || has_keys)) {
      return "ERR To set a master the node must be empty and without assigned slots.";
    }
    return RefusalFor(node.Replicate(target->id));
  });
}

void Forget(CommandContext& context) {
  AskForChange(context, [arg = std::string(context.args[2])](Node& node) -> Refusal {
    const auto view = node.view();
    const std::optional<NodeId> id = ParseNodeId(arg);
    if (!id.has_value()) return UnknownNode(arg);
    const absl::Status status = node.Forget(*id);
    if (absl::IsNotFound(status)) return UnknownNode(arg);
    if (*id == view->self().id) return "ERR I tried hard but I can't forget myself...";
    if (view->self().primary == id) return "ERR Can't forget my master!";
    return RefusalFor(status);
  });
}

void ClusterReset(CommandContext& context) {
  if (context.args.size() > 3) return ReplySubcommandError(context);
  clusterkit::ResetMode mode = clusterkit::ResetMode::kSoft;
  if (context.args.size() == 3) {
    if (EqualsIgnoreCase(context.args[2], "hard")) {
      mode = clusterkit::ResetMode::kHard;
    } else if (!EqualsIgnoreCase(context.args[2], "soft")) {
      return ReplySyntaxError(context);
    }
  }
  if (!ClusterOf(context).replication().is_replica() && context.keyspace.size() != 0) {
    return context.reply.Error(
        "ERR CLUSTER RESET can't be called with master nodes containing keys");
  }
  AskForChange(context, [mode](Node& node) { return RefusalFor(node.Reset(mode)); });
}

void SetConfigEpoch(CommandContext& context) {
  int64_t epoch = 0;
  if (!IntegerArg(context, context.args[2], &epoch)) return;
  if (epoch < 0) {
    return context.reply.Error(absl::StrCat("ERR Invalid config epoch specified: ", epoch));
  }
  AskForChange(context, [epoch](Node& node) -> Refusal {
    const clusterkit::CoreStatus status = node.Status();
    if (status.nodes.size() > 1) {
      return "ERR The user can assign a config epoch only when the node does not know any other "
             "node.";
    }
    if (status.my_epoch.value != 0) return "ERR Node config epoch is already non-zero";
    return RefusalFor(node.SetConfigEpoch({static_cast<uint64_t>(epoch)}));
  });
}

void BumpEpoch(CommandContext& context) {
  ClusterOf(context).Ask(context.client, [](Node& node) -> ClusterHost::Answer {
    const bool grew = node.BumpEpoch();
    const uint64_t epoch = node.Status().my_epoch.value;
    return [grew, epoch](ReplyWriter& reply) {
      reply.Simple(absl::StrCat(grew ? "BUMPED " : "STILL ", epoch));
    };
  });
}

// Every change is saved when it is made, so there is nothing to be forced.
void SaveConfig(CommandContext& context) {
  AskForChange(context, [](Node&) { return Refusal(); });
}

void OverruleDataGuard(CommandContext& context) {
  AskForChange(context, [](Node& node) { return RefusalFor(node.OverruleDataGuard()); });
}

}  // namespace

void AddClusterNodeCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kAdmin | kStale | kNoAsyncLoading;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster|bumpepoch", 2, kFlags, 0, {}, BumpEpoch, "cluster", "3.0.0",
       "Advance the cluster config epoch", {"nondeterministic_output"}},
      {"cluster|forget", 3, kFlags, 0, {}, Forget, "cluster", "3.0.0",
       "Remove a node from the nodes table"},
      {"cluster|meet", -4, kFlags, 0, {}, Meet, "cluster", "3.0.0",
       "Force a node cluster to handshake with another node"},
      {"cluster|overrule-data-guard", 2, kFlags, 0, {}, OverruleDataGuard, "cluster", "7.0.0",
       "Serve the slots of this node although their content was lost"},
      {"cluster|replicate", 3, kFlags, 0, {}, Replicate, "cluster", "3.0.0",
       "Reconfigure a node as a replica of the specified master node"},
      {"cluster|reset", -2, kAdmin | kStale | kNoScript, 0, {}, ClusterReset, "cluster", "3.0.0",
       "Reset a Redis Cluster node"},
      {"cluster|saveconfig", 2, kFlags, 0, {}, SaveConfig, "cluster", "3.0.0",
       "Forces the node to save cluster state on disk"},
      {"cluster|set-config-epoch", 3, kFlags, 0, {}, SetConfigEpoch, "cluster", "3.0.0",
       "Set the configuration epoch in a new node"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("cluster", spec);
}

}  // namespace kv
