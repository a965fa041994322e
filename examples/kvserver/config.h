#ifndef KVSERVER_CONFIG_H_
#define KVSERVER_CONFIG_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "clusterkit/types.h"

namespace kv {

inline constexpr std::string_view kRedisVersion = "7.0.15";  // the Redis whose clients we serve

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning };

struct OutputLimit {
  uint64_t hard_bytes = 0;  // 0: none
  uint64_t soft_bytes = 0;
  int64_t soft_seconds = 0;
};

// How clients are told to reach a node.
enum class EndpointType : uint8_t { kIp, kHostname, kUnknown };

// What the directives set, with redis-server's defaults. Data thread only, once the server runs:
// CONFIG SET changes it; hand copies to other threads.
struct Config {
  std::string config_file;  // absolute; empty without one

  // Network.
  std::vector<std::string> bind = {"*", "-::*"};
  int64_t port = 6379;
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive = 300;  // seconds, 0: off
  int64_t timeout = 0;          // seconds of idleness until a client is closed, 0: never
  int64_t maxclients = 10000;
  // Commands per second from which the data thread polls instead of sleeping; 0: never.
  int64_t busy_poll_threshold = 100000;
  bool protected_mode = true;
  int64_t proto_max_bulk_len = 512ll << 20;
  int64_t client_query_buffer_limit = 64ll << 20;  // unparsed input beyond the largest bulk
  int64_t maxmemory_clients = 0;                   // 0: no limit; negative: percent of maxmemory
  OutputLimit output_limit_normal = {0, 0, 0};     // no limit: see Connection::WaitsForReader
  OutputLimit output_limit_replica = {256ull << 20, 64ull << 20, 60};
  OutputLimit output_limit_pubsub = {32ull << 20, 8ull << 20, 60};

  // Process.
  bool daemonize = false;
  std::string pidfile;
  LogLevel loglevel = LogLevel::kNotice;
  std::string logfile;  // empty: standard output
  std::string dir = ".";
  int64_t hz = 10;
  std::string enable_debug_command = "no";  // no, local, yes

  // Data.
  std::string dbfilename = "dump.rdb";
  std::string save = "3600 1 300 100 60 10000";  // pairs of seconds and changes
  bool stop_writes_on_bgsave_error = true;
  bool appendonly = false;
  int64_t maxmemory = 0;  // bytes; 0: no limit
  std::string requirepass;

  // Cluster.
  bool cluster_enabled = false;
  std::string cluster_config_file = "nodes.conf";
  int64_t cluster_node_timeout = 15000;  // milliseconds
  bool cluster_require_full_coverage = true;
  int64_t cluster_port = 0;  // 0: port + 10000
  std::string cluster_announce_ip;
  int64_t cluster_announce_port = 0;
  int64_t cluster_announce_bus_port = 0;
  std::string cluster_announce_hostname;
  std::string cluster_announce_human_nodename;
  EndpointType cluster_preferred_endpoint_type = EndpointType::kIp;
  int64_t cluster_replica_validity_factor = 10;
  bool cluster_replica_no_failover = false;
  bool cluster_allow_reads_when_down = false;
  clusterkit::Voting cluster_voting = clusterkit::Voting::kWithSlots;
  bool cluster_allow_replica_migration = true;
  int64_t cluster_migration_barrier = 1;           // replicas that a primary keeps
  int64_t cluster_manual_failover_timeout = 5000;  // milliseconds
  int64_t cluster_blacklist_ttl = 60;              // seconds until a forgotten node may come back
  bool cluster_allow_pubsubshard_when_down = true;
  int64_t cluster_announce_tls_port = 0;  // there is no TLS
  int64_t cluster_ping_interval = 1000;   // milliseconds
  int64_t cluster_link_sendbuf_limit = 0;

  // Monitoring.
  int64_t metrics_port = 0;  // 0: no HTTP
  std::string metrics_bind = "127.0.0.1";

  // Replication.
  std::string masterauth;
  std::string masteruser;
  int64_t repl_diskless_sync_delay = 5;   // seconds
  int64_t repl_timeout = 60;              // seconds
  int64_t shutdown_timeout = 10;          // seconds, for handing over to a replica
  int64_t repl_ping_replica_period = 10;  // seconds
  int64_t repl_backlog_size = 1ll << 20;
  int64_t repl_backlog_ttl = 3600;  // seconds that a primary without replicas keeps it, 0: for ever
  int64_t replica_priority = 100;
  int64_t min_replicas_to_write = 0;
  int64_t min_replicas_max_lag = 10;  // seconds

  // A limit below the backlog would end links as soon as a replica goes on from it.
  uint64_t replica_output_limit() const {
    const uint64_t hard = output_limit_replica.hard_bytes;
    return hard == 0 ? 0 : std::max(hard, static_cast<uint64_t>(repl_backlog_size));
  }

  // Directives of Redis that have no effect here, as given.
  std::map<std::string, std::string> without_effect;
};

// One directive that is implemented. The text forms are those of the configuration file.
struct Directive {
  std::string_view name;
  std::string_view alias = {};                         // second name, or empty
  enum class Change { kAnyTime, kNever, kProtected };  // by CONFIG SET
  Change change = Change::kAnyTime;
  bool many_arguments = false;  // takes a list; otherwise exactly one
  std::function<std::string(const Config&)> get = {};
  // The error names what is wrong with the arguments; then `config` is unchanged.
  std::function<absl::Status(Config& config, absl::Span<const std::string> args)> set = {};
};

// In alphabetical order.
const std::vector<Directive>& Directives();
const Directive* FindDirective(std::string_view name_or_alias);
// Whether Redis 7.0 has a directive of that name (lower case) that we do not implement.
bool IsRedisDirective(std::string_view name);

// Sets one directive. InvalidArgument with Redis's text if it is unknown or its arguments are bad;
// `*warning` is set when the directive has no effect here, or only a part of its effect.
absl::Status ApplyDirective(Config& config, absl::Span<const std::string> words,
                            std::string* warning);

// Pairs of directive and value whose name matches a glob pattern, for CONFIG GET.
std::vector<std::pair<std::string, std::string>> MatchDirectives(
    const Config& config, absl::Span<const std::string_view> patterns);

// A fault in the configuration, as redis-server prints it.
struct ConfigError {
  int line = 0;       // 0: not tied to a line
  std::string text;   // the line
  std::string cause;  // "Bad directive or wrong number of arguments"
  std::string ToString() const;
};

// Parses redis-server's configuration syntax: a directive per line, '#' comments, quoted words,
// CRLF, include. Appends warnings. False: `*error` is set.
bool ParseConfigText(std::string_view text, Config& config, std::vector<std::string>& warnings,
                     ConfigError* error);
bool ReadConfigFile(const std::string& path, std::string* text, ConfigError* error);

// A word as it has to stand in the configuration file.
std::string QuoteIfNeeded(std::string_view word);

// Turns command line arguments into configuration text, to be parsed behind the file's: "--port
// 7000 --save
// ''" becomes "port 7000\nsave \"\"\n". A first argument without dashes is the configuration file.
std::string ArgumentsToConfigText(absl::Span<const std::string> args, std::string* config_file);

// CONFIG REWRITE: replaces the file's lines of changed directives, keeps the others and their
// comments, appends what is missing and not default. Atomic.
absl::Status RewriteConfigFile(const Config& config);

}  // namespace kv

#endif  // KVSERVER_CONFIG_H_
