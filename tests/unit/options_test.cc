#include "clusterkit/options.h"

#include <functional>
#include <string>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

Options Valid() {
  Options options;
  options.bus = {"", 17000};
  options.client = {"10.0.0.1", 7000};
  return options;
}

TEST_CASE("the defaults are valid once the ports are set") {
  REQUIRE(Valid().Validate().ok());
  REQUIRE_FALSE(Options().Validate().ok());
}

TEST_CASE("the presets differ in node_timeout only") {
  REQUIRE(Options::Lan().node_timeout == absl::Seconds(15));
  REQUIRE(Options::Wan().node_timeout == absl::Seconds(30));
  REQUIRE(Options::Loopback().node_timeout == absl::Seconds(1));
  REQUIRE(Options::Loopback().max_nodes == Options().max_nodes);
}

TEST_CASE("each value out of range is refused with its field, value and range") {
  struct Case {
    std::string field, value;
    std::function<void(Options&)> spoil;
  };
  const std::vector<Case> cases = {
      {"cluster_name", "65 bytes", [](Options& o) { o.cluster_name = std::string(65, 'c'); }},
      {"bus.port", "0", [](Options& o) { o.bus.port = 0; }},
      {"client.port", "0", [](Options& o) { o.client.port = 0; }},
      {"bus.host", "256 bytes", [](Options& o) { o.bus.host = std::string(256, 'h'); }},
      {"client.host", "character", [](Options& o) { o.client.host = "a b"; }},
      {"client.host", "character", [](Options& o) { o.client.host = "a@b"; }},
      {"node_timeout", "999us", [](Options& o) { o.node_timeout = absl::Microseconds(999); }},
      {"node_timeout", "inf", [](Options& o) { o.node_timeout = absl::InfiniteDuration(); }},
      {"ping_interval", "999us", [](Options& o) { o.ping_interval = absl::Microseconds(999); }},
      {"ping_interval", "8s", [](Options& o) { o.ping_interval = absl::Seconds(8); }},
      {"migration_barrier", "-1", [](Options& o) { o.migration_barrier = -1; }},
      {"replica_priority", "-1", [](Options& o) { o.replica_priority = -1; }},
      {"replica_priority", "1000001", [](Options& o) { o.replica_priority = 1000001; }},
      {"manual_failover_timeout", "0",
       [](Options& o) { o.manual_failover_timeout = absl::ZeroDuration(); }},
      {"crash_evidence_grace", "-1s",
       [](Options& o) { o.crash_evidence_grace = absl::Seconds(-1); }},
      {"host_stall_timeout", "-1s", [](Options& o) { o.host_stall_timeout = absl::Seconds(-1); }},
      {"replica_validity_factor", "-1", [](Options& o) { o.replica_validity_factor = -1; }},
      {"replica_validity_base", "-1s",
       [](Options& o) { o.replica_validity_base = absl::Seconds(-1); }},
      {"max_nodes", "2", [](Options& o) { o.max_nodes = 2; }},
      {"max_nodes", "65536", [](Options& o) { o.max_nodes = 65536; }},
      {"max_frame_bytes", "65535", [](Options& o) { o.max_frame_bytes = 65535; }},
      {"max_frame_bytes", "4294967296",
       [](Options& o) { o.max_frame_bytes = o.max_link_queue_bytes = size_t{1} << 32; }},
      {"max_link_queue_bytes", "1048575",
       [](Options& o) { o.max_link_queue_bytes = (size_t{1} << 20) - 1; }},
      {"max_anonymous_links", "0", [](Options& o) { o.max_anonymous_links = 0; }},
      {"max_gossip_entries", "0", [](Options& o) { o.max_gossip_entries = 0; }},
      {"forget_ban", "-1s", [](Options& o) { o.forget_ban = absl::Seconds(-1); }},
  };
  for (const Case& c : cases) {
    Options options = Valid();
    c.spoil(options);
    const absl::Status status = options.Validate();
    const std::string message(status.message());
    INFO(c.field << ": " << message);
    REQUIRE(status.code() == absl::StatusCode::kInvalidArgument);
    REQUIRE(message.rfind(c.field + ": ", 0) == 0);
    REQUIRE(message.find(c.value) != std::string::npos);
    REQUIRE(message.find("must be ") != std::string::npos);
  }
}

TEST_CASE("each value at the edge of its range is accepted") {
  const std::vector<std::function<void(Options&)>> edges = {
      [](Options& o) { o.cluster_name = std::string(64, 'c'); },
      [](Options& o) { o.bus.host = std::string(255, 'h'); },
      [](Options& o) { o.bus.host = "fe80::1%eth0"; },
      [](Options& o) { o.node_timeout = absl::Milliseconds(1); },
      [](Options& o) { o.ping_interval = absl::Milliseconds(1); },
      [](Options& o) { o.ping_interval = o.node_timeout / 2; },
      [](Options& o) { o.replica_priority = 0; },
      [](Options& o) { o.host_stall_timeout = absl::ZeroDuration(); },
      [](Options& o) { o.replica_validity_factor = 0; },
      [](Options& o) { o.max_nodes = 3; },
      [](Options& o) { o.max_nodes = 65535; },
      [](Options& o) { o.max_frame_bytes = 65536; },
      [](Options& o) { o.max_link_queue_bytes = o.max_frame_bytes; },
      [](Options& o) { o.forget_ban = absl::ZeroDuration(); },
  };
  for (const auto& edge : edges) {
    Options options = Valid();
    edge(options);
    INFO(options.Validate().message());
    REQUIRE(options.Validate().ok());
  }
}

TEST_CASE("derived lengths follow node_timeout within their bounds") {
  Options options;
  options.node_timeout = absl::Seconds(3);
  REQUIRE(options.PingInterval() == absl::Milliseconds(1500));
  REQUIRE(options.ReportValidity() == absl::Seconds(6));
  REQUIRE(options.RoundLength() == absl::Milliseconds(750));
  REQUIRE(options.RankUnit() == absl::Milliseconds(100));
  REQUIRE(options.ServeLease() == absl::Milliseconds(2400));
  REQUIRE(options.RejoinDelay() == absl::Seconds(3));
  REQUIRE(options.HandshakeTimeout() == absl::Seconds(3));
  REQUIRE(options.HostStallTimeout() == absl::Seconds(9));
}

TEST_CASE("a set ping interval replaces the default") {
  Options options;
  options.ping_interval = absl::Milliseconds(100);
  REQUIRE(options.PingInterval() == absl::Milliseconds(100));
}

TEST_CASE("no length derived from the shortest node_timeout is zero") {
  Options options;
  options.node_timeout = absl::Milliseconds(1);
  for (const absl::Duration length :
       {options.PingInterval(), options.ReportValidity(), options.ServeLease(),
        options.RejoinDelay(), options.HostStallTimeout()}) {
    REQUIRE(length > absl::ZeroDuration());
  }
}

TEST_CASE("a short node_timeout meets the lower bounds") {
  Options options;
  options.node_timeout = absl::Milliseconds(100);
  REQUIRE(options.RoundLength() == absl::Milliseconds(250));
  REQUIRE(options.RankUnit() == absl::Milliseconds(20));
  REQUIRE(options.RejoinDelay() == absl::Milliseconds(500));
  REQUIRE(options.HandshakeTimeout() == absl::Seconds(1));
}

TEST_CASE("a long node_timeout meets the upper bounds") {
  Options options;
  options.node_timeout = absl::Minutes(5);
  REQUIRE(options.RoundLength() == kLongestRound);
  REQUIRE(options.RankUnit() == absl::Milliseconds(500));
  REQUIRE(options.RejoinDelay() == absl::Seconds(5));
  REQUIRE(options.HandshakeTimeout() == absl::Minutes(5));
}

TEST_CASE("a set host stall timeout replaces the default, zero included") {
  Options options;
  options.host_stall_timeout = absl::Seconds(7);
  REQUIRE(options.HostStallTimeout() == absl::Seconds(7));
  options.host_stall_timeout = absl::ZeroDuration();
  REQUIRE(options.HostStallTimeout() == absl::ZeroDuration());
}

}  // namespace
}  // namespace clusterkit
