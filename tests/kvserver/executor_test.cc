// How requests reach their commands: authentication, gate, propagation, roles, blocking.

#include <string>
#include <vector>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "support/catch.h"

namespace kv {
namespace {

class FakeGate : public CommandGate {
 public:
  GateVerdict Admit(const GateQuery& query, std::string* refusal) override {
    ++asked;
    slot = query.slot;
    same_slot = query.same_slot;
    spec = query.requests[0].spec->name;
    asking = query.asking();
    if (verdict == GateVerdict::kRefuse) *refusal = "MOVED 1 127.0.0.1:7001";
    return verdict;
  }
  bool MayAcknowledge(const Client&) override { return true; }

  GateVerdict verdict = GateVerdict::kExecute;
  int asked = 0;
  clusterkit::SlotId slot;
  bool same_slot = false;
  bool asking = false;
  std::string spec;
};

using Stream = std::vector<std::string>;

TEST_CASE("the gate is asked about requests with keys, and about their slots") {
  FakeServer server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("PING");
  server.Run("DBSIZE");
  CHECK(gate.asked == 0);
  server.Run("GET foo");
  CHECK(gate.asked == 1);
  CHECK(gate.slot.value == 12182);
  CHECK(gate.same_slot);
  server.Run("MGET foo {foo}2");
  CHECK(gate.same_slot);
  server.Run("MSET foo 1 bar 2");
  CHECK(gate.slot.value == 12182);
  CHECK_FALSE(gate.same_slot);
  server.Run("MSET foo bar {foo}2 bar");
  CHECK(gate.same_slot);
  server.Run("OBJECT ENCODING foo");
  CHECK(gate.spec == "object|encoding");
}

TEST_CASE("what the gate refuses is not executed, and its text is the reply") {
  FakeServer server;
  FakeGate gate;
  gate.verdict = GateVerdict::kRefuse;
  server.executor.set_gate(&gate);
  CHECK(server.Run("SET a 1") == "-MOVED 1 127.0.0.1:7001\r\n");
  CHECK(server.keyspace.size() == 0);
  CHECK(server.stats.errors == 1);
}

TEST_CASE("a request with the wrong number of arguments never reaches the gate") {
  FakeServer server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.Run("GET");
  CHECK(gate.asked == 0);
}

TEST_CASE("a held request leaves no trace until it is given again") {
  FakeServer server;
  FakeGate gate;
  gate.verdict = GateVerdict::kHold;
  server.executor.set_gate(&gate);
  CHECK(server.Run("SET a 1").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  CHECK(server.client.held);
  CHECK(server.stats.commands == 0);
  gate.verdict = GateVerdict::kExecute;
  server.client.held = false;
  CHECK(server.Run("SET a 1") == "+OK\r\n");
}

TEST_CASE("ASKING is valid for one request") {
  FakeServer server;
  FakeGate gate;
  server.executor.set_gate(&gate);
  server.client.asking = true;
  server.Run("GET a");
  CHECK(gate.asking);
  server.Run("GET a");
  CHECK_FALSE(gate.asking);
  server.Run("RESTORE-ASKING a 0 nonsense");
  CHECK(gate.asking);
  server.Run("RESTORE a 0 nonsense");
  CHECK_FALSE(gate.asking);
  server.client.asking = true;
  server.Run("NOSUCH");
  CHECK_FALSE(server.client.asking);
}

TEST_CASE("writes are propagated as they came, reads and failed writes not at all") {
  FakeServer server;
  server.Run("SET a 1");
  server.Run("GET a");
  server.Run("DEL nosuch");
  server.Run("SETNX a 2");
  server.Run("INCR a");
  server.Run("SET a x y");
  CHECK(server.TakeStream() == Stream{"SET a 1", "INCR a"});
}

TEST_CASE("times are propagated as points in time") {
  FakeServer server;
  server.keyspace.set_now_ms(1000);
  server.Run("SET a 1 EX 10");
  server.Run("SETEX a 10 2");
  server.Run("PSETEX a 10 3");
  server.Run("EXPIRE a 5");
  server.Run("GETEX a PX 70");
  server.Run("GETEX a PERSIST");
  server.Run("EXPIREAT a 100");
  CHECK(server.TakeStream() == Stream{"SET a 1 PXAT 11000", "SET a 2 PXAT 11000",
                                      "SET a 3 PXAT 1010", "PEXPIREAT a 6000", "PEXPIREAT a 1070",
                                      "PERSIST a", "PEXPIREAT a 100000"});
}

TEST_CASE("what decides by present data is propagated as its result") {
  FakeServer server;
  server.Run("SET a 1 NX GET");
  server.Run("SET a 2 KEEPTTL");
  server.Run("INCRBYFLOAT a 0.5");
  server.Run("GETSET a 7");
  server.Run("GETDEL a");
  CHECK(server.TakeStream() ==
        Stream{"SET a 1", "SET a 2 KEEPTTL", "SET a 2.5 KEEPTTL", "SET a 7", "DEL a"});
}

TEST_CASE("a time in the past is propagated as deletion") {
  FakeServer server;
  server.Run("SET a 1");
  server.Run("EXPIRE a -1");
  server.Run("SET a 1");
  server.Run("GETEX a EXAT 1");
  CHECK(server.TakeStream() == Stream{"SET a 1", "DEL a", "SET a 1", "DEL a"});
  CHECK(server.keyspace.size() == 0);
}

TEST_CASE("an expired key is propagated as deleted before the command that met it") {
  FakeServer server;
  server.Run("SET a 1 PX 10");
  server.TakeStream();
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
  CHECK(server.Run("APPEND a x") == ":1\r\n");
  CHECK(server.TakeStream() == Stream{"DEL a", "APPEND a x"});
}

TEST_CASE("a client learns the offset behind its last write, and owes an acknowledgement") {
  FakeServer server;
  server.Run("GET a");
  CHECK_FALSE(server.client.unacknowledged_writes);
  CHECK(server.client.last_write_offset == 0);
  server.Run("SET a 1");
  CHECK(server.client.unacknowledged_writes);
  CHECK(server.client.last_write_offset == 100);
}

TEST_CASE("a replica refuses writes of clients and takes those of its primary") {
  FakeServer server;
  server.executor.set_replica(true);
  CHECK(server.Run("SET a 1") == "-READONLY You can't write against a read only replica.\r\n");
  CHECK(server.Run("FLUSHALL").rfind("-READONLY", 0) == 0);
  CHECK(server.Run("GET a") == "$-1\r\n");

  Client primary(1);
  primary.kind = ClientKind::kPrimary;
  const std::string_view set[] = {"SET", "a", "1", "PXAT", "500"};  // already in the past
  CHECK(server.executor.ApplyFromPrimary(primary, set));
  CHECK(primary.reply.empty());
  CHECK(server.keyspace.size() == 1);
  CHECK(server.Run("GET a") == "$-1\r\n");
  const std::string_view persist[] = {"PERSIST", "a"};
  CHECK(server.executor.ApplyFromPrimary(primary, persist));
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
  const std::string_view expire[] = {"PEXPIREAT", "a", "500"};
  CHECK(server.executor.ApplyFromPrimary(primary, expire));
  CHECK(server.keyspace.size() == 1);
  const std::string_view del[] = {"DEL", "a"};
  CHECK(server.executor.ApplyFromPrimary(primary, del));
  CHECK(server.keyspace.size() == 0);
}

TEST_CASE("a command of the stream that fails is reported: the data differ") {
  FakeServer server;
  server.executor.set_replica(true);
  Client primary(1);
  primary.kind = ClientKind::kPrimary;
  const std::string_view unknown[] = {"NOSUCH", "a"};
  CHECK_FALSE(server.executor.ApplyFromPrimary(primary, unknown));
  const std::string_view bad[] = {"INCRBY", "a", "x"};
  CHECK_FALSE(server.executor.ApplyFromPrimary(primary, bad));
}

TEST_CASE("the gate is not asked about the primary's stream") {
  FakeServer server;
  FakeGate gate;
  gate.verdict = GateVerdict::kRefuse;
  server.executor.set_gate(&gate);
  Client primary(1);
  primary.kind = ClientKind::kPrimary;
  const std::string_view set[] = {"SET", "a", "1"};
  CHECK(server.executor.ApplyFromPrimary(primary, set));
}

TEST_CASE("while expiry is paused nothing is deleted, and expired keys are absent") {
  FakeServer server;
  server.Run("SET a 1 PX 10");
  server.executor.set_expiry_paused(true);
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
  server.TakeStream();
  CHECK(server.Run("GET a") == "$-1\r\n");
  CHECK(server.keyspace.size() == 1);
  server.executor.set_expiry_paused(false);
  CHECK(server.Run("GET a") == "$-1\r\n");
  CHECK(server.keyspace.size() == 0);
  CHECK(server.TakeStream() == Stream{"DEL a"});
}

TEST_CASE("before authentication only AUTH, HELLO, RESET and QUIT are served") {
  FakeServer server;
  server.config.requirepass = "secret";
  server.client.authenticated = false;
  CHECK(server.Run("GET a") == "-NOAUTH Authentication required.\r\n");
  CHECK(server.Run("AUTH wrong").rfind("-WRONGPASS", 0) == 0);
  CHECK(server.Run("AUTH secretsecret").rfind("-WRONGPASS", 0) == 0);
  CHECK(server.RunWords({"AUTH", ""}).rfind("-WRONGPASS", 0) == 0);
  CHECK(server.Run("AUTH secret") == "+OK\r\n");
  CHECK(server.Run("GET a") == "$-1\r\n");
  CHECK(server.Run("RESET") == "+RESET\r\n");
  CHECK(server.Run("GET a") == "-NOAUTH Authentication required.\r\n");
  CHECK(server.Run("HELLO 2 AUTH default secret").rfind("*14\r\n", 0) == 0);
}

TEST_CASE("a password that is set or removed at run time concerns new clients only") {
  FakeServer server;
  CHECK(server.Run("CONFIG SET requirepass secret") == "+OK\r\n");
  CHECK(server.Run("GET a") == "$-1\r\n");
  Client late(8);
  late.authenticated = false;
  CHECK(server.RunAs(late, {"GET", "a"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(server.RunAs(late, {"HELLO", "3"}).rfind("-NOAUTH HELLO", 0) == 0);
  CHECK(server.RunAs(late, {"MULTI"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(server.Run("CONFIG SET requirepass ''") == "+OK\r\n");
  CHECK(server.RunAs(late, {"GET", "a"}) == "$-1\r\n");
  CHECK(server.RunAs(late, {"HELLO", "2"}).rfind("*14\r\n", 0) == 0);
}

TEST_CASE("replies can be switched off and skipped") {
  FakeServer server;
  CHECK(server.Run("CLIENT REPLY SKIP").empty());
  CHECK(server.Run("PING").empty());
  CHECK(server.Run("PING") == "+PONG\r\n");
  CHECK(server.Run("CLIENT REPLY OFF").empty());
  CHECK(server.Run("PING").empty());
  CHECK(server.Run("NOSUCH").empty());
  CHECK(server.Run("CLIENT REPLY ON") == "+OK\r\n");
  CHECK(server.Run("PING") == "+PONG\r\n");
}

TEST_CASE("requests that may change a locked key are held, others are not") {
  FakeServer server;
  server.Run("MSET a 1 b 1");
  server.executor.locks().Lock("a");
  for (const char* request :
       {"SET a 2", "DEL b a", "RENAME b a", "MIGRATE h 1 a 0 10", "MIGRATE h 1 '' 0 10 KEYS b a"}) {
    CAPTURE(request);
    CHECK(server.Run(request).empty());
    CHECK(server.outcome == Executor::Outcome::kHeld);
    server.client.held = false;
  }
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
  CHECK(server.Run("SET b 2") == "+OK\r\n");
  server.Run("MULTI");
  CHECK(server.Run("INCR a") == "+QUEUED\r\n");
  CHECK(server.Run("EXEC").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  server.executor.locks().Unlock("a");
  CHECK(server.Run("EXEC") == "*1\r\n:2\r\n");
}

TEST_CASE("a command can answer later") {
  FakeServer server;
  CHECK(server.Run("WAIT 1 100").empty());
  CHECK(server.outcome == Executor::Outcome::kBlocked);
  REQUIRE(server.host.delayed.size() == 1);
  CHECK(server.host.delays[0] == std::chrono::milliseconds(100));
  server.host.delayed[0]();
  CHECK_FALSE(server.client.blocked);
  CHECK(server.client.reply == ":0\r\n");
}

TEST_CASE("a command can be replaced, and a container extended") {
  FakeServer server;
  const CommandSpec* get = server.commands.Find("get");
  server.commands.Add({"ping", -1, kFast, 0, {}, [](CommandContext& context) {
                         ReplyWriter(&context.client.reply, Protocol::kResp2).Simple("MINE");
                       }});
  server.commands.AddSubcommand(
      "client", {"client|extra", 2, 0, 0, {}, [](CommandContext& context) {
                   ReplyWriter(&context.client.reply, Protocol::kResp2).Simple("EXTRA");
                 }});
  CHECK(server.Run("PiNg") == "+MINE\r\n");
  CHECK(server.Run("client EXTRA") == "+EXTRA\r\n");
  CHECK(server.commands.Find("GET") == get);
}

}  // namespace
}  // namespace kv
