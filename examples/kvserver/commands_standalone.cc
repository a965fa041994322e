// What a server without cluster support and without replicas answers. The cluster half replaces
// these commands with its own.

#include <memory>

#include "kvserver/command_util.h"

namespace kv {
namespace {

void RefuseCluster(CommandContext& context) {
  context.reply.Error("ERR This instance has cluster support disabled");
}

// There is no replica that could acknowledge, so the answer is 0; at once, or when time is up.
void Wait(CommandContext& context) {
  int64_t replicas = 0;
  int64_t timeout_ms = 0;
  if (!IntegerArg(context, context.args[1], &replicas)) return;
  if (!TimeoutArg(context, context.args[2], &timeout_ms)) return;
  if (replicas <= 0 || context.client.in_exec()) return context.reply.Integer(0);
  const auto waits = std::make_shared<bool>(true);
  context.client.Block([waits](ReplyWriter& reply) {
    *waits = false;
    reply.Integer(0);
  });
  if (timeout_ms == 0) return;  // for ever
  const ClientId id = context.client.id;
  Host& host = context.host();
  host.RunAfter(std::chrono::milliseconds(timeout_ms), [waits, id, &host] {
    if (*waits) host.Resume(id, [](ReplyWriter& reply) { reply.Integer(0); });
  });
}

void Role(CommandContext& context) {
  context.reply.Array(3);
  context.reply.Bulk("master");
  context.reply.Integer(0);
  context.reply.Array(0);
}

}  // namespace

void AddClusterStubs(CommandTable& table) {
  constexpr uint32_t kMode = kLoading | kStale | kFast;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster", -2, 0, 0, {}, RefuseCluster, "cluster", "3.0.0",
       "A container for cluster commands"},
      {"readonly", 1, kMode, kCatConnection, {}, RefuseCluster, "cluster", "3.0.0",
       "Enables read queries for a connection to a cluster replica node"},
      {"readwrite", 1, kMode, kCatConnection, {}, RefuseCluster, "cluster", "3.0.0",
       "Disables read queries for a connection to a cluster replica node"},
      {"asking", 1, kFast | kKeepsAsking, kCatConnection, {}, RefuseCluster, "cluster", "3.0.0",
       "Sent by cluster clients after an -ASK redirect"},
      {"wait", 3, kNoScript, kCatConnection, {}, Wait, "generic", "3.0.0",
       "Wait for the synchronous replication of all the write commands sent in the context of "
       "the current connection", {"request_policy:all_shards", "response_policy:agg_min"}},
      {"role", 1, kNoScript | kLoading | kStale | kFast, kCatAdmin | kCatDangerous, {}, Role,
       "server", "2.8.12", "Return the role of the instance in the context of replication"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
