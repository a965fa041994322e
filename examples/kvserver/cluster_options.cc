#include "kvserver/cluster_options.h"

#include <algorithm>
#include <string>

#include "absl/time/time.h"

namespace kv {
namespace {

const int64_t kUsualPingIntervalMs = Config().cluster_ping_interval;

bool IsWildcard(const std::string& address) {
  return address.empty() || address == "*" || address == "::*" || address == "0.0.0.0" ||
         address == "::";
}

// The address to bind to, if there is but one. Those with a dash may be absent, so they do not
// count; with several, the bus listens everywhere.
std::string OnlyBindAddress(const Config& config) {
  std::string only;
  for (const std::string& word : config.bind) {
    if (word.rfind('-', 0) == 0) continue;
    if (IsWildcard(word) || !only.empty()) return {};
    only = word == "localhost" ? "127.0.0.1" : word;
  }
  return only;
}

uint16_t BusPort(const Config& config) {
  return static_cast<uint16_t>(config.cluster_port != 0 ? config.cluster_port
                                                        : config.port + kBusPortOffset);
}

}  // namespace

clusterkit::Options OptionsFor(const Config& config) {
  clusterkit::Options options;
  const std::string host =
      config.cluster_announce_ip.empty() ? OnlyBindAddress(config) : config.cluster_announce_ip;
  const int64_t port =
      config.cluster_announce_port != 0 ? config.cluster_announce_port : config.port;
  options.client = {host, static_cast<uint16_t>(port)};
  options.bus = {host, config.cluster_announce_bus_port != 0
                           ? static_cast<uint16_t>(config.cluster_announce_bus_port)
                           : BusPort(config)};
  options.details = {config.cluster_announce_hostname, config.cluster_announce_human_nodename, {}};
  options.node_timeout = absl::Milliseconds(std::max<int64_t>(config.cluster_node_timeout, 1));
  // The usual value of Redis paces something else, and is not worth a ping a second to everybody.
  if (config.cluster_ping_interval != kUsualPingIntervalMs) {
    options.ping_interval =
        std::clamp(absl::Milliseconds(config.cluster_ping_interval), absl::Milliseconds(1),
                   std::max(options.PingInterval(), absl::Milliseconds(1)));
  }
  options.voting = config.cluster_voting;
  options.replica_priority = static_cast<int>(
      std::min<int64_t>(config.replica_priority, clusterkit::kLowestReplicaPriority));
  options.replica_validity_factor = static_cast<int>(config.cluster_replica_validity_factor);
  options.no_failover = config.cluster_replica_no_failover;
  options.allow_replica_migration = config.cluster_allow_replica_migration;
  options.migration_barrier = static_cast<int>(config.cluster_migration_barrier);
  options.require_full_coverage = config.cluster_require_full_coverage;
  options.allow_reads_when_down = config.cluster_allow_reads_when_down;
  options.manual_failover_timeout = absl::Milliseconds(config.cluster_manual_failover_timeout);
  options.forget_ban = absl::Seconds(config.cluster_blacklist_ttl);
  // 0 is "no limit" in Redis; a peer must not make us hold without bound, so the default stays.
  if (config.cluster_link_sendbuf_limit > 0) {
    options.max_link_queue_bytes =
        std::max(static_cast<size_t>(config.cluster_link_sendbuf_limit), options.max_frame_bytes);
  }
  return options;
}

clusterkit::Endpoint BusListenAddress(const Config& config) {
  return {OnlyBindAddress(config), BusPort(config)};
}

}  // namespace kv
