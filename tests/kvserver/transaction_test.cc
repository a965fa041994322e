// MULTI, EXEC, WATCH: what is queued, when it is refused, what is propagated, and that a
// transaction whose commands answer later is still one.

#include "kvserver/transaction.h"

#include <string>
#include <vector>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "support/catch.h"

namespace kv {
namespace {

using Stream = std::vector<std::string>;

// Refuses or holds what it is told to, and notes what it was asked.
class FakeGate : public CommandGate {
 public:
  GateVerdict Admit(const GateQuery& query, std::string* refusal) override {
    keys.clear();
    query.ForEachKey([this](std::string_view key) { keys.emplace_back(key); });
    same_slot = query.same_slot;
    write = (query.flags & kWrite) != 0;
    asking = query.client.asking;
    spec = query.spec.name;
    if (verdict == GateVerdict::kRedirect) *refusal = "MOVED 1 127.0.0.1:7001";
    if (verdict == GateVerdict::kRefuse) *refusal = "NOREPLICAS Not enough good replicas to write.";
    return verdict;
  }
  bool MayAcknowledge(const Client&) override { return true; }

  GateVerdict verdict = GateVerdict::kExecute;
  std::vector<std::string> keys;
  std::string spec;
  bool same_slot = false;
  bool write = false;
  bool asking = false;
};

struct Fixture : FakeServer {
  Fixture() {
    commands.Add(
        {"later", -1, kNoScript, 0, {}, [](CommandContext& context) { context.client.Block(); }});
    host.clients.push_back(&other);
  }
  std::string RunOther(std::string_view request) { return RunAs(other, Words(request)); }
  // Answers the LATER that `who` waits for; what it is sent then.
  std::string Answer(Client& who, std::string_view text) {
    host.Resume(who.id, [text](ReplyWriter& reply) { reply.Simple(text); });
    return std::exchange(who.reply, "");
  }

  Client other{8};
};

constexpr char kQueued[] = "+QUEUED\r\n";
constexpr char kAborted[] = "-EXECABORT Transaction discarded because of previous errors.\r\n";

TEST_CASE("what follows MULTI runs at EXEC, and not before") {
  Fixture server;
  CHECK(server.Run("MULTI") == "+OK\r\n");
  CHECK(server.Run("SET a 1") == kQueued);
  CHECK(server.Run("INCR a") == kQueued);
  CHECK(server.keyspace.size() == 0);
  CHECK(server.Run("EXEC") == "*2\r\n+OK\r\n:2\r\n");
  CHECK(server.Run("GET a") == "$1\r\n2\r\n");
}

TEST_CASE("an error while queueing makes EXEC refuse everything; one while running does not") {
  Fixture server;
  for (const char* mistake : {"NOSUCH", "GET", "CLIENT NOSUCH", "SHUTDOWN"}) {
    CAPTURE(mistake);
    server.Run("MULTI");
    server.Run("SET a 1");
    CHECK(server.Run(mistake)[0] == '-');
    CHECK(server.Run("SET a 2") == kQueued);
    CHECK(server.Run("EXEC") == kAborted);
    CHECK(server.keyspace.size() == 0);
    CHECK_FALSE(server.client.in_multi());
  }
  server.Run("MULTI");
  server.Run("SET a x");
  server.Run("INCR a");
  server.Run("APPEND a y");
  CHECK(server.Run("EXEC") ==
        "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n:2\r\n");
}

TEST_CASE("changes of a transaction are propagated in order, as one") {
  Fixture server;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.Run("GET a");
  server.Run("EXPIRE a 10");
  server.Run("DEL nosuch");
  server.Run("DEL a");
  CHECK(server.TakeStream().empty());
  server.Run("EXEC");
  CHECK(server.TakeStream() == Stream{"MULTI", "SET a 1", "PEXPIREAT a 1010000", "DEL a", "EXEC"});
  CHECK(server.client.unacknowledged_writes);
  CHECK(server.client.last_write_offset == 500);

  server.Run("MULTI");
  server.Run("SET a 1");
  server.Run("EXEC");
  CHECK(server.TakeStream() == Stream{"SET a 1"});
  server.Run("MULTI");
  server.Run("GET a");
  server.Run("EXEC");
  CHECK(server.TakeStream().empty());
}

TEST_CASE("what expires during a transaction is propagated inside it") {
  Fixture server;
  server.Run("SET a 1 PX 10");
  server.TakeStream();
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
  server.Run("MULTI");
  server.Run("SET b 1");
  server.Run("APPEND a x");
  server.Run("EXEC");
  CHECK(server.TakeStream() == Stream{"MULTI", "SET b 1", "DEL a", "APPEND a x", "EXEC"});
}

TEST_CASE("a replica applies a transaction of the stream at its EXEC") {
  Fixture server;
  server.executor.set_replica(true);
  Client primary(1);
  primary.kind = ClientKind::kPrimary;
  const auto apply = [&](std::string_view request) {
    const std::vector<std::string> words = Words(request);
    return server.executor.ApplyFromPrimary(
        primary, std::vector<std::string_view>(words.begin(), words.end()));
  };
  CHECK(apply("MULTI"));
  CHECK(apply("SET a 1"));
  CHECK(apply("SET b 1 PXAT 5"));
  CHECK(server.keyspace.size() == 0);
  CHECK(apply("EXEC"));
  CHECK(server.keyspace.size() == 2);
  CHECK(apply("MULTI"));
  CHECK(apply("INCRBY a x"));
  CHECK_FALSE(apply("EXEC"));
}

TEST_CASE("the gate is asked about each request, and at EXEC about all of them") {
  Fixture server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("MULTI");
  server.Run("GET a");
  CHECK(gate.keys == Stream{"a"});
  CHECK_FALSE(gate.write);
  server.Run("MSET a 1 {a}b 2");
  CHECK(gate.keys == Stream{"a", "{a}b"});
  server.Run("PING");
  server.Run("EXEC");
  CHECK(gate.spec == "exec");
  CHECK(gate.keys == Stream{"a", "a", "{a}b"});
  CHECK(gate.same_slot);
  CHECK(gate.write);
  server.Run("MULTI");
  server.Run("GET a");
  server.Run("GET b");
  server.Run("EXEC");
  CHECK_FALSE(gate.same_slot);
}

TEST_CASE("a redirection while queueing fails the transaction, one at EXEC is its answer") {
  Fixture server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("MULTI");
  gate.verdict = GateVerdict::kRedirect;
  CHECK(server.Run("SET a 1") == "-MOVED 1 127.0.0.1:7001\r\n");
  CHECK(server.Run("EXEC") == kAborted);

  gate.verdict = GateVerdict::kExecute;
  server.Run("MULTI");
  server.Run("SET a 1");
  gate.verdict = GateVerdict::kRedirect;
  CHECK(server.Run("EXEC") == "-MOVED 1 127.0.0.1:7001\r\n");
  CHECK_FALSE(server.client.in_multi());
  CHECK(server.keyspace.size() == 0);
}

TEST_CASE("what else forbids the transaction at EXEC is told as the reason of its end") {
  Fixture server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("MULTI");
  server.Run("SET a 1");
  gate.verdict = GateVerdict::kRefuse;
  CHECK(server.Run("EXEC") ==
        "-EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to "
        "write.\r\n");
  gate.verdict = GateVerdict::kExecute;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.executor.set_replica(true);
  CHECK(server.Run("EXEC") ==
        "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only "
        "replica.\r\n");
  server.Run("MULTI");
  server.Run("GET a");
  CHECK(server.Run("EXEC") == "*1\r\n$-1\r\n");
}

TEST_CASE("a transaction that is held at EXEC runs when it is given again") {
  Fixture server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("MULTI");
  server.Run("SET a 1");
  gate.verdict = GateVerdict::kHold;
  CHECK(server.Run("EXEC").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  gate.verdict = GateVerdict::kExecute;
  CHECK(server.Run("EXEC") == "*1\r\n+OK\r\n");
}

TEST_CASE("ASKING before MULTI is valid for the whole transaction") {
  Fixture server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  for (const char* end : {"EXEC", "DISCARD"}) {
    server.client.asking = true;
    server.Run("MULTI");
    server.Run("GET a");
    CHECK(gate.asking);
    server.Run("GET a");
    CHECK(gate.asking);
    server.Run(end);
    CHECK_FALSE(server.client.asking);
  }
}

TEST_CASE("a transaction takes no more memory than the query buffer may") {
  Fixture server;
  server.config.client_query_buffer_limit = 1000;
  server.config.proto_max_bulk_len = 0;
  server.Run("MULTI");
  const std::vector<std::string> set = {"SET", "a", std::string(300, 'x')};
  CHECK(server.RunWords(set) == kQueued);
  CHECK(server.RunWords(set) == kQueued);
  CHECK(server.RunWords(set) == "-ERR the transaction exceeds client-query-buffer-limit\r\n");
  for (int i = 0; i < 100; ++i) server.RunWords({"SET", "a", "1"});
  CHECK(server.client.transaction->queue.size() == 2);
  CHECK(server.Run("EXEC") == kAborted);

  CHECK(server.RunWords({"WATCH", std::string(1000, 'x')}) ==
        "-ERR the watched keys exceed client-query-buffer-limit\r\n");
}

// --- WATCH ---

// Whether a transaction of a client that watches `key` survives what happens in between.
bool Survives(Fixture& server, const std::string& key, std::string_view change) {
  server.Run("WATCH " + key);
  if (!change.empty()) server.RunOther(change);
  server.Run("MULTI");
  server.Run("PING");
  const std::string reply = server.Run("EXEC");
  CHECK((reply == "*1\r\n+PONG\r\n" || reply == "*-1\r\n"));
  return reply != "*-1\r\n";
}

TEST_CASE("a change of a watched key breaks the transaction") {
  Fixture server;
  for (const char* change :
       {"SET a 2", "APPEND a x", "DEL a", "SETNX a 1", "EXPIRE a 100", "PERSIST a", "RENAME a b",
        "RENAME b a", "FLUSHALL", "MSET b 1 a 2", "EXPIRE a -1"}) {
    CAPTURE(change);
    CHECK_FALSE(Survives(server, "a", change));
  }
}

TEST_CASE("what leaves a watched key as it is breaks nothing") {
  Fixture server;
  server.Run("SET a 1");
  for (const char* change : {"", "GET a", "SET b 1", "SETNX a 2", "DEL nosuch", "PERSIST a",
                             "INCRBY a x", "SETRANGE a 0 ''", "MSETNX a 1 c 2", "RENAMENX b a"}) {
    CAPTURE(change);
    CHECK(Survives(server, "a", change));
  }
  CHECK(Survives(server, "absent", "FLUSHALL"));
}

TEST_CASE("a client's own change breaks its transaction too") {
  Fixture server;
  server.Run("WATCH a");
  server.Run("SET a 1");
  server.Run("MULTI");
  CHECK(server.Run("EXEC") == "*-1\r\n");
}

TEST_CASE("EXEC, DISCARD, UNWATCH and RESET end the watching") {
  Fixture server;
  for (const char* end : {"EXEC", "DISCARD", "UNWATCH", "RESET"}) {
    CAPTURE(end);
    server.Run("WATCH a");
    if (*end == 'E' || *end == 'D') server.Run("MULTI");
    server.Run(end);
    CHECK(Survives(server, "b", "SET a 1"));
  }
}

TEST_CASE("a watched key that expires breaks the transaction, deleted or not") {
  Fixture server;
  for (const bool paused : {false, true}) {
    CAPTURE(paused);
    server.executor.set_expiry_paused(paused);
    server.Run("SET a 1 PX 10");
    server.Run("WATCH a");
    server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
    server.Run("MULTI");
    CHECK(server.Run("EXEC") == "*-1\r\n");
  }
  server.executor.set_expiry_paused(false);
  server.Run("SET a 1 PX 10");
  server.Run("WATCH a");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
  server.keyspace.ExpireSome([] { return false; });
  server.Run("MULTI");
  CHECK(server.Run("EXEC") == "*-1\r\n");
}

TEST_CASE("a key that had expired before it was watched may be deleted, but not made again") {
  Fixture server;
  const auto expired = [&server] {
    server.executor.set_expiry_paused(true);
    server.Run("SET a 1 PX 10");
    server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
    server.Run("WATCH a");
    server.executor.set_expiry_paused(false);
    server.Run("MULTI");
  };
  expired();
  server.keyspace.ExpireSome([] { return false; });
  CHECK(server.keyspace.size() == 0);
  CHECK(server.Run("EXEC") == "*0\r\n");
  expired();
  server.RunOther("FLUSHALL");
  CHECK(server.Run("EXEC") == "*0\r\n");
  expired();
  server.RunOther("SET a 2");
  CHECK(server.Run("EXEC") == "*-1\r\n");
}

TEST_CASE("the primary's stream breaks the transaction of a replica's client") {
  Fixture server;
  server.executor.set_replica(true);
  server.Run("WATCH a");
  Client primary(1);
  primary.kind = ClientKind::kPrimary;
  const std::string_view set[] = {"SET", "a", "1"};
  CHECK(server.executor.ApplyFromPrimary(primary, set));
  server.Run("MULTI");
  CHECK(server.Run("EXEC") == "*-1\r\n");
}

TEST_CASE("a client that is gone watches nothing") {
  Fixture server;
  {
    Client gone(99);
    server.RunAs(gone, {"WATCH", "a", "b", "a"});
  }
  server.Run("SET a 1");
  CHECK(Survives(server, "b", ""));
}

// --- Commands that answer later ---

TEST_CASE("a transaction whose commands answer later collects the answers in order") {
  Fixture server;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.Run("LATER");
  server.Run("INCR a");
  server.Run("LATER");
  server.Run("GET a");
  CHECK(server.Run("EXEC").empty());
  CHECK(server.outcome == Executor::Outcome::kBlocked);
  CHECK(server.keyspace.Find("a")->value.string() == "1");
  CHECK(server.Answer(server.client, "first").empty());
  CHECK(server.client.blocked);
  CHECK(server.Answer(server.client, "second") ==
        "*5\r\n+OK\r\n+first\r\n:2\r\n+second\r\n$1\r\n2\r\n");
  CHECK_FALSE(server.client.blocked);
  CHECK_FALSE(server.client.in_multi());
  CHECK(server.TakeStream() == Stream{"MULTI", "SET a 1", "INCR a", "EXEC"});
  CHECK(server.client.unacknowledged_writes);
}

TEST_CASE("nobody sees the data between the commands of a transaction that waits") {
  Fixture server;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.Run("LATER");
  server.Run("EXEC");
  CHECK(server.executor.exclusive());
  CHECK(server.RunOther("GET a").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  CHECK(server.other.held);
  server.Answer(server.client, "x");
  CHECK_FALSE(server.executor.exclusive());
  CHECK(server.host.releases == 1);
  CHECK(server.RunOther("GET a") == "$1\r\n1\r\n");
}

TEST_CASE("a transaction that has nothing to do with the data holds nobody up") {
  Fixture server;
  server.Run("MULTI");
  server.Run("LATER");
  server.Run("LATER");
  server.Run("EXEC");
  CHECK(server.RunOther("SET a 1") == "+OK\r\n");
  CHECK(server.TakeStream() == Stream{"SET a 1"});
  server.Answer(server.client, "x");
  CHECK(server.Answer(server.client, "y") == "*2\r\n+x\r\n+y\r\n");
}

TEST_CASE("what may not run any more after a wait is refused one by one") {
  Fixture server;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.Run("LATER");
  server.Run("SET b 1");
  server.Run("PING");
  server.Run("EXEC");
  server.executor.set_replica(true);
  CHECK(server.Answer(server.client, "x") ==
        "*4\r\n+OK\r\n+x\r\n-READONLY You can't write against a read only replica.\r\n+PONG\r\n");
  CHECK(server.keyspace.size() == 1);
}

TEST_CASE("commands that would wait for others do not in a transaction") {
  Fixture server;
  server.Run("MULTI");
  server.Run("WAIT 1 0");
  CHECK(server.Run("EXEC") == "*1\r\n:0\r\n");
}

TEST_CASE("a skipped reply stays skipped when the command answers later") {
  Fixture server;
  server.Run("CLIENT REPLY SKIP");
  server.Run("LATER");
  CHECK(server.Answer(server.client, "x").empty());
  CHECK(server.Run("PING") == "+PONG\r\n");
  server.Run("MULTI");
  server.Run("LATER");
  server.Run("CLIENT REPLY SKIP");
  server.client.reply_mode = ReplyMode::kSkipNext;
  server.Run("EXEC");
  CHECK(server.Answer(server.client, "x").empty());
}

}  // namespace
}  // namespace kv
