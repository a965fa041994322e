// The directives that are implemented.

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clusterkit/node_details.h"
#include "kvserver/config.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using Words = absl::Span<const std::string>;
using Change = Directive::Change;
using clusterkit::NodeDetails;

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxLong = std::numeric_limits<int64_t>::max();

absl::Status Bad(const std::string& cause) { return absl::InvalidArgumentError(cause); }

Directive Text(std::string_view name, std::string Config::*field,
               Change change = Change::kAnyTime) {
  Directive directive{name, {}, change};
  directive.get = [field](const Config& config) { return config.*field; };
  directive.set = [field](Config& config, Words args) {
    config.*field = args[0];
    return absl::OkStatus();
  };
  return directive;
}

Directive YesNo(std::string_view name, bool Config::*field, Change change = Change::kAnyTime,
                std::string_view alias = {}) {
  Directive directive{name, alias, change};
  directive.get = [field](const Config& config) -> std::string {
    return config.*field ? "yes" : "no";
  };
  directive.set = [field](Config& config, Words args) {
    const bool yes = EqualsIgnoreCase(args[0], "yes");
    if (!yes && !EqualsIgnoreCase(args[0], "no")) return Bad("argument must be 'yes' or 'no'");
    config.*field = yes;
    return absl::OkStatus();
  };
  return directive;
}

struct NumberBounds {
  int64_t low;
  int64_t high;
};

absl::Status CheckBounds(int64_t value, NumberBounds bounds) {
  if (value >= bounds.low && value <= bounds.high) return absl::OkStatus();
  return Bad(
      absl::StrCat("argument must be between ", bounds.low, " and ", bounds.high, " inclusive"));
}

Directive Number(std::string_view name, int64_t Config::*field, NumberBounds bounds,
                 Change change = Change::kAnyTime, std::string_view alias = {}) {
  Directive directive{name, alias, change};
  directive.get = [field](const Config& config) { return absl::StrCat(config.*field); };
  directive.set = [field, bounds](Config& config, Words args) {
    int64_t value = 0;
    if (!ParseInt(args[0], &value)) return Bad("argument couldn't be parsed into an integer");
    absl::Status status = CheckBounds(value, bounds);
    if (status.ok()) config.*field = value;
    return status;
  };
  return directive;
}

// "100", "64mb", "1k": powers of 1000, or of 1024 with a "b".
bool ParseMemory(std::string_view text, int64_t* bytes) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
      {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
  };
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + digits, number);
  if (parsed.ec != std::errc()) return false;
  for (const auto& [unit, factor] : kUnits) {
    if (EqualsIgnoreCase(text.substr(digits), unit)) {
      return !__builtin_mul_overflow(number, factor, bytes);
    }
  }
  return false;
}

Directive Memory(std::string_view name, int64_t Config::*field, NumberBounds bounds,
                 Change change = Change::kAnyTime) {
  Directive directive{name, {}, change};
  directive.get = [field](const Config& config) { return absl::StrCat(config.*field); };
  directive.set = [field, bounds](Config& config, Words args) {
    int64_t value = 0;
    if (!ParseMemory(args[0], &value)) return Bad("argument must be a memory value");
    absl::Status status = CheckBounds(value, bounds);
    if (status.ok()) config.*field = value;
    return status;
  };
  return directive;
}

Directive BacklogSize() {
  static constexpr int64_t kSmallest = int64_t{16} << 10;
  Directive directive = Memory("repl-backlog-size", &Config::repl_backlog_size, {1, kMaxLong});
  directive.set = [set = directive.set](Config& config, Words args) {
    absl::Status status = set(config, args);
    config.repl_backlog_size = std::max(config.repl_backlog_size, kSmallest);
    return status;
  };
  return directive;
}

Directive MaxMemoryClients() {
  Directive directive = Memory("maxmemory-clients", &Config::maxmemory_clients, {0, kMaxLong});
  directive.get = [](const Config& config) {
    const int64_t value = config.maxmemory_clients;
    return value < 0 ? absl::StrCat(-value, "%") : absl::StrCat(value);
  };
  directive.set = [set = directive.set](Config& config, Words args) {
    const std::string_view text = args[0];
    int64_t percent = 0;
    if (text.empty() || text.back() != '%') return set(config, args);
    if (!ParseInt(text.substr(0, text.size() - 1), &percent) || percent < 0 || percent > 100) {
      return Bad("argument must be a memory or percent value");
    }
    config.maxmemory_clients = -percent;
    return absl::OkStatus();
  };
  return directive;
}

// One of the words for the values of an enumeration, in its order.
template <typename Enum, size_t n>
Directive Choice(std::string_view name, Enum Config::*field, const std::string_view (&words)[n]) {
  Directive directive{name};
  directive.get = [field, &words](const Config& config) {
    return std::string(words[static_cast<size_t>(config.*field)]);
  };
  directive.set = [field, &words](Config& config, Words args) {
    for (size_t i = 0; i < n; ++i) {
      if (!EqualsIgnoreCase(args[0], words[i])) continue;
      config.*field = static_cast<Enum>(i);
      return absl::OkStatus();
    }
    const std::vector<std::string> known(std::begin(words), std::end(words));
    return Bad("argument(s) must be one of the following: " + absl::StrJoin(known, ", "));
  };
  return directive;
}

constexpr std::string_view kEndpointTypes[] = {"ip", "hostname", "unknown-endpoint"};
constexpr std::string_view kVotings[] = {"with-slots", "always", "witness"};
constexpr std::string_view kLevels[] = {"debug", "verbose", "notice", "warning"};

// A text that must be good as a part of the node's details.
Directive Detail(std::string_view name, std::string Config::*field,
                 std::string NodeDetails::*detail, size_t most, const std::string& too_long,
                 const std::string& wrong) {
  Directive directive = Text(name, field);
  directive.set = [=, set = directive.set](Config& config, Words args) {
    NodeDetails details;
    details.*detail = args[0];
    if (args[0].size() > most) return Bad(too_long);
    return details.Validate().ok() ? set(config, args) : Bad(wrong);
  };
  return directive;
}

Directive EnableDebug() {
  Directive directive = Text("enable-debug-command", &Config::enable_debug_command, Change::kNever);
  directive.set = [](Config& config, Words args) {
    const std::string word = ToLower(args[0]);
    if (word != "no" && word != "yes" && word != "local") {
      return Bad("argument(s) must be one of the following: no, yes, local");
    }
    config.enable_debug_command = word;
    return absl::OkStatus();
  };
  return directive;
}

// Keys are never evicted. A policy that would is refused, rather than taken and not followed.
Directive MaxMemoryPolicy() {
  Directive directive{"maxmemory-policy"};
  directive.get = [](const Config&) { return std::string("noeviction"); };
  directive.set = [](Config&, Words args) {
    if (EqualsIgnoreCase(args[0], "noeviction")) return absl::OkStatus();
    return Bad("kvserver evicts no keys, so that noeviction is its only policy");
  };
  return directive;
}

Directive Bind() {
  Directive directive{"bind", {}, Change::kNever, /*many_arguments=*/true};
  directive.get = [](const Config& config) { return absl::StrJoin(config.bind, " "); };
  directive.set = [](Config& config, Words args) {
    constexpr size_t kMaxAddresses = 16;
    if (args.size() > kMaxAddresses) return Bad("Too many bind addresses specified.");
    // bind "" means that nothing listens.
    if (args.size() == 1 && args[0].empty()) args = {};
    for (const std::string& address : args) {
      // Differs from Redis: what needs quotes is no address, and could not be told from several.
      if (QuoteIfNeeded(address) != address) return Bad("Invalid bind address.");
    }
    config.bind.assign(args.begin(), args.end());
    return absl::OkStatus();
  };
  return directive;
}

Directive DbFilename() {
  Directive directive = Text("dbfilename", &Config::dbfilename, Change::kProtected);
  directive.set = [set = directive.set](Config& config, Words args) {
    if (args[0].find('/') != std::string::npos) {
      return Bad("dbfilename can't be a path, just a filename");
    }
    return set(config, args);
  };
  return directive;
}

Directive Save() {
  Directive directive{"save", {}, Change::kAnyTime, /*many_arguments=*/true};
  directive.get = [](const Config& config) { return config.save; };
  directive.set = [](Config& config, Words args) {
    if (args.size() == 1 && args[0].empty()) {
      config.save.clear();
      return absl::OkStatus();
    }
    for (size_t i = 0; i < args.size(); ++i) {
      int64_t number = 0;
      if (args.size() % 2 != 0 || !ParseInt(args[i], &number) || number < (i % 2 == 0 ? 1 : 0)) {
        return Bad("Invalid save parameters");
      }
    }
    config.save = absl::StrJoin(args, " ");
    return absl::OkStatus();
  };
  return directive;
}

Directive OutputLimits() {
  Directive directive{"client-output-buffer-limit", {}, Change::kAnyTime, /*many_arguments=*/true};
  directive.get = [](const Config& config) {
    const auto text = [](std::string_view name, const OutputLimit& limit) {
      return absl::StrCat(std::string(name), " ", limit.hard_bytes, " ", limit.soft_bytes, " ",
                          limit.soft_seconds);
    };
    return absl::StrCat(text("normal", config.output_limit_normal), " ",
                        text("slave", config.output_limit_replica), " ",
                        text("pubsub", config.output_limit_pubsub));
  };
  directive.set = [](Config& config, Words args) {
    if (args.empty() || args.size() % 4 != 0) {
      return Bad("Wrong number of arguments in buffer limit configuration.");
    }
    Config changed = config;
    for (size_t i = 0; i < args.size(); i += 4) {
      OutputLimit* limit = nullptr;
      if (EqualsIgnoreCase(args[i], "normal")) limit = &changed.output_limit_normal;
      if (EqualsIgnoreCase(args[i], "slave")) limit = &changed.output_limit_replica;
      if (EqualsIgnoreCase(args[i], "replica")) limit = &changed.output_limit_replica;
      if (EqualsIgnoreCase(args[i], "pubsub")) limit = &changed.output_limit_pubsub;
      if (limit == nullptr) {
        return Bad("Invalid client class specified in buffer limit configuration.");
      }
      int64_t hard = 0;
      int64_t soft = 0;
      if (!ParseMemory(args[i + 1], &hard) || !ParseMemory(args[i + 2], &soft) ||
          !ParseInt(args[i + 3], &limit->soft_seconds) || limit->soft_seconds < 0) {
        return Bad("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
      }
      limit->hard_bytes = static_cast<uint64_t>(hard);
      limit->soft_bytes = static_cast<uint64_t>(soft);
    }
    config = std::move(changed);
    return absl::OkStatus();
  };
  return directive;
}

std::vector<Directive> MakeDirectives() {
  constexpr NumberBounds kPort = {0, 65535};
  constexpr NumberBounds kFromZero = {0, kMaxInt};
  constexpr NumberBounds kFromOne = {1, kMaxInt};
  constexpr NumberBounds kMegabytes = {1 << 20, kMaxLong};
  std::vector<Directive> all = {
      YesNo("appendonly", &Config::appendonly),
      Bind(),
      Number("busy-poll-threshold", &Config::busy_poll_threshold, kFromZero),
      OutputLimits(),
      Memory("client-query-buffer-limit", &Config::client_query_buffer_limit, kMegabytes),
      YesNo("cluster-allow-pubsubshard-when-down", &Config::cluster_allow_pubsubshard_when_down),
      YesNo("cluster-allow-reads-when-down", &Config::cluster_allow_reads_when_down),
      YesNo("cluster-allow-replica-migration", &Config::cluster_allow_replica_migration),
      Number("cluster-announce-bus-port", &Config::cluster_announce_bus_port, kPort),
      Detail("cluster-announce-hostname", &Config::cluster_announce_hostname,
             &NodeDetails::hostname, NodeDetails::kMaxHostnameBytes,
             "Hostnames must be less than 256 characters",
             "Hostnames may only contain alphanumeric characters, hyphens or dots"),
      Detail("cluster-announce-human-nodename", &Config::cluster_announce_human_nodename,
             &NodeDetails::name, NodeDetails::kMaxNameBytes,
             "Announced human node name must be less than 129 characters",
             "Announced human node name contained invalid character"),
      Text("cluster-announce-ip", &Config::cluster_announce_ip),
      Number("cluster-announce-port", &Config::cluster_announce_port, kPort),
      Number("cluster-announce-tls-port", &Config::cluster_announce_tls_port, kPort),
      Number("cluster-blacklist-ttl", &Config::cluster_blacklist_ttl, kFromZero),
      Text("cluster-config-file", &Config::cluster_config_file, Change::kNever),
      YesNo("cluster-enabled", &Config::cluster_enabled, Change::kNever),
      Memory("cluster-link-sendbuf-limit", &Config::cluster_link_sendbuf_limit, {0, kMaxLong}),
      Number("cluster-manual-failover-timeout", &Config::cluster_manual_failover_timeout, kFromOne),
      Number("cluster-migration-barrier", &Config::cluster_migration_barrier, kFromZero),
      Number("cluster-node-timeout", &Config::cluster_node_timeout, {0, kMaxLong}),
      Number("cluster-ping-interval", &Config::cluster_ping_interval, kFromZero),
      Number("cluster-port", &Config::cluster_port, kPort, Change::kNever),
      YesNo("cluster-replica-no-failover", &Config::cluster_replica_no_failover, Change::kAnyTime,
            "cluster-slave-no-failover"),
      Choice("cluster-preferred-endpoint-type", &Config::cluster_preferred_endpoint_type,
             kEndpointTypes),
      Number("cluster-replica-validity-factor", &Config::cluster_replica_validity_factor, kFromZero,
             Change::kAnyTime, "cluster-slave-validity-factor"),
      YesNo("cluster-require-full-coverage", &Config::cluster_require_full_coverage),
      Choice("cluster-voting", &Config::cluster_voting, kVotings),
      YesNo("daemonize", &Config::daemonize, Change::kNever),
      DbFilename(),
      Text("dir", &Config::dir, Change::kProtected),
      EnableDebug(),
      Number("hz", &Config::hz, kFromZero),
      Text("logfile", &Config::logfile, Change::kNever),
      Choice("loglevel", &Config::loglevel, kLevels),
      Text("masterauth", &Config::masterauth),
      Text("masteruser", &Config::masteruser),
      Number("maxclients", &Config::maxclients, {1, std::numeric_limits<uint32_t>::max()}),
      Memory("maxmemory", &Config::maxmemory, {0, kMaxLong}),
      MaxMemoryClients(),
      MaxMemoryPolicy(),
      Text("metrics-bind", &Config::metrics_bind, Change::kNever),
      Number("metrics-port", &Config::metrics_port, kPort, Change::kNever),
      Number("min-replicas-max-lag", &Config::min_replicas_max_lag, kFromZero, Change::kAnyTime,
             "min-slaves-max-lag"),
      Number("min-replicas-to-write", &Config::min_replicas_to_write, kFromZero, Change::kAnyTime,
             "min-slaves-to-write"),
      Text("pidfile", &Config::pidfile, Change::kNever),
      Number("port", &Config::port, kPort, Change::kNever),
      YesNo("protected-mode", &Config::protected_mode),
      Memory("proto-max-bulk-len", &Config::proto_max_bulk_len, kMegabytes),
      BacklogSize(),
      Number("repl-backlog-ttl", &Config::repl_backlog_ttl, {0, kMaxLong}),
      Number("repl-diskless-sync-delay", &Config::repl_diskless_sync_delay, kFromZero),
      Number("repl-ping-replica-period", &Config::repl_ping_replica_period, kFromOne,
             Change::kAnyTime, "repl-ping-slave-period"),
      Number("repl-timeout", &Config::repl_timeout, kFromOne),
      Number("shutdown-timeout", &Config::shutdown_timeout, {0, kMaxInt}),
      Number("replica-priority", &Config::replica_priority, kFromZero, Change::kAnyTime,
             "slave-priority"),
      Text("requirepass", &Config::requirepass),
      Save(),
      YesNo("stop-writes-on-bgsave-error", &Config::stop_writes_on_bgsave_error),
      Number("tcp-backlog", &Config::tcp_backlog, kFromZero, Change::kNever),
      Number("tcp-keepalive", &Config::tcp_keepalive, kFromZero),
      Number("timeout", &Config::timeout, kFromZero),
  };
  std::sort(all.begin(), all.end(),
            [](const Directive& a, const Directive& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<Directive>& Directives() {
  static const auto& all = *new std::vector<Directive>(MakeDirectives());
  return all;
}

}  // namespace kv
