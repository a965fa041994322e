// CLUSTER NODES, REPLICAS, INFO, SLOTS and SHARDS as functions of what the node knows.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/cluster_report.h"
#include "support/catch.h"

namespace kv {
namespace {

using clusterkit::Epoch;
using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::NodeStatus;
using clusterkit::NodeView;
using clusterkit::Role;
using clusterkit::SlotId;
using clusterkit::SlotSet;

constexpr int64_t kNow = 1'795'000'000'000;

// "aaa...a" for 'a': names that are easy to read in the expected text.
std::string Hex(char digit) { return std::string(40, digit); }
NodeId Id(char digit) { return *NodeId::FromHex(Hex(digit)); }

struct Slots {
  uint16_t first, last;
};

// Builds a report node by node; the first one is the node itself.
class Builder {
 public:
  NodeStatus& Primary(char name, uint64_t epoch, std::vector<Slots> slots) {
    NodeStatus node = Node(name);
    node.view.config_epoch = node.shown_epoch = Epoch{epoch};
    SlotSet set;
    for (const Slots& range : slots) set.Add({SlotId{range.first}, SlotId{range.last}});
    node.view.slot_count = set.Count();
    node.progress.synced = true;
    map_.Bind(set, node.view.id);
    return Add(std::move(node));
  }
  NodeStatus& Replica(char name, char of, uint64_t epoch) {
    NodeStatus node = Node(name);
    node.view.role = Role::kReplica;
    node.view.primary = Id(of);
    node.shown_epoch = Epoch{epoch};
    node.progress = {Epoch{0}, 100, true};
    return Add(std::move(node));
  }

  ClusterReport Build(clusterkit::ClusterState state = clusterkit::ClusterState::kOk) const {
    ClusterReport report;
    clusterkit::ClusterView::Nodes nodes;
    for (const auto& node : nodes_) {
      report.status.nodes.push_back(*node);
      if (!node->handshake) nodes.push_back(std::make_shared<NodeView>(node->view));
    }
    report.status.current_epoch = Epoch{9};
    report.status.my_epoch = nodes_.front()->shown_epoch;
    report.view = std::make_shared<clusterkit::ClusterView>(
        1, nodes_.front()->view.id, std::move(nodes), std::make_shared<clusterkit::SlotMap>(map_),
        clusterkit::OwnSituation{state, clusterkit::DownReason::kNone, false, false,
                                 std::make_shared<clusterkit::ServeLease>(), nullptr});
    return report;
  }

 private:
  NodeStatus Node(char name) {
    NodeStatus node;
    const auto port = static_cast<uint16_t>(7001 + nodes_.size());
    node.self = nodes_.empty();
    node.view.id = Id(name);
    node.view.client = {"127.0.0.1", port};
    node.view.bus = {"127.0.0.1", static_cast<uint16_t>(port + 10000)};
    node.view.linked = true;
    if (!node.self) node.pong_age = absl::Milliseconds(250);
    return node;
  }
  NodeStatus& Add(NodeStatus node) {
    nodes_.push_back(std::make_unique<NodeStatus>(std::move(node)));
    return *nodes_.back();
  }

  std::vector<std::unique_ptr<NodeStatus>> nodes_;
  clusterkit::SlotMap map_;
};

std::string Resp2(void (*write)(const ClusterReport&, ReplyWriter&), const ClusterReport& report) {
  std::string out;
  ReplyWriter reply(&out, Protocol::kResp2);
  write(report, reply);
  for (size_t at; (at = out.find("\r\n")) != std::string::npos;) out.replace(at, 2, " ");
  return out;
}

TEST_CASE("CLUSTER NODES has one line per node, ages become times of day") {
  Builder builder;
  builder.Primary('1', 7, {{0, 5460}, {7000, 7000}});
  builder.Replica('2', '1', 7);
  NodeStatus& failed = builder.Primary('3', 2, {{5461, 6999}});
  failed.view.health = Health::kFail;
  failed.view.linked = false;
  failed.ping_age = absl::Milliseconds(1800);
  NodeStatus& suspect = builder.Replica('4', '3', 2);
  suspect.view.health = Health::kPfail;
  suspect.view.no_failover = true;

  CHECK(NodesText(builder.Build(), kNow) ==
        absl::StrCat(Hex('1'),
                     " 127.0.0.1:7001@17001 myself,master - 0 0 7 connected 0-5460 7000\n",  //
                     Hex('2'), " 127.0.0.1:7002@17002 slave ", Hex('1'),
                     " 0 1794999999750 7 connected\n", Hex('3'),
                     " 127.0.0.1:7003@17003 master,fail - 1794999998200 1794999999750 2 "
                     "disconnected 5461-6999\n",
                     Hex('4'), " 127.0.0.1:7004@17004 slave,fail?,nofailover ", Hex('3'),
                     " 0 1794999999750 2 connected\n"));
}

TEST_CASE("CLUSTER NODES shows addresses that are not known, and handshakes") {
  Builder builder;
  builder.Primary('1', 0, {}).view.client.host.clear();
  NodeStatus& lost = builder.Primary('2', 3, {});
  lost.view.client.host.clear();
  NodeStatus& meeting = builder.Primary('3', 0, {});
  meeting.handshake = true;
  meeting.pong_age.reset();
  meeting.view.linked = false;

  CHECK(NodesText(builder.Build(), kNow) ==
        absl::StrCat(Hex('1'), " :7001@17001 myself,master - 0 0 0 connected\n",  //
                     Hex('2'), " :0@0 master,noaddr - 0 1794999999750 3 connected\n", Hex('3'),
                     " 127.0.0.1:7003@17003 handshake - 0 0 0 disconnected\n"));
}

TEST_CASE("CLUSTER REPLICAS lists the replicas of one primary, without line ends") {
  Builder builder;
  builder.Primary('1', 1, {{0, 10}});
  builder.Replica('2', '1', 1);
  builder.Primary('3', 2, {{11, 20}});
  builder.Replica('4', '3', 2);

  const std::vector<std::string> lines = ReplicaLines(builder.Build(), Id('3'), kNow);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == absl::StrCat(Hex('4'), " 127.0.0.1:7004@17004 slave ", Hex('3'),
                                 " 0 1794999999750 2 connected"));
  CHECK(ReplicaLines(builder.Build(), Id('9'), kNow).empty());
}

TEST_CASE("CLUSTER INFO counts slots by the health of their owners") {
  Builder builder;
  builder.Primary('1', 1, {{0, 99}});
  builder.Primary('2', 2, {{100, 149}}).view.health = Health::kPfail;
  builder.Primary('3', 3, {{150, 159}}).view.health = Health::kFail;
  builder.Replica('4', '1', 1);
  ClusterReport report = builder.Build(clusterkit::ClusterState::kFail);
  report.metrics.sent[static_cast<size_t>(clusterkit::MessageKind::kPing)].frames = 5;
  report.metrics.sent[static_cast<size_t>(clusterkit::MessageKind::kFail)].frames = 1;

  CHECK(ClusterInfoText(report) ==
        "cluster_state:fail\r\ncluster_slots_assigned:160\r\ncluster_slots_ok:100\r\n"
        "cluster_slots_pfail:50\r\ncluster_slots_fail:10\r\ncluster_known_nodes:4\r\n"
        "cluster_size:3\r\ncluster_current_epoch:9\r\ncluster_my_epoch:1\r\n"
        "cluster_stats_messages_ping_sent:5\r\ncluster_stats_messages_fail_sent:1\r\n"
        "cluster_stats_messages_sent:6\r\ncluster_stats_messages_received:0\r\n"
        "total_cluster_links_buffer_limit_exceeded:0\r\ncluster_stats_elections_won:0\r\n"
        "cluster_stats_elections_lost:0\r\ncluster_stats_votes_granted:0\r\n"
        "cluster_stats_votes_refused:0\r\n");
}

TEST_CASE("CLUSTER LINKS has a map for each link, and INFO counts those that overflowed") {
  Builder builder;
  builder.Primary('1', 1, {});
  ClusterReport report = builder.Build();
  report.status.links = {{{}, Id('2'), true, absl::Milliseconds(250), 0},
                         {{}, Id('2'), false, absl::Seconds(1), 40}};
  report.metrics.links_ended[clusterkit::LinkDownCause::kOverflow] = 3;
  std::string out;
  ReplyWriter reply(&out, Protocol::kResp2);
  WriteLinks(report, kNow, reply);
  for (size_t at; (at = out.find("\r\n")) != std::string::npos;) out.replace(at, 2, " ");
  const std::string node = "$4 node $40 " + Hex('2') + " $11 create-time :";
  CHECK(out == "*2 *12 $9 direction $2 to " + node +
                   "1794999999750 $6 events $1 r $21 send-buffer-allocated :0 $16 "
                   "send-buffer-used :0 *12 $9 direction $4 from " +
                   node +
                   "1794999999000 $6 events $2 rw $21 send-buffer-allocated :40 $16 "
                   "send-buffer-used :40 ");
  CHECK(ClusterInfoText(report).find("total_cluster_links_buffer_limit_exceeded:3\r\n") !=
        std::string::npos);
}

std::string SlotsNode(char name, int port) {
  return absl::StrCat("*4 $9 127.0.0.1 :", port, " $40 ", Hex(name), " *0 ");
}

TEST_CASE("CLUSTER SLOTS lists each run of slots with its primary and usable replicas") {
  Builder builder;
  builder.Primary('1', 1, {{0, 5}, {10, 15}});
  builder.Primary('2', 2, {{6, 9}}).view.health = Health::kFail;
  builder.Replica('3', '1', 1);
  builder.Replica('4', '1', 1).view.health = Health::kFail;
  builder.Replica('5', '1', 1).progress = {};        // Has not finished its first synchronisation.
  builder.Replica('6', '2', 2).progress.offset = 0;  // Empty, but complete.

  const std::string first = SlotsNode('1', 7001) + SlotsNode('3', 7003);
  CHECK(Resp2(WriteSlots, builder.Build()) == absl::StrCat("*3 *4 :0 :5 ", first,  //
                                                           "*4 :6 :9 ", SlotsNode('2', 7002),
                                                           SlotsNode('6', 7006),  //
                                                           "*4 :10 :15 ", first));
}

TEST_CASE("CLUSTER NODES, SLOTS and SHARDS show hostnames, and prefer what they are told to") {
  Builder builder;
  builder.Primary('1', 1, {{0, 5}}).view.details.hostname = "one.example";
  builder.Replica('2', '1', 1);
  ClusterReport report = builder.Build();
  CHECK(NodesText(report, kNow).find(" 127.0.0.1:7001@17001,one.example myself") !=
        std::string::npos);
  const auto slots = [&](EndpointType type) {
    report.endpoint_type = type;
    return Resp2(WriteSlots, report);
  };
  const std::string head = "*1 *4 :0 :5 *4 ", one = " :7001 $40 " + Hex('1') + " ",
                    two = " :7002 $40 " + Hex('2') + " ", ip = "$2 ip $9 127.0.0.1 ";
  CHECK(slots(EndpointType::kIp) == head + "$9 127.0.0.1" + one +
                                        "*2 $8 hostname $11 one.example *4 $9 127.0.0.1" + two +
                                        "*0 ");
  CHECK(slots(EndpointType::kHostname) ==
        head + "$11 one.example" + one + "*2 " + ip + "*4 $1 ?" + two + "*2 " + ip);
  CHECK(slots(EndpointType::kUnknown) ==
        head + "$-1" + one + "*4 " + ip + "$8 hostname $11 one.example *4 $-1" + two + "*2 " + ip);
  const std::string shards = Resp2(WriteShards, report);
  CHECK(shards.find("*16 $2 id $40 " + Hex('1') +
                    " $4 port :7001 $2 ip $9 127.0.0.1 $8 endpoint $-1 $8 hostname $11 "
                    "one.example $4 role ") != std::string::npos);
  CHECK(shards.find("*14 $2 id $40 " + Hex('2')) != std::string::npos);
}

TEST_CASE("CLUSTER SLOTS of a node that knows no slots is an empty array") {
  Builder builder;
  builder.Primary('1', 0, {});
  CHECK(Resp2(WriteSlots, builder.Build()) == "*0 ");
}

std::string ShardsNode(char name, int port, const std::string& role, const std::string& health,
                       int offset) {
  return absl::StrCat("*14 $2 id $40 ", Hex(name), " $4 port :", port,
                      " $2 ip $9 127.0.0.1 $8 endpoint $9 127.0.0.1 $4 role $", role.size(), " ",
                      role, " $18 replication-offset :", offset, " $6 health $", health.size(), " ",
                      health, " ");
}

TEST_CASE("CLUSTER SHARDS groups by primary; a failed one that was replaced stands alone") {
  Builder builder;
  builder.Primary('1', 5, {{0, 5}, {10, 15}});
  builder.Primary('2', 1, {}).view.health = Health::kFail;
  builder.Replica('3', '1', 5);
  builder.Replica('4', '1', 5).progress = {};

  CHECK(Resp2(WriteShards, builder.Build()) ==
        absl::StrCat("*2 *4 $5 slots *4 :0 :5 :10 :15 $5 nodes *3 ",
                     ShardsNode('1', 7001, "master", "online", 0),
                     ShardsNode('3', 7003, "replica", "online", 100),
                     ShardsNode('4', 7004, "replica", "loading", 0), "*4 $5 slots *0 $5 nodes *1 ",
                     ShardsNode('2', 7002, "master", "fail", 0)));
}

TEST_CASE("CLUSTER SLOTS and SHARDS in RESP3 use maps") {
  Builder builder;
  builder.Primary('1', 1, {{0, 5}});
  std::string out;
  ReplyWriter reply(&out, Protocol::kResp3);
  WriteSlots(builder.Build(), reply);
  CHECK(out.substr(out.size() - 4) == "%0\r\n");
  out.clear();
  WriteShards(builder.Build(), reply);
  CHECK(out.find("%7\r\n$2\r\nid\r\n") != std::string::npos);
}

}  // namespace
}  // namespace kv
