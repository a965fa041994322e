// MONITOR: who is told of which commands, and what is left out.

#include "kvserver/command_feed.h"

#include <string>
#include <utility>

#include "fixture.h"
#include "support/catch.h"

namespace kv {
namespace {

struct FeedFixture : FakeServer {
  FeedFixture() {
    other.address = "10.0.0.9:1234";
    host.clients.push_back(&other);
    CHECK(Run("MONITOR") == "+OK\r\n");
  }
  void RunOther(std::string_view request) { RunAs(other, Words(request)); }
  // What `client` was told since the last call, without the times.
  std::string Told() {
    std::string text = std::exchange(client.reply, ""), told;
    for (size_t at = 0; (at = text.find('[', at)) != std::string::npos;) {
      const size_t end = text.find("\r\n", at);
      told += text.substr(at, end - at) + "\n";
      at = end;
    }
    return told;
  }

  Client other{8};
};

TEST_CASE_METHOD(FeedFixture, "who monitors is told of the commands of others, with their words") {
  RunOther("SET key value");
  RunAs(other, {"get", "a \"b\"\n"});
  CHECK(Told() ==
        "[0 10.0.0.9:1234] \"SET\" \"key\" \"value\"\n"
        "[0 10.0.0.9:1234] \"get\" \"a \\\"b\\\"\\n\"\n");
}

TEST_CASE_METHOD(FeedFixture, "what a transaction runs is told when it runs") {
  RunOther("MULTI");
  RunOther("SET key value");
  CHECK(Told() == "[0 10.0.0.9:1234] \"MULTI\"\n");
  RunOther("EXEC");
  CHECK(Told() ==
        "[0 10.0.0.9:1234] \"SET\" \"key\" \"value\"\n"
        "[0 10.0.0.9:1234] \"EXEC\"\n");
}

TEST_CASE_METHOD(FeedFixture, "no password is told, and nothing that administrators do") {
  RunOther("AUTH secret");
  RunOther("HELLO 3 AUTH user secret");
  RunOther("CONFIG SET masterauth secret");
  RunOther("NOSUCH secret");
  CHECK(Told() ==
        "[0 10.0.0.9:1234] \"AUTH\" \"(redacted)\"\n"
        "[0 10.0.0.9:1234] \"HELLO\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\"\n");
}

TEST_CASE_METHOD(FeedFixture, "who monitors does not touch the data, until RESET") {
  CHECK(Run("GET key") == "-ERR Replica can't interact with the keyspace\r\n");
  CHECK(Run("RESET") == "+RESET\r\n");
  RunOther("SET key value");
  CHECK(Told().empty());
  CHECK(Run("GET key") == "$5\r\nvalue\r\n");
}

TEST_CASE("a client that is gone is told nothing") {
  FakeServer server;
  {
    Client gone{9};
    CHECK(server.RunAs(gone, {"MONITOR"}) == "+OK\r\n");
  }
  CHECK(server.Run("SET key value") == "+OK\r\n");
}

TEST_CASE("a transaction does not begin to monitor") {
  FakeServer server;
  server.Run("MULTI");
  server.Run("MONITOR");
  CHECK(server.Run("EXEC") == "*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
}

}  // namespace
}  // namespace kv
