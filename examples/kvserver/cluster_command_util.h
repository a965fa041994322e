#ifndef KVSERVER_CLUSTER_COMMAND_UTIL_H_
#define KVSERVER_CLUSTER_COMMAND_UTIL_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "clusterkit/node.h"
#include "kvserver/cluster_host.h"
#include "kvserver/command_util.h"

namespace kv {

// What the files commands_cluster_*.cc share.

inline ClusterHost& ClusterOf(CommandContext& context) { return *context.executor.cluster(); }

// The error of a change that was asked for, without its dash; empty if it was made.
using Refusal = std::string;

// Makes a change on the node's thread, and answers +OK or the refusal.
template <typename Change>  // Refusal(clusterkit::Node&)
void AskForChange(CommandContext& context, Change change) {
  ClusterOf(context).Ask(
      context.client, [change = std::move(change)](clusterkit::Node& node) -> ClusterHost::Answer {
        return [refusal = change(node)](ReplyWriter& reply) {
          if (refusal.empty()) {
            reply.Ok();
          } else {
            reply.Error(refusal);
          }
        };
      });
}

// For what the checks before a change did not foresee.
inline Refusal RefusalFor(const absl::Status& status) {
  return status.ok() ? Refusal() : absl::StrCat("ERR ", status.message());
}

inline Refusal UnknownNode(std::string_view arg) {
  constexpr size_t kMaxQuoted = 128;
  return std::string("ERR Unknown node ").append(arg.substr(0, kMaxQuoted));
}

inline std::optional<clusterkit::NodeId> ParseNodeId(std::string_view text) {
  const auto id = clusterkit::NodeId::FromHex(text);
  return id.ok() ? std::optional<clusterkit::NodeId>(*id) : std::nullopt;
}

}  // namespace kv

#endif  // KVSERVER_CLUSTER_COMMAND_UTIL_H_
