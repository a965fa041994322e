// What INFO tells of a stand-alone server. Names and forms are Redis's, because monitoring
// programs read them.

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/memory_use.h"
#include "kvserver/migrator.h"
#include "kvserver/persistence.h"
#include "kvserver/server.h"

namespace kv {
namespace {

std::string HumanBytes(uint64_t bytes) {
  constexpr char kUnits[] = "BKMGT";
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && kUnits[unit + 1] != '\0'; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f%c" : "%.2f%c", value, kUnits[unit]);
  return text;
}

uint64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long pages = 0;
  if (std::fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

void WriteServer(Server& server, InfoWriter& info) {
  const Config& config = server.config();
  utsname system = {};
  uname(&system);
  const int64_t now_ms = server.keyspace().now_ms();
  const int64_t uptime = (now_ms - server.started_ms()) / 1000;
  info.Field("redis_version", kRedisVersion);
  info.Field("server_name", "kvserver");
  info.Field("redis_mode", config.cluster_enabled ? "cluster" : "standalone");
  info.Field("os", absl::StrCat(system.sysname, " ", system.release, " ", system.machine));
  info.Field("arch_bits", int64_t{8 * sizeof(void*)});
  info.Field("multiplexing_api", "libuv");
  info.Field("gcc_version", absl::StrCat(__GNUC__, ".", __GNUC_MINOR__, ".0"));
  info.Field("process_id", int64_t{getpid()});
  info.Field("run_id", server.run_id());
  info.Field("tcp_port", config.port);
  info.Field("server_time_usec", now_ms * 1000);
  info.Field("uptime_in_seconds", uptime);
  info.Field("uptime_in_days", uptime / 86400);
  info.Field("hz", config.hz);
  info.Field("configured_hz", config.hz);
  info.Field("config_file", config.config_file);
}

void WriteClients(Server& server, InfoWriter& info) {
  int64_t blocked = 0;
  int64_t ordinary = 0;
  server.ForEachClient([&](Client& client) {
    if (client.blocked || client.held) ++blocked;
    if (client.kind == ClientKind::kNormal) ++ordinary;
  });
  info.Field("connected_clients", ordinary);
  info.Field("maxclients", server.config().maxclients);
  info.Field("blocked_clients", blocked);
}

void WriteMemory(Server& server, InfoWriter& info) {
  const auto used = static_cast<uint64_t>(UsedMemory());
  const uint64_t resident = ResidentBytes();
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const uint64_t peak = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  info.Field("used_memory", Signed(used));
  info.Field("used_memory_human", HumanBytes(used));
  info.Field("used_memory_rss", Signed(resident));
  info.Field("used_memory_rss_human", HumanBytes(resident));
  info.Field("used_memory_peak", Signed(std::max(peak, used)));
  info.Field("used_memory_peak_human", HumanBytes(std::max(peak, used)));
  info.Field("maxmemory", server.config().maxmemory);
  info.Field("maxmemory_human", HumanBytes(static_cast<uint64_t>(server.config().maxmemory)));
  info.Field("maxmemory_policy", "noeviction");
  info.Field("mem_fragmentation_ratio",
             used == 0 ? 0 : static_cast<double>(resident) / static_cast<double>(used), 2);
  info.Field("mem_allocator", "libc");
  info.Field("lazyfree_pending_objects", Signed(server.keyspace().pending_frees()));
}

void WritePersistence(Server& server, InfoWriter& info) {
  info.Field("loading", int64_t{server.executor().loading() ? 1 : 0});
  info.Field("async_loading", int64_t{0});
  const Persistence& persistence = server.persistence();
  info.Field("rdb_changes_since_last_save", Signed(persistence.changes_since_save()));
  info.Field("rdb_bgsave_in_progress", int64_t{persistence.in_progress() ? 1 : 0});
  info.Field("rdb_last_save_time", persistence.last_save_s());
  info.Field("rdb_last_bgsave_status", persistence.last_ok() ? "ok" : "err");
  info.Field("rdb_last_bgsave_time_sec", persistence.last_took_s());
  info.Field("rdb_current_bgsave_time_sec", persistence.current_took_s());
  info.Field("rdb_saves", Signed(persistence.saves()));
  info.Field("rdb_last_load_keys_expired", int64_t{0});
  info.Field("rdb_last_load_keys_loaded", Signed(persistence.keys_loaded()));
  info.Field("aof_enabled", int64_t{0});
  info.Field("aof_rewrite_in_progress", int64_t{0});
  info.Field("aof_last_write_status", "ok");
}

void WriteStats(Server& server, InfoWriter& info) {
  const Stats& stats = server.stats();
  info.Field("total_connections_received", Signed(stats.connections));
  info.Field("total_commands_processed", Signed(stats.commands));
  info.Field("instantaneous_ops_per_sec", Signed(stats.commands_per_second));
  info.Field("total_net_input_bytes", Signed(stats.input_bytes));
  info.Field("total_net_output_bytes", Signed(stats.output_bytes));
  info.Field("rejected_connections", Signed(stats.rejected_connections));
  info.Field("sync_full", Signed(stats.full_syncs));
  info.Field("sync_partial_ok", Signed(stats.partial_syncs));
  info.Field("sync_partial_err", Signed(stats.refused_partial_syncs));
  info.Field("expired_keys", Signed(server.keyspace().expired_total()));
  info.Field("evicted_keys", int64_t{0});
  info.Field("keyspace_hits", Signed(stats.keyspace_hits));
  info.Field("keyspace_misses", Signed(stats.keyspace_misses));
  const PubSub& pubsub = server.executor().pubsub();
  info.Field("pubsub_channels", Signed(pubsub.CountNames(ChannelKind::kChannel)));
  info.Field("pubsub_patterns", Signed(pubsub.CountNames(ChannelKind::kPattern)));
  info.Field("pubsubshard_channels", Signed(pubsub.CountNames(ChannelKind::kShardChannel)));
  // Not Redis's: copies of messages, one for each other node.
  info.Field("pubsub_relayed_messages", Signed(stats.relayed_messages));
  info.Field("pubsub_dropped_messages", Signed(stats.dropped_messages));
  info.Field("migrate_cached_sockets", Signed(server.executor().migrator()->kept_links()));
  info.Field("total_error_replies", Signed(stats.errors));
}

void WriteReplication(Server&, InfoWriter& info) {
  info.Field("role", "master");
  info.Field("connected_slaves", int64_t{0});
  info.Field("master_failover_state", "no-failover");
  info.Field("master_replid", std::string(40, '0'));
  info.Field("master_replid2", std::string(40, '0'));
  info.Field("master_repl_offset", int64_t{0});
  info.Field("second_repl_offset", int64_t{-1});
  info.Field("repl_backlog_active", int64_t{0});
  info.Field("repl_backlog_size", int64_t{0});
  info.Field("repl_backlog_first_byte_offset", int64_t{0});
  info.Field("repl_backlog_histlen", int64_t{0});
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void WriteCpu(Server&, InfoWriter& info) {
  rusage own = {};
  rusage children = {};
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  info.Field("used_cpu_sys", Seconds(own.ru_stime), 6);
  info.Field("used_cpu_user", Seconds(own.ru_utime), 6);
  info.Field("used_cpu_sys_children", Seconds(children.ru_stime), 6);
  info.Field("used_cpu_user_children", Seconds(children.ru_utime), 6);
}

void WriteModules(Server&, InfoWriter&) {}

void WriteCommandStats(Server& server, InfoWriter& info) {
  const auto write = [&](const CommandSpec& spec) {
    const CommandStats::Calls& calls = server.stats().calls.Of(spec);
    if (calls.calls == 0 && calls.rejected == 0 && calls.failed == 0) return;
    const uint64_t usec = calls.nanoseconds / 1000;
    char per_call[32];
    std::snprintf(per_call, sizeof(per_call), "%.2f",
                  calls.calls == 0 ? 0
                                   : static_cast<double>(calls.nanoseconds) / 1000 /
                                         static_cast<double>(calls.calls));
    info.Field(absl::StrCat("cmdstat_", spec.name),
               absl::StrCat("calls=", calls.calls, ",usec=", usec, ",usec_per_call=", per_call,
                            ",rejected_calls=", calls.rejected, ",failed_calls=", calls.failed));
  };
  for (const CommandSpec& spec : server.commands().all()) {
    write(spec);
    for (const CommandSpec& subcommand : spec.subcommands) write(subcommand);
  }
}

void WriteErrorStats(Server& server, InfoWriter& info) {
  for (const auto& [code, count] : server.stats().errors_by_code) {
    info.Field(absl::StrCat("errorstat_", code), absl::StrCat("count=", count));
  }
}

void WriteCluster(Server& server, InfoWriter& info) {
  info.Field("cluster_enabled", int64_t{server.config().cluster_enabled ? 1 : 0});
}

void WriteKeyspace(Server& server, InfoWriter& info) {
  const Keyspace& keyspace = server.keyspace();
  if (keyspace.size() == 0) return;
  info.Field("db0", absl::StrCat("keys=", keyspace.size(), ",expires=", keyspace.expiring_size(),
                                 ",avg_ttl=", keyspace.AverageTtlMs()));
}

}  // namespace

void AddInfoSections(Server& server) {
  const auto add = [&server](std::string_view section, void (*write)(Server&, InfoWriter&)) {
    server.info().Set(section, [&server, write](InfoWriter& info) { write(server, info); });
  };
  add("Server", WriteServer);
  add("Clients", WriteClients);
  add("Memory", WriteMemory);
  add("Persistence", WritePersistence);
  add("Stats", WriteStats);
  add("Replication", WriteReplication);
  add("CPU", WriteCpu);
  add("Modules", WriteModules);
  add("Errorstats", WriteErrorStats);
  add("Cluster", WriteCluster);
  add("Keyspace", WriteKeyspace);
  server.info().Set(
      "Commandstats", [&server](InfoWriter& info) { WriteCommandStats(server, info); },
      InfoRegistry::When::kOnRequest);
}

}  // namespace kv
