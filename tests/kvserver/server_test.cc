// The data thread with real sockets: order of replies, clients that wait, and what the gate may do
// to connections.

#include "kvserver/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "kvserver/command_context.h"
#include "kvserver/log.h"
#include "support/catch.h"

namespace kv {
namespace {

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

Config TestConfig() {
  SetLogFile("/dev/null");
  Config config;
  config.save.clear();
  config.port = FreePort();
  config.bind = {"127.0.0.1"};
  return config;
}

// A server on a thread of its own. Set it up through `server` before Start.
class Running {
 public:
  explicit Running(Config config = TestConfig()) : server(std::move(config)) {}
  ~Running() {
    server.PostToDataThread([this] { server.RequestShutdown({}); });
    thread_.join();
  }
  void Start() {
    REQUIRE(server.Listen().ok());
    thread_ = std::thread([this] { server.Run(); });
  }
  // Runs on the data thread and waits for it.
  template <typename Action>
  auto OnDataThread(Action action) {
    std::packaged_task<decltype(action())()> task(std::move(action));
    auto result = task.get_future();
    server.PostToDataThread([&task] { task(); });
    return result.get();
  }

  Server server;

 private:
  std::thread thread_;
};

class Peer {
 public:
  explicit Peer(Running& running) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(running.server.config().port));
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    const timeval limit = {10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }
  ~Peer() { close(fd_); }

  // False if the connection ended. Also used off the main thread, where Catch must not check.
  bool Send(const std::string& bytes) {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  void End() { shutdown(fd_, SHUT_WR); }
  // Reads `size` bytes; fewer if the connection ends first.
  std::string Receive(size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      char buffer[65536];
      const ssize_t got = recv(fd_, buffer, std::min(sizeof(buffer), size - bytes.size()), 0);
      if (got <= 0) break;
      bytes.append(buffer, static_cast<size_t>(got));
    }
    return bytes;
  }
  std::string Ask(const std::string& request, size_t reply_size) {
    Send(request + "\r\n");
    return Receive(reply_size);
  }
  bool Closed() {
    char byte;
    return recv(fd_, &byte, 1, 0) <= 0;
  }

 private:
  int fd_;
};

// Blocks the client and notes its id.
std::atomic<ClientId> g_blocked{0};
void BlockingCommand(CommandContext& context) {
  context.client.Block();
  g_blocked = context.client.id;
}

CommandSpec BlockCommand() { return {"block", 1, kNoScript, 0, {}, BlockingCommand}; }

ClientId AwaitBlocked() {
  while (g_blocked == 0) std::this_thread::yield();
  return g_blocked.exchange(0);
}

TEST_CASE("a pipeline is answered in order") {
  Running running;
  running.Start();
  Peer peer(running);
  std::string requests;
  std::string expected;
  for (int i = 0; i < 20000; ++i) {
    requests += "INCR n\r\n";
    expected += ":" + std::to_string(i + 1) + "\r\n";
  }
  std::thread sender([&] { peer.Send(requests); });
  CHECK(peer.Receive(expected.size()) == expected);
  sender.join();
}

TEST_CASE("values larger than any buffer pass in both directions") {
  Running running;
  running.Start();
  Peer peer(running);
  const std::string value(20 << 20, 'v');
  const std::string bulk = "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  peer.Send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n" + bulk);
  CHECK(peer.Receive(5) == "+OK\r\n");
  CHECK(peer.Ask("GET k", bulk.size()) == bulk);
}

TEST_CASE("input behind a command that blocks waits until the client is resumed") {
  Running running;
  running.server.commands().Add(BlockCommand());
  running.Start();
  Peer peer(running);
  peer.Send("PING\r\nBLOCK\r\nINCR n\r\nBLOCK\r\n*2\r\n$4\r\nECHO\r\n$3\r\nab");
  CHECK(peer.Receive(7) == "+PONG\r\n");
  ClientId id = AwaitBlocked();
  CHECK(running.OnDataThread([&] { return running.server.keyspace().size(); }) == 0);
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Simple("DONE"); }); });
  CHECK(peer.Receive(11) == "+DONE\r\n:1\r\n");
  id = AwaitBlocked();
  peer.Send("c\r\n");
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Integer(2); }); });
  CHECK(peer.Receive(13) == ":2\r\n$3\r\nabc\r\n");
}

TEST_CASE("an answer for a client that is gone is dropped") {
  Running running;
  running.server.commands().Add(BlockCommand());
  std::promise<ClientId> closed;
  running.server.OnClientClosed([&](const Client& client) { closed.set_value(client.id); });
  running.Start();
  Peer peer(running);
  peer.Send("BLOCK\r\n");
  const ClientId id = AwaitBlocked();
  running.OnDataThread([&] { running.server.CloseClient(id); });
  CHECK(closed.get_future().get() == id);
  bool written = false;
  running.OnDataThread([&] { running.server.Resume(id, [&](ReplyWriter&) { written = true; }); });
  CHECK_FALSE(written);
  CHECK_FALSE(running.OnDataThread([&] { return running.server.Send(id, "x"); }));
}

TEST_CASE("a client that only ended its own side still gets what it waits for") {
  Running running;
  running.server.commands().Add(BlockCommand());
  running.Start();
  Peer peer(running);
  peer.Send("BLOCK\r\nPING\r\n");
  const ClientId id = AwaitBlocked();
  peer.End();
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Simple("DONE"); }); });
  CHECK(peer.Receive(100) == "+DONE\r\n+PONG\r\n");
}

TEST_CASE("bytes can be sent to a client that did not ask") {
  Running running;
  running.Start();
  Peer peer(running);
  CHECK(peer.Ask("CLIENT ID", 4) == ":1\r\n");
  CHECK(running.OnDataThread([&] { return running.server.Send(1, "stream"); }));
  CHECK(peer.Receive(6) == "stream");
}

TEST_CASE("a transaction runs to its end though its client has gone, and others wait for that") {
  Running running;
  running.server.commands().Add(BlockCommand());
  std::atomic<ClientId> closed{0};
  running.server.OnClientClosed([&](const Client& client) { closed = client.id; });
  running.Start();
  Peer other(running);
  CHECK(other.Ask("GET n", 5) == "$-1\r\n");
  ClientId id = 0;
  {
    Peer peer(running);
    peer.Send("MULTI\r\nINCR n\r\nBLOCK\r\nINCR n\r\nEXEC\r\n");
    CHECK(peer.Receive(32) == "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    id = AwaitBlocked();
  }
  other.Send("GET n\r\n");
  running.OnDataThread([&] { running.server.CloseClient(id); });
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Simple("DONE"); }); });
  CHECK(other.Receive(7) == "$1\r\n2\r\n");
  while (closed != id) std::this_thread::yield();
}

TEST_CASE("a transaction that waits sends its reply as one") {
  Running running;
  running.server.commands().Add(BlockCommand());
  running.Start();
  Peer peer(running);
  peer.Send("MULTI\r\nBLOCK\r\nINCR n\r\nEXEC\r\nPING\r\n");
  const ClientId id = AwaitBlocked();
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Simple("DONE"); }); });
  CHECK(peer.Receive(45) == "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+DONE\r\n:1\r\n+PONG\r\n");
}

// Holds writes, or forbids to acknowledge them.
class TestGate : public CommandGate {
 public:
  GateVerdict Admit(const GateQuery& query, std::string*) override {
    return hold && (query.spec.flags & kWrite) != 0 ? GateVerdict::kHold : GateVerdict::kExecute;
  }
  bool MayAcknowledge(const Client& client) override {
    return may_acknowledge || !client.unacknowledged_writes;
  }
  std::atomic<bool> hold{false};
  std::atomic<bool> may_acknowledge{true};
};

TEST_CASE("requests that the gate holds are served in order when it lets go") {
  TestGate gate;
  gate.hold = true;
  Running running;
  running.server.executor().set_gate(&gate);
  running.Start();
  Peer peer(running);
  peer.Send("GET k\r\nSET k v\r\nGET k\r\n");
  CHECK(peer.Receive(5) == "$-1\r\n");
  Peer other(running);
  CHECK(other.Ask("GET k", 5) == "$-1\r\n");
  gate.hold = false;
  running.OnDataThread([&] { running.server.ReleaseHeld(); });
  CHECK(peer.Receive(12) == "+OK\r\n$1\r\nv\r\n");
}

TEST_CASE("requests that a pause holds are served in order when it ends, by itself or by order") {
  for (const bool by_order : {false, true}) {
    Running running;
    running.Start();
    Peer peer(running);
    Peer other(running);
    CHECK(other.Ask(by_order ? "CLIENT PAUSE 1000000 WRITE" : "CLIENT PAUSE 50", 5) == "+OK\r\n");
    peer.Send("INCR n\r\nGET n\r\nMULTI\r\nINCR n\r\nEXEC\r\n");
    if (by_order) {
      CHECK(other.Ask("GET n", 5) == "$-1\r\n");
      CHECK(other.Ask("CLIENT UNPAUSE", 5) == "+OK\r\n");
    }
    CHECK(peer.Receive(33) == ":1\r\n$1\r\n1\r\n+OK\r\n+QUEUED\r\n*1\r\n:2\r\n");
    CHECK(other.Ask("PING", 7) == "+PONG\r\n");
  }
}

TEST_CASE("a write that may not be acknowledged costs the connection, reads do not") {
  TestGate gate;
  gate.may_acknowledge = false;
  Running running;
  running.server.executor().set_gate(&gate);
  running.Start();
  Peer reader(running);
  Peer writer(running);
  CHECK(reader.Ask("GET k", 5) == "$-1\r\n");
  writer.Send("SET k v\r\n");
  CHECK(writer.Closed());
  CHECK(reader.Ask("GET k", 7) == "$1\r\nv\r\n");
}

TEST_CASE("what a transaction wrote before it waits may not be acknowledged later either") {
  TestGate gate;
  Running running;
  running.server.commands().Add(BlockCommand());
  running.server.executor().set_gate(&gate);
  running.Start();
  Peer peer(running);
  peer.Send("MULTI\r\nSET k v\r\nBLOCK\r\nEXEC\r\n");
  const ClientId id = AwaitBlocked();
  // Other bytes are on their way meanwhile.
  CHECK(peer.Receive(23) == "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  gate.may_acknowledge = false;
  running.OnDataThread(
      [&] { running.server.Resume(id, [](ReplyWriter& reply) { reply.Simple("DONE"); }); });
  CHECK(peer.Closed());
}

TEST_CASE("tasks posted from many threads all run, those of one thread in order") {
  Running running;
  running.Start();
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  std::vector<int> last(kThreads, -1);
  std::atomic<int> ran{0};
  std::atomic<bool> ordered{true};
  std::vector<std::thread> posters;
  for (int t = 0; t < kThreads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        running.server.PostToDataThread([&, t, i] {
          if (last[static_cast<size_t>(t)] != i - 1) ordered = false;
          last[static_cast<size_t>(t)] = i;
          ++ran;
        });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  running.OnDataThread([] {});
  CHECK(ran == kThreads * kTasks);
  CHECK(ordered);
}

TEST_CASE("a client over its output limit is closed") {
  Config config = TestConfig();
  config.output_limit_normal = {1 << 20, 0, 0};
  Running running(config);
  running.Start();
  Peer peer(running);
  Peer other(running);
  const std::string value(600 << 10, 'v');
  peer.Send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(value.size()) + "\r\n" + value +
            "\r\n");
  CHECK(peer.Receive(5) == "+OK\r\n");
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET k\r\n";
  peer.Send(requests);
  // It reads nothing meanwhile, and sockets do not hold 60 MB.
  while (running.OnDataThread([&] { return running.server.client_count(); }) > 1) {
    std::this_thread::yield();
  }
  CHECK(peer.Receive(100 * value.size()).size() < 100 * value.size());
  CHECK(other.Ask("PING", 7) == "+PONG\r\n");
}

TEST_CASE("connections beyond maxclients are told so") {
  Config config = TestConfig();
  config.maxclients = 1;
  Running running(config);
  running.Start();
  Peer first(running);
  CHECK(first.Ask("PING", 7) == "+PONG\r\n");
  Peer second(running);
  CHECK(second.Receive(100) == "-ERR max number of clients reached\r\n");
  CHECK(first.Ask("PING", 7) == "+PONG\r\n");
}

TEST_CASE("a shutdown waits for what it was told to wait for") {
  Running running;
  std::function<void()> done;
  std::promise<void> asked;
  running.server.OnShutdown([&](std::function<void()> when_done) {
    done = std::move(when_done);
    asked.set_value();
  });
  running.Start();
  Peer peer(running);
  peer.Send("SHUTDOWN\r\n");
  asked.get_future().wait();
  Peer other(running);
  CHECK(other.Ask("PING", 7) == "+PONG\r\n");
  running.OnDataThread([&] { done(); });
  CHECK(peer.Closed());
}

TEST_CASE("a shutdown that waits can be hurried, not aborted") {
  Running running;
  std::promise<void> asked;
  running.server.OnShutdown([&](const std::function<void()>&) { asked.set_value(); });
  running.Start();
  Peer peer(running);
  peer.Send("SHUTDOWN\r\n");
  asked.get_future().wait();
  Peer other(running);
  const std::string refusal = "-ERR The shutdown cannot be aborted any more.\r\n";
  CHECK(other.Ask("SHUTDOWN ABORT", refusal.size()) == refusal);
  other.Send("SHUTDOWN NOW\r\n");
  CHECK(peer.Closed());
}

TEST_CASE("a port in use is one clear line") {
  Running running;
  running.Start();
  Config config = running.server.config();
  Server second(config);
  const absl::Status status = second.Listen();
  CHECK(std::string(status.message()) ==
        "Warning: Could not create server TCP listening socket 127.0.0.1:" +
            std::to_string(config.port) + ": bind: Address already in use");
}

}  // namespace
}  // namespace kv
