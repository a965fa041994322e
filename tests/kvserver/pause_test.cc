// Pauses: which requests wait, how long, and when nothing changes any more.

#include "kvserver/pause.h"

#include <optional>
#include <string>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "support/catch.h"

namespace kv {
namespace {

using Kind = Pause::Kind;
using Reason = Pause::Reason;

struct Clock {
  int64_t now_ms = 0;
  Pause pause{[this] { return now_ms; }};
};

TEST_CASE("a pause lasts until its deadline, or until it is ended") {
  Clock clock;
  clock.pause.Begin(Reason::kClientPause, Kind::kWrites, 100);
  CHECK(clock.pause.kind() == Kind::kWrites);
  CHECK(clock.pause.deadline_ms() == 100);
  clock.now_ms = 99;
  clock.pause.Expire();
  CHECK(clock.pause.active());
  clock.now_ms = 100;
  clock.pause.Expire();
  CHECK_FALSE(clock.pause.active());
  CHECK(clock.pause.deadline_ms() == std::nullopt);

  clock.pause.Begin(Reason::kClientPause, Kind::kAll, 200);
  clock.pause.End(Reason::kClientPause);
  CHECK_FALSE(clock.pause.active());
}

TEST_CASE("said again, a pause becomes neither shorter nor weaker") {
  Clock clock;
  clock.pause.Begin(Reason::kClientPause, Kind::kAll, 100);
  clock.pause.Begin(Reason::kClientPause, Kind::kWrites, 50);
  CHECK(clock.pause.kind() == Kind::kAll);
  clock.now_ms = 60;
  clock.pause.Expire();
  CHECK(clock.pause.kind() == Kind::kAll);
}

TEST_CASE("of several reasons each ends by itself, and the strongest counts") {
  Clock clock;
  clock.pause.Begin(Reason::kManualFailover, Kind::kWrites, 100);
  clock.pause.Begin(Reason::kClientPause, Kind::kAll, 50);
  CHECK(clock.pause.kind() == Kind::kAll);
  CHECK(clock.pause.deadline_ms() == 50);
  clock.now_ms = 50;
  clock.pause.Expire();
  CHECK(clock.pause.kind() == Kind::kWrites);
  CHECK(clock.pause.deadline_ms() == 100);
  clock.pause.Begin(Reason::kClientPause, Kind::kWrites, 500);
  clock.pause.End(Reason::kManualFailover);
  CHECK(clock.pause.kind() == Kind::kWrites);
  CHECK_FALSE(clock.pause.has(Reason::kManualFailover));
}

TEST_CASE("a pause takes effect when what had begun before has ended") {
  Clock clock;
  int changes = 0;
  bool in_effect = false;
  clock.pause.OnChange([&] {
    ++changes;
    in_effect = clock.pause.in_effect();
  });
  std::optional<Pause::LongWrite> write(std::in_place, clock.pause);
  clock.pause.Begin(Reason::kManualFailover, Kind::kWrites, 100);
  CHECK(changes == 1);
  CHECK_FALSE(in_effect);
  write.reset();
  CHECK(changes == 2);
  CHECK(in_effect);
}

// --- What waits ---

TEST_CASE("CLIENT PAUSE WRITE holds what may change data, and nothing else") {
  FakeServer server;
  server.Run("SET a 1");
  CHECK(server.Run("CLIENT PAUSE 100 WRITE") == "+OK\r\n");
  for (const char* write : {"SET a 2", "DEL a", "FLUSHALL", "EXPIRE a 1"}) {
    CAPTURE(write);
    CHECK(server.Run(write).empty());
    CHECK(server.outcome == Executor::Outcome::kHeld);
    CHECK(server.client.held);
    server.client.held = false;
  }
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
  CHECK(server.Run("CONFIG SET hz 20") == "+OK\r\n");
  // A mistake is told at once.
  CHECK(server.Run("SET a") == "-ERR wrong number of arguments for 'set' command\r\n");
  CHECK(server.Run("CLIENT UNPAUSE") == "+OK\r\n");
  CHECK(server.Run("SET a 2") == "+OK\r\n");
}

TEST_CASE("CLIENT PAUSE holds everything, but not the streams of replication") {
  FakeServer server;
  server.Run("CLIENT PAUSE 100");
  CHECK(server.Run("PING").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  Client replica(8);
  replica.kind = ClientKind::kReplica;
  CHECK(server.RunAs(replica, {"PING"}) == "+PONG\r\n");
  Client primary(9);
  primary.kind = ClientKind::kPrimary;
  const std::string_view set[] = {"SET", "a", "1"};
  CHECK(server.executor.ApplyFromPrimary(primary, set));
}

TEST_CASE("a transaction is held if it holds a write") {
  FakeServer server;
  server.Run("MULTI");
  server.Run("GET a");
  Client writer(8);
  server.RunAs(writer, {"MULTI"});
  server.RunAs(writer, {"SET", "a", "1"});
  server.pause.Begin(Reason::kManualFailover, Kind::kWrites, 100);
  CHECK(server.Run("EXEC") == "*1\r\n$-1\r\n");
  CHECK(server.RunAs(writer, {"EXEC"}).empty());
  CHECK(writer.held);
  server.pause.End(Reason::kManualFailover);
  CHECK(server.RunAs(writer, {"EXEC"}) == "*1\r\n+OK\r\n");
}

TEST_CASE("a transaction that waits with writes delays the effect of a pause") {
  FakeServer server;
  server.commands.Add(
      {"later", 1, kNoScript, 0, {}, [](CommandContext& context) { context.client.Block(); }});
  for (const char* request : {"MULTI", "SET a 1", "LATER", "INCR a", "EXEC"}) server.Run(request);
  server.pause.Begin(Reason::kManualFailover, Kind::kWrites, 100);
  CHECK_FALSE(server.pause.in_effect());
  server.host.Resume(server.client.id, [](ReplyWriter& reply) { reply.Ok(); });
  CHECK(server.pause.in_effect());
  CHECK(server.keyspace.Find("a")->value.string() == "2");
}

// --- CLIENT UNBLOCK ---

TEST_CASE("CLIENT UNBLOCK ends a wait as its timeout would, or with an error") {
  FakeServer server;
  Client waiter(8);
  server.host.clients.push_back(&waiter);
  for (const auto& [how, answer] :
       {std::pair("CLIENT UNBLOCK 8", ":0\r\n"), std::pair("CLIENT UNBLOCK 8 TIMEOUT", ":0\r\n"),
        std::pair("CLIENT UNBLOCK 8 ERROR",
                  "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")}) {
    server.RunAs(waiter, {"WAIT", "1", "1000"});
    const auto timeout = std::move(server.host.delayed.back());
    CHECK(server.Run(how) == ":1\r\n");
    CHECK(waiter.blocked);
    server.host.delayed.back()();
    CHECK(std::exchange(waiter.reply, "") == answer);
    CHECK_FALSE(waiter.blocked);
    // The timeout of the old wait is not that of the next.
    server.RunAs(waiter, {"WAIT", "1", "0"});
    timeout();
    CHECK(waiter.blocked);
    CHECK(server.Run("CLIENT UNBLOCK 8") == ":1\r\n");
    server.host.delayed.back()();
    waiter.reply.clear();
  }
  CHECK(server.Run("CLIENT UNBLOCK 8") == ":0\r\n");
}

TEST_CASE("CLIENT UNBLOCK leaves alone who waits for an answer, or is paused") {
  FakeServer server;
  server.commands.Add(
      {"later", 1, kNoScript, 0, {}, [](CommandContext& context) { context.client.Block(); }});
  Client waiter(8);
  server.host.clients.push_back(&waiter);
  server.RunAs(waiter, {"LATER"});
  CHECK(server.Run("CLIENT UNBLOCK 8") == ":0\r\n");
  CHECK(waiter.blocked);
  Client held(9);
  server.host.clients.push_back(&held);
  server.Run("CLIENT PAUSE 100 WRITE");
  server.RunAs(held, {"SET", "a", "1"});
  CHECK(server.Run("CLIENT UNBLOCK 9") == ":0\r\n");
  CHECK(held.held);
}

}  // namespace
}  // namespace kv
