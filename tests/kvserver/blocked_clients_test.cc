// Clients that wait for keys: who is served, what is told to replicas, and who waits in vain.

#include "kvserver/blocked_clients.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "support/catch.h"

namespace kv {
namespace {

using Lines = std::vector<std::string>;

// Refuses what it is told to, and leases replies like the gate of a cluster.
class SlotGate : public CommandGate {
 public:
  GateVerdict Admit(const GateQuery& query, std::string* refusal) override {
    query.client.leased_replies = true;
    waits = query.waits;
    if (verdict == GateVerdict::kRedirect) *refusal = "MOVED 1 127.0.0.1:7001";
    return verdict;
  }
  bool MayAcknowledge(const Client&) override { return true; }

  GateVerdict verdict = GateVerdict::kExecute;
  bool waits = false;
};

struct Fixture : FakeServer {
  Fixture() {
    for (ClientId id = 100; id < 104; ++id) host.clients.push_back(&waiters.emplace_back(id));
    stream.kind = ClientKind::kPrimary;
  }

  // The client must have nothing to say but that it waits.
  void Wait(size_t who, std::string_view request) {
    CHECK(RunAs(waiters[who], Words(request)).empty());
    CHECK(outcome == Executor::Outcome::kBlocked);
  }
  // What a client was answered since the last time; nothing while it waits.
  std::string Answer(size_t who) { return std::exchange(waiters[who].reply, ""); }
  // Lets those go on that were answered.
  void NextTurn() {
    for (const auto& action : std::exchange(host.delayed, {})) action();
  }
  void ForgetAnswers() {
    for (Client& client : waiters) client.reply.clear();
  }
  // A change that no pause holds up.
  void Apply(std::string_view request) { RunAs(stream, Words(request)); }

  std::deque<Client> waiters;
  Client stream{50};
};

TEST_CASE("a client that waits for a list is served by who pushes, and replicas hear of both") {
  Fixture server;
  server.Wait(0, "BLPOP l 0");
  CHECK(server.TakeStream().empty());
  CHECK(server.Run("RPUSH l a b") == ":2\r\n");
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
  CHECK(server.TakeStream() == Lines{"RPUSH l a b", "LPOP l"});
  CHECK(server.waiters[0].unacknowledged_writes);
  CHECK_FALSE(server.executor.blocked().any());
  CHECK(server.stats.calls.Of(*server.commands.Find("blpop")).calls == 1);
  CHECK(server.stats.commands == 2);
  CHECK(server.Run("LRANGE l 0 -1") == "*1\r\n$1\r\nb\r\n");
}

TEST_CASE("replicas hear what came of a request that waited") {
  Fixture server;
  server.Run("ZADD other 7 z");
  server.Wait(0, "BRPOP l 0");
  server.Wait(1, "BLMOVE l m LEFT RIGHT 0");
  server.Wait(2, "BRPOPLPUSH l m 0");
  server.Wait(3, "BLMPOP 0 2 none l RIGHT COUNT 3");
  server.TakeStream();
  server.Run("RPUSH l 1 2 3 4 5");
  CHECK(server.TakeStream() ==
        Lines{"RPUSH l 1 2 3 4 5", "RPOP l", "LMOVE l m LEFT RIGHT", "RPOPLPUSH l m", "RPOP l 2"});
  server.NextTurn();
  server.ForgetAnswers();
  server.Wait(0, "BZPOPMIN z 0");
  server.Wait(1, "BZPOPMAX z 0");
  server.Wait(2, "BZMPOP 0 2 none z MIN COUNT 9");
  server.TakeStream();
  server.Run("ZADD z 1 a 2 b 3 c 4 d");
  CHECK(server.TakeStream() ==
        Lines{"ZADD z 1 a 2 b 3 c 4 d", "ZPOPMIN z", "ZPOPMAX z", "ZPOPMIN z 2"});
}

TEST_CASE("replicas hear nothing of a request that ended in an error") {
  Fixture server;
  server.Run("SET string v");
  server.Run("RPUSH l a");
  server.TakeStream();
  for (const char* request : {"BLMOVE string l LEFT LEFT 1", "BLMOVE l string LEFT LEFT 1",
                              "BRPOPLPUSH string l 1", "BRPOPLPUSH l string 1"}) {
    CAPTURE(request);
    CHECK(server.Run(request).substr(0, 10) == "-WRONGTYPE");
  }
  server.Wait(0, "BLMOVE m string LEFT LEFT 0");
  server.Run("RPUSH m a");
  CHECK(server.Answer(0).substr(0, 10) == "-WRONGTYPE");
  CHECK(server.TakeStream() == Lines{"RPUSH m a"});
}

TEST_CASE("what a client waits for counts as its memory, as long as it waits") {
  Fixture server;
  server.Wait(0, "BLPOP " + std::string(5000, 'x') + " l 0");
  CHECK(server.waiters[0].waiting_bytes > 5000);
  server.Run("RPUSH l a");
  CHECK(server.waiters[0].waiting_bytes == 0);
}

TEST_CASE("a client goes on in the next turn, not inside of the request that served it") {
  Fixture server;
  server.Wait(0, "BLPOP l 0");
  server.Run("RPUSH l a");
  CHECK(server.waiters[0].blocked);
  CHECK(server.Run("CLIENT UNBLOCK 100") == ":0\r\n");
  server.NextTurn();
  CHECK_FALSE(server.waiters[0].blocked);
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
}

TEST_CASE("time is up at a client's deadline, and then nothing is kept of it") {
  Fixture server;
  server.time_ms = 1000;
  server.Wait(0, "BLPOP l m 0");
  CHECK(server.executor.blocked().deadline_ms() == BlockedClients::kForever);
  server.Wait(1, "BLPOP l 0.5");
  server.Wait(2, "BZMPOP 0.0001 1 z MIN");
  CHECK(server.executor.blocked().deadline_ms() == 1001);
  server.time_ms = 1000;
  server.executor.ExpireBlocked();
  CHECK(server.waiters[2].blocked);
  server.time_ms = 1500;
  server.executor.ExpireBlocked();
  CHECK(server.Answer(1) == "*-1\r\n");
  CHECK(server.Answer(2) == "*-1\r\n");
  CHECK(server.waiters[0].blocked);
  server.Run("RPUSH l a b");
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
  CHECK(server.Run("LLEN l") == ":1\r\n");
  CHECK_FALSE(server.executor.blocked().any());
}

TEST_CASE("a client that is gone gets nothing") {
  Fixture server;
  server.Wait(0, "BLPOP l m l 0");
  server.Wait(1, "BLPOP m 0");
  server.executor.Forget(server.waiters[0]);
  server.waiters[0].blocked = false;
  CHECK(server.Run("RPUSH l a") == ":1\r\n");
  CHECK(server.Run("RPUSH m b") == ":1\r\n");
  CHECK(server.Answer(0).empty());
  CHECK(server.Answer(1) == "*2\r\n$1\r\nm\r\n$1\r\nb\r\n");
  CHECK(server.Run("LLEN l") == ":1\r\n");
}

TEST_CASE("those who wait are served after a transaction, and its changes are one") {
  Fixture server;
  server.Wait(0, "BLPOP l 0");
  server.Run("MULTI");
  server.Run("RPUSH l a");
  server.Run("RPUSH l b");
  CHECK(server.Run("EXEC") == "*2\r\n:1\r\n:2\r\n");
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
  CHECK(server.TakeStream() == Lines{"MULTI", "RPUSH l a", "RPUSH l b", "EXEC", "LPOP l"});
}

TEST_CASE("a transaction that waits for an answer shows nobody what it has pushed") {
  Fixture server;
  server.commands.Add(
      {"later", -1, kNoScript, 0, {}, [](CommandContext& context) { context.client.Block(); }});
  server.Wait(0, "BLPOP l 0");
  server.Run("MULTI");
  server.Run("RPUSH l a");
  server.Run("LATER");
  server.Run("DEL l");
  server.Run("RPUSH l b");
  server.Run("EXEC");
  server.executor.ServeBlocked();
  CHECK(server.waiters[0].reply.empty());
  server.host.Resume(server.client.id, [](ReplyWriter& reply) { reply.Ok(); });
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
}

TEST_CASE("while writes are paused nobody is served") {
  Fixture server;
  server.Wait(0, "BLPOP l 0");
  server.Run("CLIENT PAUSE 1000 WRITE");
  server.Apply("RPUSH l a");
  CHECK(server.Answer(0).empty());
  server.executor.ServeBlocked();
  CHECK(server.Answer(0).empty());
  CHECK(server.waiters[0].blocked);
  server.Run("CLIENT UNPAUSE");
  server.executor.ServeBlocked();
  CHECK(server.Answer(0) == "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
}

TEST_CASE("who needs a locked key waits for it, and holds up nobody who waits for others") {
  Fixture server;
  server.Wait(0, "BLMOVE l m LEFT LEFT 0");
  server.Wait(1, "BLPOP k 0");
  server.executor.locks().Lock("m");
  server.Run("RPUSH l a");
  server.Run("RPUSH k b");
  CHECK(server.Answer(0).empty());
  CHECK(server.Answer(1) == "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
  server.executor.locks().Unlock("m");
  server.executor.ServeBlocked();
  CHECK(server.Answer(0) == "$1\r\na\r\n");
}

TEST_CASE("who waits is sent away when its slot is, and takes nothing with it") {
  Fixture server;
  SlotGate gate;
  server.executor.set_gate(&gate);
  server.Wait(0, "BLPOP l 0");
  CHECK_FALSE(server.waiters[0].leased_replies);
  server.executor.RecheckBlocked();
  CHECK(gate.waits);
  CHECK(server.waiters[0].blocked);
  CHECK_FALSE(server.waiters[0].leased_replies);
  gate.verdict = GateVerdict::kHold;
  server.executor.RecheckBlocked();
  CHECK(server.waiters[0].blocked);
  gate.verdict = GateVerdict::kRedirect;
  server.executor.RecheckBlocked();
  CHECK(server.Answer(0) == "-MOVED 1 127.0.0.1:7001\r\n");
  CHECK_FALSE(server.executor.blocked().any());
  server.NextTurn();
  CHECK_FALSE(server.waiters[0].blocked);
}

TEST_CASE("who is served is told so only while this node owns the slot") {
  Fixture server;
  SlotGate gate;
  server.executor.set_gate(&gate);
  server.Wait(0, "BLPOP l 0");
  server.Run("RPUSH l a");
  CHECK(server.waiters[0].leased_replies);
  CHECK(server.waiters[0].unacknowledged_writes);
}

TEST_CASE("the gate is asked again before a client is served") {
  Fixture server;
  SlotGate gate;
  server.executor.set_gate(&gate);
  server.Wait(0, "BLPOP l 0");
  gate.verdict = GateVerdict::kRedirect;
  server.Apply("RPUSH l a");
  CHECK(server.Answer(0) == "-MOVED 1 127.0.0.1:7001\r\n");
  gate.verdict = GateVerdict::kExecute;
  CHECK(server.Run("LLEN l") == ":1\r\n");
}

TEST_CASE("who waits is disconnected when this is no primary any more") {
  Fixture server;
  server.Wait(0, "BLPOP l 0");
  server.Wait(1, "BZPOPMIN z 9");
  server.executor.DisconnectBlocked();
  for (const size_t who : {0, 1}) {
    CHECK(server.Answer(who) ==
          "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
          "replica?)\r\n");
    CHECK(server.waiters[who].close_after_reply);
  }
  CHECK_FALSE(server.executor.blocked().any());
  CHECK(server.executor.blocked().deadline_ms() == BlockedClients::kForever);
}

TEST_CASE("a primary's stream waits for nothing") {
  Fixture server;
  const std::vector<std::string_view> args = {"BLPOP", "l", "0"};
  CHECK(server.executor.ApplyFromPrimary(server.stream, args));
  CHECK_FALSE(server.stream.blocked);
  CHECK_FALSE(server.executor.blocked().any());
}

TEST_CASE("a key that is marked often is looked at once, and one that nobody awaits never") {
  BlockedClients blocked;
  Client client(1);
  CommandSpec spec;
  const std::vector<std::string_view> args = {"BLPOP", "a", "b", "a", "0"};
  const Args keys = Args(args).subspan(1, 3);
  blocked.Add(client, {&spec, args}, keys, ValueType::kList, BlockedClients::kForever);
  blocked.MarkReady("c");
  CHECK_FALSE(blocked.any_ready());
  for (int i = 0; i < 3; ++i) {
    blocked.MarkReady("b");
    blocked.MarkReady("a");
  }
  CHECK(blocked.First("a", ValueType::kSortedSet) == nullptr);
  CHECK(&blocked.First("a", ValueType::kList)->client == &client);
  CHECK(blocked.TakeReady() == "b");
  // What is marked outlives who waited for it.
  CHECK(blocked.Remove(client) != nullptr);
  CHECK(blocked.Remove(client) == nullptr);
  CHECK(blocked.TakeReady() == "a");
  CHECK(blocked.TakeReady() == std::nullopt);
  CHECK(blocked.First("a", ValueType::kList) == nullptr);
}

}  // namespace
}  // namespace kv
