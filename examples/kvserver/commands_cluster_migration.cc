// CLUSTER SETSLOT and FAILOVER: slots between two shards, and planned changes of a primary.

#include <optional>
#include <string>
#include <utility>

#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using clusterkit::FailoverMode;
using clusterkit::Node;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;
using clusterkit::SlotId;
using clusterkit::SlotSet;

constexpr std::string_view kOnlyPrimaries = "ERR Please use SETSLOT only with masters.";

// One form of SETSLOT. `peer` is its last argument, where it has one.
struct SlotCommand {
  SlotId slot;
  SlotSet one;
  std::string peer;
  bool has_keys = false;  // This node holds keys of the slot.
};

// The node that is named; the refusal if there is none, or none that can own slots.
Refusal FindPrimary(Node& node, const SlotCommand& command, const std::string& unknown,
                    NodeId* found) {
  const std::optional<NodeId> id = ParseNodeId(command.peer);
  const auto view = node.view();
  const NodeView* peer = id.has_value() ? view->Find(*id) : nullptr;
  if (peer == nullptr) return unknown;
  if (peer->role == Role::kReplica) return "ERR Target node is not a master";
  *found = peer->id;
  return {};
}

std::string DontKnow(const std::string& peer) {
  return absl::StrCat("ERR I don't know about node ", peer.substr(0, 128));
}

bool Owns(Node& node, SlotId slot) {
  const auto view = node.view();
  const NodeView* owner = view->OwnerOf(slot);
  return owner != nullptr && owner->id == view->self().id;
}

Refusal SetMigrating(Node& node, const SlotCommand& command) {
  if (!Owns(node, command.slot)) {
    return absl::StrCat("ERR I'm not the owner of hash slot ", command.slot.value);
  }
  NodeId to;
  Refusal refusal = FindPrimary(node, command, DontKnow(command.peer), &to);
  return refusal.empty() ? RefusalFor(node.BeginExport(command.one, to)) : refusal;
}

Refusal SetImporting(Node& node, const SlotCommand& command) {
  if (Owns(node, command.slot)) {
    return absl::StrCat("ERR I'm already the owner of hash slot ", command.slot.value);
  }
  NodeId from;
  Refusal refusal = FindPrimary(node, command, DontKnow(command.peer), &from);
  return refusal.empty() ? RefusalFor(node.BeginImport(command.one, from)) : refusal;
}

Refusal SetStable(Node& node, const SlotCommand& command) {
  return RefusalFor(node.EndMigration(command.one));
}

Refusal SetOwner(Node& node, const SlotCommand& command) {
  NodeId owner;
  Refusal refusal = FindPrimary(node, command, UnknownNode(command.peer), &owner);
  if (!refusal.empty()) return refusal;
  if (command.has_keys && owner != node.view()->self().id && Owns(node, command.slot)) {
    return absl::StrCat("ERR Can't assign hashslot ", command.slot.value,
                        " to a different node while I still hold keys for this hash slot.");
  }
  return RefusalFor(node.BindSlots(command.one, owner));
}

using SlotChange = Refusal (*)(Node&, const SlotCommand&);

SlotChange FormOf(Args args) {
  const std::string_view form = args[3];
  if (args.size() == 4) return EqualsIgnoreCase(form, "stable") ? SetStable : nullptr;
  if (args.size() != 5) return nullptr;
  if (EqualsIgnoreCase(form, "migrating")) return SetMigrating;
  if (EqualsIgnoreCase(form, "importing")) return SetImporting;
  return EqualsIgnoreCase(form, "node") ? SetOwner : nullptr;
}

void SetSlot(CommandContext& context) {
  const Args args = context.args;
  // In the order of Redis: role, slot, form.
  if (ClusterOf(context).view().self().role == Role::kReplica) {
    return context.reply.Error(kOnlyPrimaries);
  }
  int64_t value = 0;
  const auto slot = clusterkit::MakeSlotId(ParseInt(args[2], &value) ? value : -1);
  if (!slot.ok()) return context.reply.Error("ERR Invalid or out of range slot");
  const SlotChange change = FormOf(args);
  if (change == nullptr) {
    return context.reply.Error(
        "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
  }
  SlotCommand command{*slot, SlotSet::Of({*slot, *slot}), {}, false};
  if (args.size() == 5) command.peer = std::string(args[4]);
  command.has_keys = context.keyspace.CountInSlot(*slot) != 0;
  AskForChange(context, [command = std::move(command), change](Node& node) -> Refusal {
    // It may have been replaced meanwhile, if only by giving its last slot away.
    if (node.Status().role == Role::kReplica) return std::string(kOnlyPrimaries);
    return change(node, command);
  });
}

void Failover(CommandContext& context) {
  FailoverMode mode = FailoverMode::kCatchUp;
  if (context.args.size() > 3) return ReplySyntaxError(context);
  if (context.args.size() == 3) {
    if (EqualsIgnoreCase(context.args[2], "force")) {
      mode = FailoverMode::kForce;
    } else if (EqualsIgnoreCase(context.args[2], "takeover")) {
      mode = FailoverMode::kTakeover;
    } else {
      return ReplySyntaxError(context);
    }
  }
  AskForChange(context, [mode](Node& node) -> Refusal {
    const absl::Status status = node.Failover(mode);
    if (absl::IsFailedPrecondition(status)) {
      return "ERR You should send CLUSTER FAILOVER to a replica";
    }
    if (absl::IsNotFound(status)) return "ERR I'm a replica but my master is unknown to me";
    if (absl::IsUnavailable(status)) {
      return "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
    }
    return RefusalFor(status);
  });
}

}  // namespace

void AddClusterMigrationCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kAdmin | kStale | kNoAsyncLoading;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster|failover", -2, kAdmin | kStale | kNoAsyncLoading, 0, {}, Failover, "cluster",
       "3.0.0", "Forces a replica to perform a manual failover of its master."},
      {"cluster|setslot", -4, kFlags, 0, {}, SetSlot, "cluster", "3.0.0",
       "Bind a hash slot to a specific node"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("cluster", spec);
}

}  // namespace kv
