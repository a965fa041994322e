// The state file's text: what we write, what we read of Redis's and Valkey's.

#include "clusterkit/file/nodes_conf.h"

#include <optional>
#include <string>

#include "contract/state_store_contract.h"
#include "file/checksum.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

NodeId Id(char digit) { return *NodeId::FromHex(std::string(40, digit)); }
ShardId Shard(char digit) { return *ShardId::FromHex(std::string(40, digit)); }

PersistentState Parsed(const std::string& text) {
  const absl::StatusOr<PersistentState> state = ParseNodesConf(text);
  INFO(state.status().ToString());
  REQUIRE(state.ok());
  return *state;
}

NodeRecord Record(char id, char shard, const Endpoint& bus, const Endpoint& client) {
  NodeRecord node;
  node.id = Id(id);
  node.shard = Shard(shard);
  node.bus = bus;
  node.client = client;
  return node;
}

PersistentState SmallState() {
  PersistentState state;
  state.self = Id('1');
  state.current_epoch = {7};
  state.ledger.emplace();
  state.ledger->floor = {3};
  state.ledger->settled = true;
  state.ledger->votes = {{Shard('a'), {5}, Id('2')}, {Shard('b'), {6}, Id('3')}};
  NodeRecord self = Record('1', 'a', {"10.0.0.1", 17000}, {"10.0.0.1", 7000});
  self.config_epoch = {4};
  NodeRecord replica = Record('2', 'a', {"fe80::2", 17001}, {"fe80::2", 7001});
  replica.role = Role::kReplica;
  replica.primary = Id('1');
  replica.health = Health::kPfail;
  replica.no_failover = true;
  NodeRecord other = Record('3', 'b', {"10.0.0.3", 17002}, {"10.1.0.3", 7002});
  other.health = Health::kFail;
  other.config_epoch = {5};
  state.nodes = {self, replica, other};
  state.slots.Bind(SlotSet::Of({{0}, {100}}), Id('1'));
  state.slots.Bind(SlotSet::Of({{200}, {200}}), Id('1'));
  state.slots.Bind(SlotSet::Of({{101}, {199}}), Id('3'));
  return state;
}

TEST_CASE("a state is written as Redis's text with our pairs in the vars line") {
  const std::string one(40, '1'), two(40, '2'), three(40, '3'), a(40, 'a'), b(40, 'b');
  const std::string text = FormatNodesConf(SmallState());
  const std::string covered = one + " 10.0.0.1:7000@17000,,tls-port=0,shard-id=" + a +
                              " myself,master - 0 0 4 connected 0-100 200\n" +  //
                              two + " fe80::2:7001@17001,,tls-port=0,shard-id=" + a +
                              " slave,fail?,nofailover " + one + " 0 0 4 disconnected\n" +  //
                              three + " 10.0.0.3:7002@17002,,tls-port=0,shard-id=" + b +
                              " master,fail - 0 0 5 disconnected 101-199\n" +
                              "vars currentEpoch 7 lastVoteEpoch 6 hosts " + three +
                              "=10.0.0.3,10.1.0.3" + " ledger-floor 3 ledger-settled 1 ledger " +
                              a + ":5:" + two + ";" + b + ":6:" + three + " checksum ";
  REQUIRE(text.size() == covered.size() + 17);
  CHECK(text.substr(0, covered.size()) == covered);
  CHECK(text.back() == '\n');
}

TEST_CASE("hostname and name stand where Redis has them") {
  PersistentState state = SmallState();
  state.nodes[0].hostname = "one.example.org";
  state.nodes[0].name = "alpha";
  const std::string text = FormatNodesConf(state);
  CHECK(text.find(" 10.0.0.1:7000@17000,one.example.org,tls-port=0,nodename=alpha,shard-id=") !=
        std::string::npos);
  CHECK((Parsed(text) == state));
}

TEST_CASE("a name that we would not accept is dropped, not refused") {
  PersistentState state = SmallState();
  state.ledger.reset();
  std::string text = FormatNodesConf(state);
  text = text.substr(0, text.find(" checksum")) + "\n";
  text.replace(text.find(",,tls"), 5, ",under_score,nodename=a'b,tls");
  const PersistentState loaded = Parsed(text);
  CHECK(loaded.nodes[0].hostname.empty());
  CHECK(loaded.nodes[0].name.empty());
  CHECK(loaded.nodes[0].shard == Shard('a'));
}

TEST_CASE("the checksum is CRC-64/XZ") {
  CHECK(file::Checksum("123456789") == 0x995dc9bbdf1939fa);
  CHECK(file::Checksum("") == 0);
}

TEST_CASE("every state comes back from its text") {
  Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    const PersistentState state = RandomState(rng, i < 290 ? 12 : 1000);
    const std::string text = FormatNodesConf(state);
    INFO(text.substr(0, 4000));
    CHECK((Parsed(text) == state));
    CHECK(FormatNodesConf(state) == text);
  }
}

TEST_CASE("a state without nodes' ledger, or with an empty one, keeps the difference") {
  PersistentState state = SmallState();
  state.ledger.reset();
  CHECK_FALSE(Parsed(FormatNodesConf(state)).ledger.has_value());
  state.ledger.emplace();
  CHECK(Parsed(FormatNodesConf(state)).ledger == VoteLedgerState());
}

TEST_CASE(
    "a host that is no address is written as unknown rather than making the file unreadable") {
  PersistentState state = SmallState();
  state.nodes[1].bus.host = std::string(256, 'x');
  state.nodes[2].client.host = std::string(100000, ' ');
  const PersistentState loaded = Parsed(FormatNodesConf(state));
  CHECK(loaded.nodes[1].bus.host.empty());
  CHECK(loaded.nodes[1].client.host == "fe80::2");
  CHECK(loaded.nodes[2].bus.host == "10.0.0.3");
  CHECK(loaded.nodes[2].client.host.empty());
}

TEST_CASE("a damaged byte anywhere is found") {
  const std::string text = FormatNodesConf(SmallState());
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char flip : {0x01, 0x20, 0x10}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      INFO(at << " " << damaged);
      CHECK(ParseNodesConf(damaged).status().code() == absl::StatusCode::kDataLoss);
    }
  }
}

TEST_CASE("a file that was cut off anywhere is found") {
  const std::string text = FormatNodesConf(SmallState());
  for (size_t size = 0; size < text.size(); ++size) {
    INFO(size);
    CHECK(ParseNodesConf(text.substr(0, size)).status().code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("a line that is missing or repeated is found") {
  const std::string text = FormatNodesConf(SmallState());
  const size_t second = text.find('\n') + 1, third = text.find('\n', second) + 1;
  const std::string without = text.substr(0, second) + text.substr(third);
  const std::string swapped =
      text.substr(second, third - second) + text.substr(0, second) + text.substr(third);
  CHECK(ParseNodesConf(without).status().code() == absl::StatusCode::kDataLoss);
  CHECK(ParseNodesConf(swapped).status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("a file of Redis 7.0 is read") {
  const PersistentState state = Parsed(
      "c56b3f16affd501ef3a870350de2552a8f0fecf2 127.0.0.1:17803@27803 master - 0 1795369417884 3 "
      "connected 10923-16383\n"
      "12b3da0a81f4d723e5d3f4fb91706dccee6ab5b3 127.0.0.1:17801@27801,h1.example.com myself,master "
      "- 0 1795369414000 1 connected 0-5460 [5->-f6b436d35d1f230720953c211553bf5e17fc8467]\n"
      "f6b436d35d1f230720953c211553bf5e17fc8467 127.0.0.1:17802@27802 master,fail? - 1795369418901 "
      "1795369418901 2 connected 5461-10922\n"
      "a6b436d35d1f230720953c211553bf5e17fc8467 127.0.0.1:17804@27804 slave "
      "12b3da0a81f4d723e5d3f4fb91706dccee6ab5b3 0 1795369418901 1 connected\n"
      "b6b436d35d1f230720953c211553bf5e17fc8467 :0@0 slave,fail,noaddr "
      "c56b3f16affd501ef3a870350de2552a8f0fecf2 0 1795369418901 3 disconnected\n"
      "e6b436d35d1f230720953c211553bf5e17fc8467 127.0.0.1:17805@27805 handshake - 0 0 0 connected\n"
      "vars currentEpoch 3 lastVoteEpoch 2\n"
      "\n\n\n");
  CHECK(state.self.ToHex() == "12b3da0a81f4d723e5d3f4fb91706dccee6ab5b3");
  CHECK(state.current_epoch.value == 3);
  CHECK_FALSE(state.ledger.has_value());
  REQUIRE(state.nodes.size() == 5);
  const NodeRecord& self = state.nodes[0];
  CHECK(self.bus == Endpoint{"127.0.0.1", 27801});
  CHECK(self.client == Endpoint{"127.0.0.1", 17801});
  CHECK(self.config_epoch.value == 1);
  CHECK(self.shard.IsZero());
  const NodeRecord& replica = state.nodes[1];
  CHECK(replica.role == Role::kReplica);
  CHECK(replica.primary == self.id);
  CHECK(replica.config_epoch.value == 0);
  CHECK(state.nodes[2].health == Health::kFail);
  CHECK(state.nodes[2].bus == Endpoint{"", 0});
  CHECK(state.nodes[4].health == Health::kPfail);
  CHECK(state.slots.CountOf(self.id) == 5461);
  REQUIRE(state.open_slots.Count() == 1);
  CHECK(*state.open_slots.Find(SlotId{5}) ==
        OpenSlots::Mark{SlotMigration::kExporting, state.nodes[4].id});
  CHECK(state.slots.AssignedCount() == kSlotCount);
}

TEST_CASE("a file of Redis 7.2 or Valkey is read, with its shards") {
  const std::string self = "cb09f4c6dd9b13b3c2c2e4f6f3d9d1d0a1b2c39d";
  const std::string replica = "0b09f4c6dd9b13b3c2c2e4f6f3d9d1d0a1b2c39d";
  const std::string shard = "c794f4c6dd9b13b3c2c2e4f6f3d9d1d0a1b2c35f";
  const PersistentState state =
      Parsed(self +
             " 127.0.0.1:17501@27501,h1.example.com,client-ipv6=::1,client-ipv4=10.1.1.1,tls-port="
             "0,nodename=alpha,shard-id=" +
             shard + " myself,master - 0 0 4 connected 0-16383\n" + replica +
             " ::1:17502@27502,,tcp-port=0,shard-id=" + shard + " slave " + self +
             " 0 0 4 connected\n" + "vars lastVoteEpoch 0 some-later-pair x currentEpoch 2\n");
  REQUIRE(state.nodes.size() == 2);
  CHECK(state.nodes[0].shard.ToHex() == shard);
  CHECK(state.nodes[0].bus == Endpoint{"::1", 27502});
  CHECK(state.nodes[1].shard.ToHex() == shard);
  // Redis repairs the current epoch in the same way.
  CHECK(state.current_epoch.value == 4);
}

TEST_CASE("a replica whose line names no shard belongs to its primary's") {
  const std::string one(40, '1'), two(40, '2'), shard(40, 'a');
  const PersistentState state =
      Parsed(one + " 10.0.0.1:7000@17000 myself,slave " + two + " 0 0 4 connected\n" + two +
             " 10.0.0.2:7000@17000,,shard-id=" + shard + " master - 0 0 4 connected 1\n" +
             "vars currentEpoch 4 lastVoteEpoch 0\n");
  CHECK(state.nodes[0].shard.ToHex() == shard);
}

TEST_CASE("the bus port that a line does not name is 10000 above the client port") {
  const PersistentState state =
      Parsed(std::string(40, '1') + " 10.0.0.1:7000 myself,master - 0 0 4 connected\n" +
             "vars currentEpoch 4 lastVoteEpoch 0\n");
  CHECK(state.nodes[0].bus.port == 17000);
}

}  // namespace
}  // namespace clusterkit
