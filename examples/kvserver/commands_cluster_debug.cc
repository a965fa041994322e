// DEBUG's subcommands for the bus: messages that get lost, links that break.

#include <string>

#include "clusterkit/fault_injection.h"
#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using clusterkit::FaultInjection;
using clusterkit::LinksWith;
using clusterkit::MessageKind;

// What travels here in place of a packet of that type of Redis. Types that nothing stands for drop
// nothing; -2 is everything, -1 nothing.
void DropPackets(int64_t type, FaultInjection& faults) {
  faults.drop.reset();
  switch (type) {
    case -2:
      faults.drop.set();
      break;
    case 0:
      return faults.Drop(MessageKind::kPing);
    case 1:
      return faults.Drop(MessageKind::kPong);
    case 2:
      return faults.Drop(MessageKind::kMeet);
    case 3:
      return faults.Drop(MessageKind::kFail);
    case 5:
      return faults.Drop(MessageKind::kAuthRequest);
    case 6:
      faults.Drop(MessageKind::kAuthAck);
      return faults.Drop(MessageKind::kAuthRefusal);
    case 7:
      return faults.Drop(MessageKind::kUpdate);
    case 8:
      return faults.Drop(MessageKind::kPause);
    default:
      break;
  }
}

// The two subcommands set parts of one value.
template <typename Change>  // void(FaultInjection&)
void ChangeFaults(CommandContext& context, Change change) {
  AskForChange(context, [change](clusterkit::Node& node) -> Refusal {
    FaultInjection faults = node.injected_faults();
    change(faults);
    node.InjectFaults(faults);
    return {};
  });
}

void DropFilter(CommandContext& context) {
  int64_t type = 0;
  if (!IntegerArg(context, context.args[2], &type)) return;
  ChangeFaults(context, [type](FaultInjection& faults) { DropPackets(type, faults); });
}

void CloseOnDrop(CommandContext& context) {
  int64_t on = 0;
  if (!IntegerArg(context, context.args[2], &on)) return;
  ChangeFaults(context, [on](FaultInjection& faults) { faults.close_link_on_drop = on != 0; });
}

void ClusterLink(CommandContext& context) {
  if (!EqualsIgnoreCase(context.args[2], "kill")) return ReplySyntaxError(context);
  LinksWith which = LinksWith::kAll;
  if (EqualsIgnoreCase(context.args[3], "to")) {
    which = LinksWith::kTo;
  } else if (EqualsIgnoreCase(context.args[3], "from")) {
    which = LinksWith::kFrom;
  } else if (!EqualsIgnoreCase(context.args[3], "all")) {
    return ReplySyntaxError(context);
  }
  AskForChange(context, [arg = std::string(context.args[4]), which](clusterkit::Node& node) {
    const std::optional<clusterkit::NodeId> id = ParseNodeId(arg);
    if (!id.has_value() || !node.KillLinks(*id, which).ok()) return Refusal(UnknownNode(arg));
    return Refusal();
  });
}

}  // namespace

void AddClusterDebugCommands(CommandTable& table) {
  table.AddDebug(
      {"CLOSE-CLUSTER-LINK-ON-PACKET-DROP",
       3,
       CloseOnDrop,
       "<0|1>",
       {"This is valid only when DROP-CLUSTER-PACKET-FILTER is set to a valid packet type.",
        "When set to 1, the cluster link is closed after dropping a packet based on the "
        "filter."}});
  table.AddDebug(
      {"CLUSTERLINK",
       5,
       ClusterLink,
       "KILL [to|from|all] <node-id>",
       {"Kills the link based on the direction to/from (both) with the provided node."}});
  table.AddDebug({"DROP-CLUSTER-PACKET-FILTER",
                  3,
                  DropFilter,
                  "<packet-type>",
                  {"Drop all packets that match the filtered type. Set to -1 allow all packets."}});
}

}  // namespace kv
