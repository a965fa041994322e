// A stock Redis server starts with our state file and knows our cluster. Passes without a check
// where redis-server is not installed.

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "clusterkit/file/nodes_conf.h"
#include "contract/raw_socket.h"
#include "contract/temp_dir.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

uint16_t FreePort() {
  RawSocket probe;
  return probe.Listen(1);
}

class RedisServer {
 public:
  RedisServer(const TempDir& dir, uint16_t port) {
    std::vector<std::string> args = {"redis-server",
                                     "--port",
                                     std::to_string(port),
                                     "--cluster-port",
                                     std::to_string(FreePort()),
                                     "--bind",
                                     "127.0.0.1",
                                     "--dir",
                                     dir.path(),
                                     "--logfile",
                                     dir.File("log"),
                                     "--save",
                                     "",
                                     "--cluster-enabled",
                                     "yes",
                                     "--cluster-config-file",
                                     "nodes.conf"};
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ) != 0) pid_ = -1;
  }
  ~RedisServer() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  bool installed() const { return pid_ >= 0; }
  bool Exited() {
    if (waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
    pid_ = -1;
    return true;
  }

 private:
  pid_t pid_ = -1;
};

// Connects until the server listens. The answer to an inline command, read until its end.
std::string Ask(RedisServer& server, uint16_t port, const std::string& command,
                const std::string& end) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const sockaddr_in address = LoopbackAddress(port);
  while (std::chrono::steady_clock::now() < deadline && !server.Exited()) {
    RawSocket client;
    if (connect(client.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      continue;
    }
    client.Send(command + "\r\n");
    std::string answer;
    while (!absl::EndsWith(answer, end)) {
      const std::string byte = client.Receive(1);
      if (byte.empty()) break;
      answer += byte;
    }
    return answer;
  }
  return "no answer";
}

PersistentState ClusterOfThree() {
  Rng rng(4);
  PersistentState state;
  state.current_epoch = {3};
  state.ledger.emplace();
  state.ledger->floor = {2};
  state.ledger->votes = {{ShardId::Random(rng), Epoch{3}, NodeId::Random(rng)}};
  for (uint16_t i = 0; i < 3; ++i) {
    NodeRecord node;
    node.id.bytes[0] = static_cast<uint8_t>(i + 1);
    node.shard.bytes[0] = static_cast<uint8_t>(i == 2 ? 1 : i + 1);
    node.bus = {"127.0.0.1", static_cast<uint16_t>(17000 + i)};
    node.client = {"127.0.0.1", static_cast<uint16_t>(7000 + i)};
    node.config_epoch = {i < 2 ? i + 1u : 0};
    state.nodes.push_back(node);
  }
  state.nodes[1].client.host = "10.1.1.1";  // Brings in the pair of hosts.
  state.nodes[2].role = Role::kReplica;
  state.nodes[2].primary = state.nodes[0].id;
  state.nodes[2].voting = Voting::kAlways;  // And that of voters.
  state.nodes[1].hostname = "two.example.org";
  state.self = state.nodes[0].id;
  state.slots.Bind(SlotSet::Of({{0}, {8191}}), state.nodes[0].id);
  state.slots.Bind(SlotSet::Of({{8192}, {16383}}), state.nodes[1].id);
  return state;
}

TEST_CASE("a Redis server starts with our state file: ids, roles and slots are ours") {
  TempDir dir;
  const PersistentState state = ClusterOfThree();
  WriteTextFile(dir.File("nodes.conf"), FormatNodesConf(state));
  const uint16_t port = FreePort();
  RedisServer server(dir, port);
  if (!server.installed()) {
    WARN("redis-server is not installed: nothing was checked");
    return;
  }
  const std::string id = Ask(server, port, "CLUSTER MYID", "\r\n");
  INFO(ReadTextFile(dir.File("log")));
  REQUIRE(id == "$40\r\n");
  const std::string nodes = Ask(server, port, "CLUSTER NODES", "\n\r\n");
  INFO(nodes);
  const std::string one = state.nodes[0].id.ToHex(), two = state.nodes[1].id.ToHex(),
                    three = state.nodes[2].id.ToHex();
  CHECK(absl::StrContains(nodes, one + " "));
  CHECK(absl::StrContains(nodes, "myself,master"));
  CHECK(absl::StrContains(nodes, " connected 0-8191"));
  CHECK(absl::StrContains(nodes, two + " 127.0.0.1:7001@17001"));
  CHECK(absl::StrContains(nodes, " 8192-16383"));
  CHECK(absl::StrContains(nodes, three + " 127.0.0.1:7002@17002"));
  CHECK(absl::StrContains(nodes, "slave " + one));
}

TEST_CASE("what a Redis server saves over our state file we read again") {
  TempDir dir;
  WriteTextFile(dir.File("nodes.conf"), FormatNodesConf(ClusterOfThree()));
  const uint16_t port = FreePort();
  RedisServer server(dir, port);
  if (!server.installed()) return;
  REQUIRE(Ask(server, port, "CLUSTER SAVECONFIG", "\r\n") == "+OK\r\n");

  const absl::StatusOr<PersistentState> state =
      ParseNodesConf(ReadTextFile(dir.File("nodes.conf")));
  INFO(state.status() << ReadTextFile(dir.File("nodes.conf")));
  REQUIRE(state.ok());
  CHECK(state->self == ClusterOfThree().self);
  CHECK((state->slots == ClusterOfThree().slots));
  CHECK(state->current_epoch.value == 3);
  CHECK_FALSE(state->ledger.has_value());
}

}  // namespace
}  // namespace clusterkit
