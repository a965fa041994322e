// PSYNC, REPLCONF, WAIT, ROLE, and what cluster mode refuses.

#include <string>

#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using State = ReplicationPrimary::State;

// PSYNC id offset: goes on from there, if that is sure to be right. SYNC: from nothing.
void Psync(CommandContext& context) {
  ReplicationPrimary::Position position{"?", -1};
  if (context.args.size() > 1) {
    position.stream_id = context.args[1];
    if (!IntegerArg(context, context.args[2], &position.next)) return;
  }
  const std::string_view refusal =
      ClusterOf(context).replication().Attach(context.client, position);
  if (!refusal.empty()) context.reply.Error(refusal);
}

// Pairs of option and value; acknowledgements are not answered.
void ReplConf(CommandContext& context) {
  const Args args = context.args;
  Replication& replication = ClusterOf(context).replication();
  if (args.size() % 2 == 0) return ReplySyntaxError(context);
  for (size_t i = 1; i < args.size(); i += 2) {
    const std::string_view option = args[i];
    int64_t number = 0;
    if (EqualsIgnoreCase(option, "ack")) {
      if (ParseInt(args[i + 1], &number) && number >= 0) {
        replication.OnAck(context.client.id, static_cast<uint64_t>(number));
      }
      return;
    }
    if (EqualsIgnoreCase(option, "getack")) return;  // That is for replicas, whose link answers.
    if (EqualsIgnoreCase(option, "listening-port")) {
      if (!IntegerArg(context, args[i + 1], &number)) return;
      replication.AnnouncementOf(context.client.id).port = number;
    } else if (EqualsIgnoreCase(option, "ip-address")) {
      replication.AnnouncementOf(context.client.id).host = std::string(args[i + 1].substr(0, 255));
    } else if (EqualsIgnoreCase(option, "primary-id")) {
      replication.AnnouncementOf(context.client.id).primary_id =
          std::string(args[i + 1].substr(0, 2 * clusterkit::NodeId::kSize));
    } else if (!EqualsIgnoreCase(option, "capa")) {
      std::string text = "ERR Unrecognized REPLCONF option: ";
      return context.reply.Error(text.append(option.substr(0, 128)));
    }
  }
  context.reply.Ok();
}

void Wait(CommandContext& context) {
  Replication& replication = ClusterOf(context).replication();
  if (replication.is_replica()) {
    return context.reply.Error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if "
        "a replica is configured to be writable (which is not the default) writes to replicas are "
        "just local and are not propagated.");
  }
  int64_t replicas = 0;
  int64_t timeout_ms = 0;
  if (!IntegerArg(context, context.args[1], &replicas)) return;
  if (!TimeoutArg(context, context.args[2], &timeout_ms)) return;
  const int64_t acked = replication.primary_side().CountAcked(context.client.last_write_offset);
  if (acked >= replicas || context.client.in_exec()) return context.reply.Integer(acked);
  replication.Wait(context.client, replicas, timeout_ms);
}

void Role(CommandContext& context) {
  ClusterHost& cluster = ClusterOf(context);
  const Replication& replication = cluster.replication();
  const auto offset = static_cast<int64_t>(replication.offset());
  if (replication.is_replica()) {
    const clusterkit::Endpoint primary = cluster.PrimaryAddress();
    context.reply.Array(5);
    context.reply.Bulk("slave");
    context.reply.Bulk(primary.host);
    context.reply.Integer(primary.port);
    context.reply.Bulk(replication.replica_side().StateText());
    context.reply.Integer(offset);
    return;
  }
  std::vector<const ReplicationPrimary::Replica*> online;
  for (const auto& replica : replication.primary_side().replicas()) {
    if (replica.state == State::kOnline) online.push_back(&replica);
  }
  context.reply.Array(3);
  context.reply.Bulk("master");
  context.reply.Integer(offset);
  context.reply.Array(online.size());
  for (const auto* replica : online) {
    context.reply.Array(3);
    context.reply.Bulk(replica->host);
    context.reply.BulkInteger(replica->port);
    context.reply.BulkInteger(static_cast<int64_t>(replica->acked));
  }
}

void RefuseReplicaOf(CommandContext& context) {
  context.reply.Error("ERR REPLICAOF not allowed in cluster mode.");
}

void RefuseFailover(CommandContext& context) {
  context.reply.Error(
      "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
}

}  // namespace

void AddReplicationCommands(CommandTable& table) {
  constexpr uint32_t kInternal = kAdmin | kNoScript | kLoading | kStale | kAllowBusy;
  constexpr uint32_t kChange = kAdmin | kNoScript | kStale;
  // clang-format off
  const CommandSpec specs[] = {
      {"psync", -3, kAdmin | kNoScript | kNoAsyncLoading | kNoMulti, 0, {}, Psync, "server",
       "2.8.0", "Internal command used for replication"},
      {"sync", 1, kAdmin | kNoScript | kNoAsyncLoading | kNoMulti, 0, {}, Psync, "server", "1.0.0",
       "Internal command used for replication"},
      {"replconf", -1, kInternal, 0, {}, ReplConf, "server", "3.0.0",
       "An internal command for configuring the replication stream"},
      {"wait", 3, kNoScript, kCatConnection, {}, Wait, "generic", "3.0.0",
       "Wait for the synchronous replication of all the write commands sent in the context of "
       "the current connection",
       {"request_policy:all_shards", "response_policy:agg_min"}},
      {"role", 1, kNoScript | kLoading | kStale | kFast, kCatAdmin | kCatDangerous, {}, Role,
       "server", "2.8.12", "Return the role of the instance in the context of replication"},
      {"replicaof", 3, kChange | kNoAsyncLoading, 0, {}, RefuseReplicaOf, "server", "5.0.0",
       "Make the server a replica of another instance, or promote it as master."},
      {"slaveof", 3, kChange | kNoAsyncLoading, 0, {}, RefuseReplicaOf, "server", "1.0.0",
       "Make the server a replica of another instance, or promote it as master."},
      {"failover", -1, kChange, 0, {}, RefuseFailover, "server", "6.2.0",
       "Start a coordinated failover between this server and one of its replicas."},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
