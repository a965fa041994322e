// The sections Replication and Cluster of INFO, for a server with cluster support.

#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/cluster_host.h"
#include "kvserver/loop_handles.h"
#include "kvserver/server.h"

namespace kv {
namespace {

using State = ReplicationPrimary::State;

std::string_view StateText(State state) {
  switch (state) {
    case State::kWaiting:
      return "wait_bgsave";
    case State::kSyncing:
    case State::kCatchingUp:
      return "send_bulk";
    case State::kOnline:
      return "online";
  }
  return "online";
}

void WriteReplicaSide(ClusterHost& cluster, InfoWriter& info) {
  const Replication& replication = cluster.replication();
  const clusterkit::Endpoint primary = cluster.PrimaryAddress();
  const auto offset = static_cast<int64_t>(replication.offset());
  const int64_t now_ms = NowMs();
  info.Field("master_host", primary.host);
  info.Field("master_port", int64_t{primary.port});
  info.Field("master_link_status", replication.link_up() ? "up" : "down");
  info.Field("master_last_io_seconds_ago",
             replication.link_up() ? (now_ms - replication.replica_side().last_io_ms()) / 1000
                                   : int64_t{-1});
  info.Field("master_sync_in_progress", int64_t{replication.loading() ? 1 : 0});
  info.Field("slave_read_repl_offset", offset);
  info.Field("slave_repl_offset", offset);
  if (!replication.link_up()) {
    info.Field("master_link_down_since_seconds",
               (now_ms - replication.replica_side().down_since_ms()) / 1000);
  }
  info.Field("slave_priority", cluster.server().config().replica_priority);
  info.Field("slave_read_only", int64_t{1});
  info.Field("replica_announced", int64_t{1});
}

void WriteReplicas(const Replication& replication, InfoWriter& info) {
  const auto& replicas = replication.primary_side().replicas();
  info.Field("connected_slaves", static_cast<int64_t>(replicas.size()));
  for (size_t i = 0; i < replicas.size(); ++i) {
    const ReplicationPrimary::Replica& replica = replicas[i];
    info.Field(absl::StrCat("slave", i),
               absl::StrCat("ip=", replica.host, ",port=", replica.port, ",state=",
                            std::string(StateText(replica.state)), ",offset=", replica.acked,
                            ",lag=", (NowMs() - replica.last_heard_ms) / 1000));
  }
}

void WriteReplication(ClusterHost& cluster, InfoWriter& info) {
  const Replication& replication = cluster.replication();
  const DataState& data = replication.data();
  info.Field("role", replication.is_replica() ? "slave" : "master");
  if (replication.is_replica()) WriteReplicaSide(cluster, info);
  WriteReplicas(replication, info);
  info.Field("master_failover_state", "no-failover");
  info.Field("master_replid", data.stream_id);
  info.Field("master_replid2", data.second_id);
  info.Field("master_repl_offset", static_cast<int64_t>(data.progress.offset));
  info.Field("second_repl_offset", data.second_offset);
  const ReplicationBacklog& backlog = data.backlog;
  info.Field("repl_backlog_active", int64_t{backlog.active() ? 1 : 0});
  info.Field("repl_backlog_size", cluster.server().config().repl_backlog_size);
  info.Field("repl_backlog_first_byte_offset",
             backlog.active() ? static_cast<int64_t>(backlog.first()) + 1 : int64_t{0});
  info.Field("repl_backlog_histlen", static_cast<int64_t>(backlog.size()));
  // Not Redis's: what elections compare before the offset, and whether there is a whole copy.
  info.Field("history_epoch", static_cast<int64_t>(data.progress.history.value));
  info.Field("data_complete", int64_t{data.progress.synced ? 1 : 0});
}

}  // namespace

void AddClusterInfo(ClusterHost& cluster) {
  InfoRegistry& registry = cluster.server().info();
  registry.Set("Replication", [&cluster](InfoWriter& info) { WriteReplication(cluster, info); });
  registry.Set("Cluster", [](InfoWriter& info) { info.Field("cluster_enabled", int64_t{1}); });
}

}  // namespace kv
