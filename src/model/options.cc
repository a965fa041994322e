#include "clusterkit/options.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace clusterkit {
namespace {

constexpr size_t kMaxClusterNameBytes = 64;
constexpr size_t kMaxHostBytes = 255;
constexpr size_t kMinFrameBytes = size_t{64} << 10;
constexpr size_t kMinNodes = 3;
constexpr size_t kMaxNodes = 65535;
// What the four-byte length of a frame can say.
constexpr uint64_t kLongestFrame = std::numeric_limits<uint32_t>::max();

absl::Status Bad(std::string_view field, absl::string_view value, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(Av(field), ": ", value, ", must be ", allowed));
}

absl::Status CheckDuration(std::string_view field, absl::Duration value, absl::Duration least) {
  if (value >= least && value < absl::InfiniteDuration()) return absl::OkStatus();
  return Bad(field, absl::FormatDuration(value),
             absl::StrCat("at least ", absl::FormatDuration(least), " and finite"));
}

absl::Status CheckSize(std::string_view field, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return Bad(field, absl::StrCat(value), absl::StrCat(least, " to ", most));
}

absl::Status CheckEndpoint(std::string_view field, const Endpoint& endpoint) {
  if (endpoint.port == 0) return Bad(absl::StrCat(Av(field), ".port"), "0", "1 to 65535");
  const std::string host = absl::StrCat(Av(field), ".host");
  if (endpoint.host.size() > kMaxHostBytes) {
    return Bad(host, absl::StrCat(endpoint.host.size(), " bytes"),
               absl::StrCat("at most ", kMaxHostBytes, " bytes"));
  }
  // Other characters would be taken apart when the state file is read again.
  const auto legible = [](char c) {
    return c > ' ' && c < 0x7f && c != ',' && c != '@' && c != '=';
  };
  if (!std::all_of(endpoint.host.begin(), endpoint.host.end(), legible)) {
    return Bad(host, "has a character that is not allowed",
               "printable ASCII without spaces, ',', '@' and '='");
  }
  return absl::OkStatus();
}

}  // namespace

Options Options::Lan() { return Options(); }

Options Options::Wan() {
  Options options;
  options.node_timeout = absl::Seconds(30);
  return options;
}

Options Options::Loopback() {
  Options options;
  options.node_timeout = absl::Seconds(1);
  return options;
}

absl::Status Options::Validate() const {
  constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
  if (cluster_name.size() > kMaxClusterNameBytes) {
    return Bad("cluster_name", absl::StrCat(cluster_name.size(), " bytes"),
               absl::StrCat("at most ", kMaxClusterNameBytes, " bytes"));
  }
  CLUSTERKIT_RETURN_IF_ERROR(CheckEndpoint("bus", bus));
  CLUSTERKIT_RETURN_IF_ERROR(CheckEndpoint("client", client));
  CLUSTERKIT_RETURN_IF_ERROR(details.Validate());
  CLUSTERKIT_RETURN_IF_ERROR(CheckDuration("node_timeout", node_timeout, absl::Milliseconds(1)));
  const absl::Duration least = absl::Milliseconds(1), most = std::max(node_timeout / 2, least);
  if (ping_interval && (*ping_interval < least || *ping_interval > most)) {
    return Bad("ping_interval", absl::FormatDuration(*ping_interval),
               absl::StrCat("1ms to node_timeout/2 (", absl::FormatDuration(most), ")"));
  }
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckDuration("crash_evidence_grace", crash_evidence_grace, absl::ZeroDuration()));
  if (host_stall_timeout) {
    CLUSTERKIT_RETURN_IF_ERROR(
        CheckDuration("host_stall_timeout", *host_stall_timeout, absl::ZeroDuration()));
  }
  if (replica_validity_factor < 0) {
    return Bad("replica_validity_factor", absl::StrCat(replica_validity_factor), "at least 0");
  }
  if (migration_barrier < 0) {
    return Bad("migration_barrier", absl::StrCat(migration_barrier), "at least 0");
  }
  if (replica_priority < 0 || replica_priority > kLowestReplicaPriority) {
    return Bad("replica_priority", absl::StrCat(replica_priority),
               absl::StrCat("0 to ", kLowestReplicaPriority));
  }
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckDuration("replica_validity_base", replica_validity_base, absl::ZeroDuration()));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckDuration("manual_failover_timeout", manual_failover_timeout, absl::Milliseconds(1)));
  CLUSTERKIT_RETURN_IF_ERROR(CheckSize("max_nodes", max_nodes, kMinNodes, kMaxNodes));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckSize("max_frame_bytes", max_frame_bytes, kMinFrameBytes, kLongestFrame));
  if (max_link_queue_bytes < max_frame_bytes) {
    return Bad("max_link_queue_bytes", absl::StrCat(max_link_queue_bytes),
               absl::StrCat("at least max_frame_bytes (", max_frame_bytes, ")"));
  }
  CLUSTERKIT_RETURN_IF_ERROR(CheckSize("max_anonymous_links", max_anonymous_links, 1, kAny));
  CLUSTERKIT_RETURN_IF_ERROR(CheckSize("max_gossip_entries", max_gossip_entries, 1, 4096));
  return CheckDuration("forget_ban", forget_ban, absl::ZeroDuration());
}

absl::Duration Options::PingInterval() const { return ping_interval.value_or(node_timeout / 2); }

absl::Duration Options::ReportValidity() const { return node_timeout * 2; }

absl::Duration Options::RoundLength() const {
  return std::clamp(node_timeout / 4, absl::Milliseconds(250), kLongestRound);
}

absl::Duration Options::RankUnit() const {
  return std::clamp(node_timeout / 30, absl::Milliseconds(20), absl::Milliseconds(500));
}

absl::Duration Options::ServeLease() const { return node_timeout * 4 / 5; }

absl::Duration Options::RejoinDelay() const {
  return std::clamp(node_timeout, absl::Milliseconds(500), absl::Seconds(5));
}

absl::Duration Options::HandshakeTimeout() const {
  return std::max(node_timeout, absl::Seconds(1));
}

absl::Duration Options::HostStallTimeout() const {
  return host_stall_timeout.value_or(node_timeout * 3);
}

}  // namespace clusterkit
