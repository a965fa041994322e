// What commands answer where it takes more than a comparison with redis-server
// (compare_with_redis.py) to check: time, many keys, other clients.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"
#include "kvserver/command_context.h"
#include "kvserver/value_codec.h"
#include "support/catch.h"

namespace kv {
namespace {

TEST_CASE("an unknown command is quoted with what followed it") {
  FakeServer server;
  CHECK(server.Run("foo a b") ==
        "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
  const std::string reply = server.RunWords({std::string(500, 'x'), std::string(500, 'y'), "z"});
  CHECK(reply == "-ERR unknown command '" + std::string(128, 'x') +
                     "', with args beginning with: '" + std::string(128, 'y') + "' \r\n");
}

TEST_CASE("the number of arguments is checked, for subcommands too") {
  FakeServer server;
  CHECK(server.Run("get") == "-ERR wrong number of arguments for 'get' command\r\n");
  CHECK(server.Run("CLIENT") == "-ERR wrong number of arguments for 'client' command\r\n");
  CHECK(server.Run("client setname") ==
        "-ERR wrong number of arguments for 'client|setname' command\r\n");
  CHECK(server.Run("client nosuch") == "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.\r\n");
}

TEST_CASE("a key lives as long as it was given") {
  FakeServer server;
  server.Run("SET a 1 PX 1500");
  CHECK(server.Run("PTTL a") == ":1500\r\n");
  CHECK(server.Run("TTL a") == ":2\r\n");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 1100);
  CHECK(server.Run("PTTL a") == ":400\r\n");
  CHECK(server.Run("TTL a") == ":0\r\n");
  CHECK(server.Run("EXISTS a") == ":1\r\n");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 400);
  CHECK(server.Run("EXISTS a") == ":0\r\n");
  CHECK(server.Run("TTL a") == ":-2\r\n");
}

TEST_CASE("SET takes an expiry away unless it is told to keep it") {
  FakeServer server;
  server.Run("SET a 1 EX 100");
  server.Run("SET a 2 KEEPTTL");
  CHECK(server.Run("TTL a") == ":100\r\n");
  server.Run("APPEND a x");
  CHECK(server.Run("TTL a") == ":100\r\n");
  server.Run("SET a 3");
  CHECK(server.Run("TTL a") == ":-1\r\n");
}

TEST_CASE("RENAME takes the expiry along and replaces the target's") {
  FakeServer server;
  server.Run("SET a 1 EX 100");
  server.Run("SET b 2 EX 7");
  server.Run("SET c 3");
  server.Run("RENAME a b");
  CHECK(server.Run("TTL b") == ":100\r\n");
  server.Run("RENAME c b");
  CHECK(server.Run("TTL b") == ":-1\r\n");
  CHECK(server.Run("GET b") == "$1\r\n3\r\n");
  CHECK(server.keyspace.size() == 1);
  CHECK(server.keyspace.expiring_size() == 0);
}

TEST_CASE("SCAN gives every key, a bounded number at a time") {
  FakeServer server;
  std::set<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = (i % 2 == 0 ? "even" : "odd") + std::to_string(i);
    if (i % 2 == 0) expected.insert(key);
    server.RunWords({"SET", key, "v"});
  }
  std::set<std::string> seen;
  std::string cursor = "0";
  int calls = 0;
  do {
    std::vector<std::string> bulks =
        Bulks(server.RunWords({"SCAN", cursor, "MATCH", "even*", "COUNT", "20"}));
    cursor = bulks[0];
    CHECK(bulks.size() < 60);
    seen.insert(bulks.begin() + 1, bulks.end());
    ++calls;
  } while (cursor != "0");
  CHECK(seen == expected);
  CHECK(calls > 20);
}

TEST_CASE("KEYS leaves out expired keys") {
  FakeServer server;
  server.Run("SET a 1 PX 1");
  server.Run("SET b 1");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 1);
  CHECK(server.Run("KEYS *") == "*1\r\n$1\r\nb\r\n");
}

TEST_CASE("CLIENT LIST shows each client on a line of its own") {
  FakeServer server;
  Client other(9);
  other.address = "10.0.0.1:1234";
  other.name = "worker";
  other.kind = ClientKind::kReplica;
  server.host.clients.push_back(&other);
  const std::string all = server.Run("CLIENT LIST");
  CHECK(all.find("id=7 addr=127.0.0.1:50000 ") != std::string::npos);
  CHECK(all.find("id=9 addr=10.0.0.1:1234 ") != std::string::npos);
  CHECK(all.find(" name=worker ") != std::string::npos);
  CHECK(all.find(" flags=S ") != std::string::npos);
  const std::string replicas = server.Run("CLIENT LIST TYPE replica");
  CHECK(replicas.find("id=9 ") != std::string::npos);
  CHECK(replicas.find("id=7 ") == std::string::npos);
  CHECK(server.Run("CLIENT LIST ID 7 8").find("id=9 ") == std::string::npos);
}

TEST_CASE("CLIENT KILL closes others at once and oneself after the reply") {
  FakeServer server;
  Client other(9);
  other.address = "10.0.0.1:1234";
  server.host.clients.push_back(&other);
  CHECK(server.Run("CLIENT KILL 10.0.0.1:1234") == "+OK\r\n");
  CHECK(server.Run("CLIENT KILL ID 9") == ":1\r\n");
  CHECK(server.host.closed == std::vector<ClientId>{9, 9});
  CHECK(server.Run("CLIENT KILL TYPE normal") == ":1\r\n");
  CHECK_FALSE(server.client.close_after_reply);
  CHECK(server.Run("CLIENT KILL TYPE normal SKIPME no") == ":2\r\n");
  CHECK(server.client.close_after_reply);
}

TEST_CASE("CONFIG SET changes all directives or none") {
  FakeServer server;
  CHECK(server.Run("CONFIG SET timeout 7 hz 20") == "+OK\r\n");
  CHECK(server.config.timeout == 7);
  CHECK(server.host.changed == std::vector<std::string>{"timeout", "hz"});
  CHECK(server.Run("CONFIG SET timeout 8 hz abc").rfind("-ERR CONFIG SET failed", 0) == 0);
  CHECK(server.config.timeout == 7);
  CHECK(server.Run("CONFIG SET nosuch 1") ==
        "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
  CHECK(server.Run("CONFIG SET port 1") ==
        "-ERR CONFIG SET failed (possibly related to argument 'port') - "
        "can't set immutable config\r\n");
}

TEST_CASE("CONFIG GET takes several patterns and gives each directive once") {
  FakeServer server;
  CHECK(server.Run("CONFIG GET time* timeout maxcli?nts") ==
        "*4\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
}

TEST_CASE("COMMAND LIST names subcommands too, but nothing that is hidden") {
  FakeServer server;
  const std::vector<std::string> names = Bulks(server.Run("COMMAND LIST"));
  const auto count = [&names](std::string_view name) {
    return std::count(names.begin(), names.end(), name);
  };
  CHECK(count("get") == 1);
  CHECK(count("client|list") == 1);
  CHECK(count("publish-local") == 0);
}

TEST_CASE("INFO gives the sections that were asked for, in Redis's order") {
  FakeServer server;
  server.info.Set("Keyspace", [](InfoWriter& info) { info.Field("db0", "keys=1"); });
  server.info.Set("Server", [](InfoWriter& info) { info.Field("tcp_port", int64_t{6379}); });
  server.info.Set("Cluster", [](InfoWriter& info) { info.Field("cluster_enabled", int64_t{0}); });
  const std::string all =
      "# Server\r\ntcp_port:6379\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"
      "# Keyspace\r\ndb0:keys=1\r\n";
  CHECK(Bulks(server.Run("INFO"))[0] == all);
  CHECK(Bulks(server.Run("INFO everything"))[0] == all);
  CHECK(Bulks(server.Run("INFO cluster"))[0] == "# Cluster\r\ncluster_enabled:0\r\n");
  CHECK(Bulks(server.Run("INFO nosuch"))[0].empty());
  server.info.Set("Cluster", [](InfoWriter& info) { info.Field("cluster_enabled", int64_t{1}); });
  CHECK(Bulks(server.Run("INFO CLUSTER"))[0] == "# Cluster\r\ncluster_enabled:1\r\n");
}

TEST_CASE("DEBUG is for those whom the configuration allows") {
  FakeServer server;
  CHECK(server.Run("DEBUG SLEEP 0").rfind("-ERR DEBUG command not allowed.", 0) == 0);
  server.config.enable_debug_command = "local";
  CHECK(server.Run("DEBUG SLEEP 0") == "+OK\r\n");
  server.client.address = "10.0.0.1:1";
  CHECK(server.Run("DEBUG SLEEP 0").rfind("-ERR", 0) == 0);
  server.config.enable_debug_command = "yes";
  CHECK(server.Run("DEBUG SLEEP 0") == "+OK\r\n");
}

TEST_CASE("SHUTDOWN asks the process to end and does not reply") {
  FakeServer server;
  CHECK(server.Run("SHUTDOWN SAVE NOSAVE") == "-ERR syntax error\r\n");
  CHECK(server.Run("SHUTDOWN NOSAVE").empty());
  CHECK(server.host.shutdowns == 1);
}

TEST_CASE("requests that a browser sends end the connection without an answer") {
  FakeServer server;
  CHECK(server.Run("POST / HTTP/1.1").empty());
  CHECK(server.client.close_after_reply);
}

TEST_CASE("a value may not grow beyond the limit for bulks") {
  FakeServer server;
  server.config.proto_max_bulk_len = 1 << 20;
  server.RunWords({"SET", "a", std::string(1 << 20, 'x')});
  CHECK(server.Run("APPEND a y") ==
        "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
  CHECK(server.Run("SETRANGE a 1048576 y").rfind("-ERR string exceeds", 0) == 0);
  CHECK(server.Run("SETRANGE a 1048575 y") == ":1048576\r\n");
}

TEST_CASE("DEBUG is refused unless the configuration allows it, to local clients or to all") {
  FakeServer server;
  const std::string refusal = server.Run("DEBUG SLEEP 0");
  CHECK(refusal.rfind("-ERR DEBUG command not allowed.", 0) == 0);
  server.config.enable_debug_command = "local";
  CHECK(server.Run("DEBUG SLEEP 0") == "+OK\r\n");
  server.client.address = "10.0.0.1:5000";
  CHECK(server.Run("DEBUG SLEEP 0") == refusal);
  server.config.enable_debug_command = "yes";
  CHECK(server.Run("DEBUG SLEEP 0") == "+OK\r\n");
}

TEST_CASE("DEBUG has the subcommands that other files add") {
  FakeServer server;
  server.config.enable_debug_command = "yes";
  server.commands.AddDebug({"MINE",
                            -3,
                            [](CommandContext& context) { context.reply.Simple("x"); },
                            "<a>",
                            {"What it does."}});
  CHECK(server.Run("DEBUG mine 1 2") == "+x\r\n");
  CHECK(server.Run("DEBUG MINE") ==
        "-ERR unknown subcommand or wrong number of arguments for 'MINE'. Try DEBUG HELP.\r\n");
  CHECK(server.Run("DEBUG HELP").find("+MINE <a>\r\n+    What it does.\r\n") != std::string::npos);
}

TEST_CASE("DEBUG SET-ACTIVE-EXPIRE 0 leaves expired keys to those who meet them") {
  FakeServer server;
  server.config.enable_debug_command = "yes";
  server.Run("SET a 1 PX 10");
  server.Run("DEBUG SET-ACTIVE-EXPIRE 0");
  server.keyspace.set_now_ms(server.keyspace.now_ms() + 10);
  server.keyspace.ExpireSome([] { return false; });
  CHECK(server.keyspace.size() == 1);
  server.Run("DEBUG SET-ACTIVE-EXPIRE 1");
  server.keyspace.ExpireSome([] { return false; });
  CHECK(server.keyspace.size() == 0);
}

TEST_CASE("the empty set of functions can be restored, and no other") {
  FakeServer server;
  std::string functions = "\xf5\x10#!lua name=a\n...";
  SealPayload(functions);
  CHECK(server.RunWords({"FUNCTION", "RESTORE", functions}) ==
        "-ERR kvserver runs no functions\r\n");
  const std::string none = Bulks(server.Run("FUNCTION DUMP"))[0];
  CHECK(server.RunWords({"FUNCTION", "RESTORE", none, "REPLACE"}) == "+OK\r\n");
}

TEST_CASE("in cluster mode there is one database") {
  FakeServer server;
  server.config.cluster_enabled = true;
  CHECK(server.Run("SELECT 0") == "+OK\r\n");
  CHECK(server.Run("SELECT 1") == "-ERR SELECT is not allowed in cluster mode\r\n");
}

}  // namespace
}  // namespace kv
