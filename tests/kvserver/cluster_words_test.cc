// What clients and operators read: redirections, log lines; and what directives mean.

#include <string>

#include "kvserver/cluster_options.h"
#include "kvserver/event_log.h"
#include "kvserver/redirects.h"
#include "support/catch.h"

namespace kv {
namespace {

using clusterkit::ClusterDown;
using clusterkit::Endpoint;
using clusterkit::Epoch;
using clusterkit::Event;
using clusterkit::Health;
using clusterkit::HealthChanged;
using clusterkit::NodeId;
using clusterkit::SlotId;

NodeId Id(char digit) { return *NodeId::FromHex(std::string(40, digit)); }
const std::string kOne(40, '1');
const std::string kTwo(40, '2');

TEST_CASE("refusals in Redis's words") {
  CHECK(RefusalText(clusterkit::Moved{SlotId{3999}, Id('2'), {"127.0.0.1", 6381}}) ==
        "MOVED 3999 127.0.0.1:6381");
  CHECK(RefusalText(clusterkit::Moved{SlotId{3999}, Id('2'), {"fe80::1", 6381}}) ==
        "MOVED 3999 fe80::1:6381");
  // Same host, other port.
  CHECK(RefusalText(clusterkit::Moved{SlotId{3999}, Id('2'), {"", 6380}}) == "MOVED 3999 :6380");
  CHECK(RefusalText(clusterkit::CrossSlot{}) ==
        "CROSSSLOT Keys in request don't hash to the same slot");
  CHECK(RefusalText(ClusterDown{ClusterDown::Why::kSlotUnbound, {}}) ==
        "CLUSTERDOWN Hash slot not served");
  CHECK(RefusalText(ClusterDown{ClusterDown::Why::kWritesRefused, {}}) ==
        "CLUSTERDOWN The cluster is down and only accepts read commands");
  for (const auto why :
       {ClusterDown::Why::kState, ClusterDown::Why::kLeaseLapsed, ClusterDown::Why::kDataMissing}) {
    CHECK(RefusalText(ClusterDown{why, {}}) == "CLUSTERDOWN The cluster is down");
  }
  CHECK(RefusalText(clusterkit::Serve{}).empty());
}

// As node 1 sees it: itself and node 2, of whom `two` tells.
clusterkit::ClusterView ViewWith(clusterkit::NodeView two) {
  clusterkit::NodeView one;
  one.id = Id('1');
  two.id = Id('2');
  return {
      1,
      one.id,
      {std::make_shared<clusterkit::NodeView>(one), std::make_shared<clusterkit::NodeView>(two)},
      std::make_shared<clusterkit::SlotMap>(),
      {clusterkit::ClusterState::kOk, clusterkit::DownReason::kNone, false, false,
       std::make_shared<clusterkit::ServeLease>(), std::make_shared<clusterkit::OpenSlots>()}};
}
LogLine LineOf(const Event& event, const clusterkit::NodeView& two = {}) {
  return LineFor(event, ViewWith(two));
}
std::string Line(const Event& event, const clusterkit::NodeView& two = {}) {
  return LineOf(event, two).text;
}

TEST_CASE("a log line calls a node by its id, and by what operators call it") {
  HealthChanged health;
  health.id = Id('2');
  health.to = Health::kPfail;
  clusterkit::NodeView alpha;
  alpha.details.name = "alpha";
  CHECK(Line(health, alpha) ==
        "Node " + kTwo + " (alpha) is possibly failing (no answer in time).");
  health.id = Id('3');
  CHECK(Line(health, alpha).rfind("Node " + std::string(40, '3') + " () is", 0) == 0);
}

TEST_CASE("redirections name the endpoint that is preferred") {
  clusterkit::NodeView node;
  node.id = Id('2');
  node.client = {"10.0.0.2", 7000};
  const auto text = [&node](EndpointType type) {
    const clusterkit::ClusterView view(
        1, node.id, {std::make_shared<clusterkit::NodeView>(node)},
        std::make_shared<clusterkit::SlotMap>(),
        {clusterkit::ClusterState::kOk, clusterkit::DownReason::kNone, false, false,
         std::make_shared<clusterkit::ServeLease>(), nullptr});
    clusterkit::RouteDecision decision = clusterkit::Moved{SlotId{7}, node.id, node.client};
    UsePreferredEndpoint(view, type, decision);
    return RefusalText(decision);
  };
  CHECK(text(EndpointType::kIp) == "MOVED 7 10.0.0.2:7000");
  CHECK(text(EndpointType::kHostname) == "MOVED 7 ?:7000");
  node.details.hostname = "two.example.org";
  CHECK(text(EndpointType::kIp) == "MOVED 7 10.0.0.2:7000");
  CHECK(text(EndpointType::kHostname) == "MOVED 7 two.example.org:7000");
  CHECK(text(EndpointType::kUnknown) == "MOVED 7 :7000");
}

TEST_CASE("the log tells events in the words that scripts wait for") {
  HealthChanged health;
  health.id = Id('2');
  health.to = Health::kPfail;
  CHECK(Line(health) == "Node " + kTwo + " () is possibly failing (no answer in time).");
  health.cause = HealthChanged::Cause::kCrashEvidence;
  CHECK(Line(health) == "Node " + kTwo + " () is possibly failing (it refuses connections).");
  health.from = Health::kPfail;
  health.to = Health::kFail;
  health.cause = HealthChanged::Cause::kReports;
  CHECK(Line(health) == "Marking node " + kTwo + " () as failing (quorum reached).");
  health.cause = HealthChanged::Cause::kNotice;
  health.reporters = {Id('1')};
  CHECK(Line(health) == "FAIL message received from " + kOne + " () about " + kTwo + " ()");
  health.reporters = {Id('1'), Id('2')};
  CHECK(Line(health) ==
        "FAIL message received from " + kOne + " (), " + kTwo + " () about " + kTwo + " ()");
  health.from = Health::kFail;
  health.to = Health::kOnline;
  const std::string clear = "Clear FAIL state for node " + kTwo + " (): ";
  clusterkit::NodeView two;
  CHECK(Line(health, two) == clear + "master without slots is reachable again.");
  two.slot_count = 1;
  CHECK(Line(health, two) == clear + "is reachable again and nobody is serving its slots.");
  two.slot_count = 0;
  two.role = clusterkit::Role::kReplica;
  CHECK(Line(health, two) == clear + "replica is reachable again.");
  CHECK(Line(clusterkit::SuspicionHeard{Id('1'), Id('2'), true}) ==
        "Node " + kOne + " () reported node " + kTwo + " () as not reachable.");
  CHECK(Line(clusterkit::SuspicionHeard{Id('1'), Id('2'), false}) ==
        "Node " + kOne + " () reported node " + kTwo + " () is back online.");

  CHECK(Line(clusterkit::ClusterStateChanged{clusterkit::ClusterState::kOk,
                                             clusterkit::DownReason::kNone}) ==
        "Cluster state changed: ok");
  CHECK(Line(clusterkit::ClusterStateChanged{clusterkit::ClusterState::kFail,
                                             clusterkit::DownReason::kMinority})
            .rfind("Cluster state changed: fail (", 0) == 0);
  CHECK(Line(clusterkit::ElectionScheduled{absl::Milliseconds(130), 1, {Epoch{2}, 900, true}}) ==
        "Start of election delayed for 130 milliseconds (rank #1, offset 900).");
  CHECK(Line(clusterkit::ElectionStarted{Epoch{8}, 2}) ==
        "Starting a failover election for epoch 8.");
  CHECK(Line(clusterkit::ElectionEnded{clusterkit::ElectionEnded::How::kWon, Epoch{8}, 2, 2}) ==
        "Failover election won: I'm the new master.");
  CHECK(Line(clusterkit::ElectionEnded{clusterkit::ElectionEnded::How::kTimeout, Epoch{8}, 1, 2})
            .rfind("Currently unable to failover: Failover attempt expired.", 0) == 0);
  for (const auto how :
       {clusterkit::ElectionEnded::How::kRefused, clusterkit::ElectionEnded::How::kPrimaryBack,
        clusterkit::ElectionEnded::How::kOvertaken}) {
    CHECK(Line(clusterkit::ElectionEnded{how, Epoch{8}, 1, 2}).find("expired") ==
          std::string::npos);
  }
  CHECK(Line(clusterkit::ElectionNotEligible{clusterkit::Ineligible::kDataTooOld}) ==
        "Currently unable to failover: Disconnected from master for longer than allowed. Please "
        "check the 'cluster-replica-validity-factor' configuration option.");
  CHECK(Line(clusterkit::ElectionNotEligible{clusterkit::Ineligible::kNeverSynced}) ==
        "Currently unable to failover: never synced");
  CHECK(Line(clusterkit::VoteCast{Id('2'), {}, Epoch{8}, clusterkit::VoteRefusal::kNone}) ==
        "Failover auth granted to " + kTwo + " () for epoch 8");
  CHECK(Line(clusterkit::VoteCast{Id('2'), {}, Epoch{8}, clusterkit::VoteRefusal::kAbstaining})
            .rfind("Failover auth denied to " + kTwo + " () for epoch 8: ", 0) == 0);

  clusterkit::RoleChanged role;
  role.cause = clusterkit::RoleChanged::Cause::kElected;
  role.id = Id('1');
  role.config_epoch = Epoch{8};
  CHECK(Line(role) == "configEpoch set to 8 after successful failover");
  role.cause = clusterkit::RoleChanged::Cause::kReplaced;
  role.to = clusterkit::Role::kReplica;
  role.primary = Id('2');
  CHECK(Line(role) ==
        "Configuration change detected. Reconfiguring myself as a replica of " + kTwo + " ()");
}

TEST_CASE("a planned failover is told in Redis's words at both ends") {
  using clusterkit::FailoverProgress;
  CHECK(Line(FailoverProgress{FailoverProgress::Step::kStarted, {}}) ==
        "Manual failover user request accepted.");
  CHECK(Line(FailoverProgress{FailoverProgress::Step::kPaused,
                              clusterkit::Progress{Epoch{2}, 900, true}}) ==
        "Received replication offset for paused master manual failover: 900");
  CHECK(Line(FailoverProgress{FailoverProgress::Step::kCaughtUp, {}}) ==
        "All master replication stream processed, manual failover can start.");
  CHECK(Line(FailoverProgress{FailoverProgress::Step::kTimedOut, {}}) ==
        "Manual failover timed out.");
  CHECK(Line(clusterkit::WritePauseChanged{7, Id('2'), absl::Seconds(1)}) ==
        "Manual failover requested by replica " + kTwo + " ().");
}

TEST_CASE("a new address is told") {
  clusterkit::AddressChanged address;
  address.id = Id('2');
  address.client = {"10.0.0.2", 7000};
  CHECK(Line(address) == "Address updated for node " + kTwo + " (), now 10.0.0.2:7000");
  address.id = Id('1');
  CHECK(Line(address) == "IP address for this node updated to 10.0.0.2");
}

TEST_CASE("what is fatal or needs an operator is a warning") {
  CHECK(LineOf(clusterkit::Halted{absl::UnavailableError("disk full")}).level ==
        LogLevel::kWarning);
  CHECK(LineOf(clusterkit::PeerRefused{}).level == LogLevel::kWarning);
  CHECK(LineOf(clusterkit::SuspicionHeard{}).level == LogLevel::kVerbose);
}

TEST_CASE("the bus listens at the only bind address, and announces it") {
  Config config;
  config.port = 7000;
  config.bind = {"10.0.0.1"};
  CHECK(OptionsFor(config).bus == Endpoint{"10.0.0.1", 17000});
  CHECK(OptionsFor(config).client == Endpoint{"10.0.0.1", 7000});
  CHECK(BusListenAddress(config) == Endpoint{"10.0.0.1", 17000});
  // As in Debian's redis.conf: an address that may be absent does not count.
  config.bind = {"127.0.0.1", "-::1"};
  CHECK(BusListenAddress(config) == Endpoint{"127.0.0.1", 17000});
}

TEST_CASE("without one bind address the node learns its own from its peers") {
  Config config;
  config.port = 7000;
  for (const auto& bind : {std::vector<std::string>{"*", "-::*"},
                           {"0.0.0.0"},
                           {"10.0.0.1", "10.0.0.2"},
                           std::vector<std::string>{}}) {
    config.bind = bind;
    CHECK(OptionsFor(config).bus == Endpoint{"", 17000});
    CHECK(BusListenAddress(config) == Endpoint{"", 17000});
  }
}

TEST_CASE("what is announced is not where the bus listens") {
  Config config;
  config.port = 7000;
  config.bind = {"10.0.0.1"};
  config.cluster_port = 9000;
  CHECK(OptionsFor(config).bus == Endpoint{"10.0.0.1", 9000});
  config.cluster_announce_ip = "192.0.2.1";
  config.cluster_announce_port = 80;
  config.cluster_announce_bus_port = 81;
  CHECK(OptionsFor(config).bus == Endpoint{"192.0.2.1", 81});
  CHECK(OptionsFor(config).client == Endpoint{"192.0.2.1", 80});
  CHECK(BusListenAddress(config) == Endpoint{"10.0.0.1", 9000});
}

TEST_CASE("what the cluster may do by itself is configured") {
  Config config;
  CHECK(OptionsFor(config).allow_replica_migration);
  CHECK(OptionsFor(config).manual_failover_timeout == absl::Seconds(5));
  CHECK(OptionsFor(config).forget_ban == absl::Seconds(60));
  config.cluster_allow_replica_migration = false;
  config.cluster_manual_failover_timeout = 1500;
  config.cluster_blacklist_ttl = 7;
  CHECK_FALSE(OptionsFor(config).allow_replica_migration);
  CHECK(OptionsFor(config).manual_failover_timeout == absl::Milliseconds(1500));
  CHECK(OptionsFor(config).forget_ban == absl::Seconds(7));
}

TEST_CASE("cluster directives become options that are valid") {
  Config config;
  config.cluster_node_timeout = 1500;
  config.cluster_require_full_coverage = false;
  config.cluster_replica_validity_factor = 3;
  config.cluster_replica_no_failover = true;
  config.cluster_allow_reads_when_down = true;
  config.cluster_link_sendbuf_limit = 1;  // Less than a frame would cut every link.
  const clusterkit::Options options = OptionsFor(config);
  CHECK(options.node_timeout == absl::Milliseconds(1500));
  CHECK_FALSE(options.require_full_coverage);
  CHECK(options.replica_validity_factor == 3);
  CHECK(options.no_failover);
  CHECK(options.allow_reads_when_down);
  CHECK(options.Validate().ok());
  config.cluster_node_timeout = 0;
  CHECK(OptionsFor(config).Validate().ok());
}

TEST_CASE("a ping interval is one within its bounds, and its usual value is none") {
  Config config;
  config.cluster_node_timeout = 2000;
  CHECK_FALSE(OptionsFor(config).ping_interval.has_value());
  for (const auto& [value, expected] :
       {std::pair{0, 1}, std::pair{300, 300}, std::pair{5000, 1000}}) {
    config.cluster_ping_interval = value;
    CHECK(OptionsFor(config).ping_interval == absl::Milliseconds(expected));
    CHECK(OptionsFor(config).Validate().ok());
  }
  config.cluster_node_timeout = 1;
  CHECK(OptionsFor(config).Validate().ok());
}

TEST_CASE("the priority of a replica is taken, and cut to what the library knows") {
  Config config;
  CHECK(OptionsFor(config).replica_priority == clusterkit::kUsualReplicaPriority);
  config.replica_priority = 2000000000;
  CHECK(OptionsFor(config).replica_priority == clusterkit::kLowestReplicaPriority);
  CHECK(OptionsFor(config).Validate().ok());
}

}  // namespace
}  // namespace kv
