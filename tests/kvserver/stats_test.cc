// What INFO counts: commands, errors, and which sections are shown when.

#include "kvserver/stats.h"

#include <string>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "support/catch.h"

namespace kv {
namespace {

CommandStats::Calls CallsOf(FakeServer& server, std::string_view name, std::string_view sub = {}) {
  const CommandSpec* spec = server.commands.Find(name);
  if (!sub.empty()) spec = CommandTable::FindSubcommand(*spec, sub);
  return server.stats.calls.Of(*spec);
}

TEST_CASE("calls are counted by command, those refused and those failed apart") {
  FakeServer server;
  for (const char* request : {"SET a x", "GET a", "GET a", "GET", "INCR a", "CLIENT ID",
                              "CLIENT NOSUCH", "CLIENT", "NOSUCH"}) {
    server.Run(request);
  }
  CHECK(CallsOf(server, "set").calls == 1);
  CHECK(CallsOf(server, "get").calls == 2);
  CHECK(CallsOf(server, "get").rejected == 1);
  CHECK(CallsOf(server, "incr").calls == 1);
  CHECK(CallsOf(server, "incr").failed == 1);
  CHECK(CallsOf(server, "client", "id").calls == 1);
  CHECK(CallsOf(server, "client").rejected == 1);
  CHECK(server.stats.commands == 5);
  CHECK(server.stats.requests == 9);
  CHECK(server.stats.errors == 5);
}

TEST_CASE("commands of a transaction are counted when they run, and EXEC with the time of all") {
  FakeServer server;
  for (const char* request :
       {"MULTI", "SET a x", "INCR a", "EXEC", "MULTI", "GET", "SET a 1", "EXEC", "EXEC x"}) {
    server.Run(request);
  }
  CHECK(CallsOf(server, "set").calls == 1);
  CHECK(CallsOf(server, "incr").failed == 1);
  CHECK(CallsOf(server, "get").rejected == 1);
  CHECK(CallsOf(server, "exec").calls == 2);
  CHECK(CallsOf(server, "exec").failed == 1);
  CHECK(CallsOf(server, "exec").rejected == 1);
  server.stats.calls.Stop();
  CHECK(CallsOf(server, "exec").nanoseconds >
        CallsOf(server, "set").nanoseconds + CallsOf(server, "incr").nanoseconds);
  CHECK(server.stats.errors_by_code.at("EXECABORT") == 2);
}

TEST_CASE("an answer that comes later is counted as its command's") {
  FakeServer server;
  server.commands.Add(
      {"later", 1, kNoScript, 0, {}, [](CommandContext& context) { context.client.Block(); }});
  const auto fail = [](ReplyWriter& reply) { reply.Error("NOPE x"); };
  server.Run("LATER");
  server.host.Resume(server.client.id, fail);
  for (const char* request : {"MULTI", "PING", "LATER", "PING", "EXEC"}) server.Run(request);
  server.host.Resume(server.client.id, fail);
  CHECK(CallsOf(server, "later").calls == 2);
  CHECK(CallsOf(server, "later").failed == 2);
  CHECK(CallsOf(server, "exec").failed == 0);
  CHECK(server.stats.errors_by_code.at("NOPE") == 2);
}

TEST_CASE("errors are counted by their first word, of which there are not more than so many") {
  Stats stats;
  stats.CountError("-ERR a\r\n");
  stats.CountError("-ERR b\r\n");
  stats.CountError("-WRONGTYPE Operation\r\n");
  stats.CountError("-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b\r\n");
  CHECK(stats.errors_by_code.at("ERR") == 3);
  CHECK(stats.errors_by_code.at("WRONGTYPE") == 1);
  for (int i = 0; i < 1000; ++i) stats.CountError("-E" + std::to_string(i) + " x\r\n");
  CHECK(stats.errors_by_code.size() == 128);
  CHECK(stats.errors == 1004);
}

TEST_CASE("time is charged to the command that ran, until the next one or the end") {
  FakeServer server;
  server.config.enable_debug_command = "yes";
  server.Run("DEBUG SLEEP 0.01");
  server.Run("PING");
  const uint64_t slept = CallsOf(server, "debug").nanoseconds;
  CHECK(slept >= 10'000'000);
  server.Run("DEBUG LOG x");
  server.stats.calls.Stop();
  const uint64_t all = CallsOf(server, "debug").nanoseconds;
  server.stats.calls.Stop();
  CHECK(CallsOf(server, "debug").nanoseconds == all);
}

TEST_CASE("CONFIG RESETSTAT sets everything back") {
  FakeServer server;
  server.Run("SET a 1 PX 1");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 1);
  server.Run("GET a");
  server.Run("NOSUCH");
  CHECK(server.keyspace.expired_total() == 1);
  CHECK(server.Run("CONFIG RESETSTAT") == "+OK\r\n");
  CHECK(server.keyspace.expired_total() == 0);
  CHECK(CallsOf(server, "set").calls == 0);
  CHECK(server.stats.errors_by_code.empty());
  server.Run("GET a");
  CHECK(CallsOf(server, "get").calls == 1);
}

TEST_CASE("a long section of INFO is shown when it is asked for") {
  InfoRegistry info;
  const auto write = [](InfoWriter& writer) { writer.Field("x", int64_t{1}); };
  info.Set("Keyspace", write);
  info.Set("Commandstats", write, InfoRegistry::When::kOnRequest);
  info.Set("Server", write);
  const auto text = [&info](std::vector<std::string_view> names) { return info.Text(names); };
  const std::string few = "# Server\r\nx:1\r\n\r\n# Keyspace\r\nx:1\r\n";
  const std::string all =
      "# Server\r\nx:1\r\n\r\n# Commandstats\r\nx:1\r\n\r\n# Keyspace\r\nx:1\r\n";
  CHECK(text({}) == few);
  CHECK(text({"default"}) == few);
  CHECK(text({"ALL"}) == all);
  CHECK(text({"default", "everything"}) == all);
  CHECK(text({"default", "commandstats"}) == all);
  CHECK(text({"commandSTATS"}) == "# Commandstats\r\nx:1\r\n");
  CHECK(text({"nosuch"}).empty());
}

}  // namespace
}  // namespace kv
