// What a state file may not say, and what is answered.

#include <string>
#include <vector>

#include "clusterkit/file/nodes_conf.h"
#include "file/nodes_conf_text.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

const std::string kOne(40, '1');
const std::string kTwo(40, '2');
const std::string kSelfLine = kOne + " 10.0.0.1:7000@17000 myself,master - 0 0 4 connected 0-99\n";
const std::string kVarsLine = "vars currentEpoch 4 lastVoteEpoch 0\n";

std::string MessageFor(const std::string& text) {
  const absl::Status status = ParseNodesConf(text).status();
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  return std::string(status.message());
}

struct Damage {
  std::string text, message;
};

TEST_CASE("a damaged line of a node is refused with its number and the reason") {
  // Each stands for the second line of a file that is good otherwise.
  const std::string address = " 10.0.0.2:7000@17000 ", rest = " master - 0 0 1 connected";
  const std::string too_long = "10.0.0.2:7000@17000,,x=" + std::string(60, 'y') + ",bad";
  const std::vector<Damage> table = {
      {"garbage", "1 fields; a node has at least 8"},
      {kTwo + address + "master - 0 0 1", "7 fields; a node has at least 8"},
      {"xyz" + address + "master - 0 0 1 connected", "bad node id 'xyz'"},
      {std::string(40, 'g') + address + "master - 0 0 1 connected",
       "bad node id '" + std::string(40, 'g') + "'"},
      {kOne + address + "master - 0 0 1 connected", "node listed twice, first in line 1"},
      {kTwo + address + "myself,master - 0 0 1 connected", "second myself, the first is line 1"},
      {kTwo + " 10.0.0.2" + rest, "bad address '10.0.0.2'"},
      {kTwo + " 10.0.0.2:70000@17000" + rest, "bad address '10.0.0.2:70000@17000'"},
      {kTwo + " 10.0.0.2:7000@" + rest, "bad address '10.0.0.2:7000@'"},
      {kTwo + " 10.0.0.2:60000" + rest, "bad address '10.0.0.2:60000'"},
      {kTwo + " 10.0%zz:7000@17000" + rest, "bad address '10.0%zz:7000@17000'"},
      {kTwo + " 10.0%4:7000@17000" + rest, "bad address '10.0%4:7000@17000'"},
      {kTwo + " " + too_long + rest, "bad attribute 'bad'"},
      {kTwo + " 10.0.0.2:7000@17000,,=x" + rest, "bad attribute '=x'"},
      {kTwo + " 10.0.0.2:7000@17000,,shard-id=7" + rest, "bad shard id 'shard-id=7'"},
      {kTwo + address + "master,leader - 0 0 1 connected", "unknown flag 'leader'"},
      {kTwo + address + "master,,fail - 0 0 1 connected", "unknown flag ''"},
      {kTwo + address + "mas\x01ter - 0 0 1 connected", "unknown flag 'mas\\x01ter'"},
      {kTwo + address + "master,slave - 0 0 1 connected", "contradictory flags 'master,slave'"},
      {kTwo + address + "slave xyz 0 0 1 connected", "bad primary id 'xyz'"},
      {kTwo + address + "slave " + kTwo + " 0 0 1 connected", "a node is its own primary"},
      {kTwo + address + "master " + kOne + " 0 0 1 connected", "a master has a primary"},
      {kTwo + address + "master - x 0 1 connected", "'x' is not a number"},
      {kTwo + address + "master - 0 -1 1 connected", "'-1' is not a number"},
      {kTwo + address + "master - 0 0 99999999999999999999 connected",
       "'99999999999999999999' is not a number"},
      {kTwo + address + "master - 0 0 1 connecting", "bad link state 'connecting'"},
      {kTwo + address + "master - 0 0 1 connected 99999", "slot 99999 out of range"},
      {kTwo + address + "master - 0 0 1 connected 16384", "slot 16384 out of range"},
      {kTwo + address + "master - 0 0 1 connected 16000-16384", "slot 16384 out of range"},
      {kTwo + address + "master - 0 0 1 connected 200-100", "bad slot range '200-100'"},
      {kTwo + address + "master - 0 0 1 connected 1x", "bad slot '1x'"},
      {kTwo + address + "master - 0 0 1 connected 1-", "bad slot '1-'"},
      {kTwo + address + "master - 0 0 1 connected -5", "bad slot '-5'"},
      {kTwo + address + "master - 0 0 1 connected 99", "slot 99 is owned by the node of line 1"},
      {kTwo + address + "master - 0 0 1 connected 200-300 250",
       "slot 250 is owned by the node of line 2"},
      {kTwo + address + "master - 0 0 1 connected [5]", "bad open slot '[5]'"},
      {kTwo + address + "master - 0 0 1 connected [16384->-" + kOne + "]",
       "bad open slot '[16384->-" + kOne.substr(0, 31) + "...'"},
      {kTwo + address + "master - 0 0 1 connected [5->-xyz]", "bad open slot '[5->-xyz]'"},
      {kTwo + address + "master - 0 0 1 connected [5->-" + kOne,
       "bad open slot '[5->-" + kOne.substr(0, 35) + "...'"},
  };
  for (const Damage& damage : table) {
    CHECK(MessageFor(kSelfLine + damage.text + "\n" + kVarsLine) ==
          "nodes.conf line 2: " + damage.message);
  }
}

TEST_CASE("a damaged vars line is refused with its number and the reason") {
  const std::string head = "vars currentEpoch 4 lastVoteEpoch 0";
  const std::string together = "ledger, ledger-floor and ledger-settled belong together";
  const std::string shard_a(40, 'a'), shard_b(40, 'b');
  const auto vote = [](const std::string& shard) { return shard + ":5:" + kTwo; };
  const std::vector<Damage> table = {
      {"vars", "currentEpoch is missing"},
      {"vars currentEpoch", "a key of the vars line has no value"},
      {"vars lastVoteEpoch 1", "currentEpoch is missing"},
      {"vars currentEpoch x", "currentEpoch 'x' is not a number"},
      {"vars currentEpoch 1 lastVoteEpoch -", "lastVoteEpoch '-' is not a number"},
      {head + " currentEpoch 5", "currentEpoch given twice"},
      {head + " ledger-floor 1", together},
      {head + " ledger -", together},
      {head + " ledger-settled 1", together},
      {head + " ledger-floor 1 ledger -", together},
      {head + " ledger-floor 1 ledger-settled 1 ledger -", "a ledger without a checksum"},
      {head + " ledger-settled yes", "bad ledger-settled 'yes'"},
      {head + " ledger-floor x ledger -", "ledger-floor 'x' is not a number"},
      {head + " ledger-floor 1 ledger x", "bad ledger entry 'x'"},
      {head + " ledger-floor 1 ledger " + vote(shard_a) + ";", "bad ledger entry ''"},
      {head + " ledger-floor 1 ledger " + vote(shard_b) + ";" + vote(shard_a),
       "ledger entries are not in ascending order of their shards"},
      {head + " ledger-floor 1 ledger " + vote(shard_a) + ";" + vote(shard_a),
       "ledger entries are not in ascending order of their shards"},
      {head + " hosts x", "bad hosts entry 'x'"},
      {head + " hosts " + kOne + "=a", "bad hosts entry '" + kOne + "...'"},
      {head + " hosts " + kOne + "=a,b;" + kOne + "=a,b",
       "hosts of node " + kOne + " listed twice"},
      {head + " hosts " + kTwo + "=a,b", "hosts of node " + kTwo + ", which has no line"},
      {head + " checksum 0 x y", "text follows the checksum"},
  };
  for (const Damage& damage : table) {
    CHECK(MessageFor(kSelfLine + damage.text + "\n") == "nodes.conf line 2: " + damage.message);
  }
  CHECK(MessageFor(kSelfLine + head + " checksum 0000000000000000\n")
            .starts_with("nodes.conf line 2: checksum is "));
  CHECK(MessageFor(kSelfLine + head + " checksum 0\n" + kVarsLine) ==
        "nodes.conf line 2: text follows the checksum");
}

TEST_CASE("a file whose lines are good but do not make a state is refused") {
  CHECK(MessageFor("") == "nodes.conf line 0: no vars line: the file was cut off");
  CHECK(MessageFor("\n\n") == "nodes.conf line 2: no vars line: the file was cut off");
  CHECK(MessageFor(kSelfLine) == "nodes.conf line 1: no vars line: the file was cut off");
  CHECK(MessageFor(kVarsLine) == "nodes.conf line 1: no node is marked as myself");
  CHECK(MessageFor(kSelfLine + kVarsLine + kVarsLine) ==
        "nodes.conf line 3: second vars line, the first is line 2");
  CHECK(MessageFor(kSelfLine + kVarsLine.substr(0, kVarsLine.size() - 1)) ==
        "nodes.conf line 2: no newline at the end: the file was cut off");
  CHECK(MessageFor(kSelfLine + std::string(5000, '\0') + "\n" + kVarsLine) ==
        "nodes.conf line 2: 1 fields; a node has at least 8");
}

TEST_CASE("a file is only read up to a size that no cluster reaches") {
  CHECK(MessageFor(std::string(file::kMaxFileBytes + 1, '\n')) ==
        "nodes.conf: 67108865 bytes; more than 67108864 are no state");
  // Lines of handshakes leave no trace, so that many of them cost nothing but time.
  std::string many = kSelfLine;
  for (size_t i = 1; i < file::kMaxLines; ++i) {
    many += kTwo + " :0@0 handshake - 0 0 0 connected\n";
  }
  CHECK(MessageFor(many + kVarsLine) == "nodes.conf line 70001: more than 70000 lines");
}

}  // namespace
}  // namespace clusterkit
