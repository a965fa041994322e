// Who gets a message, what ends a subscription, and what the other nodes are sent.

#include "kvserver/pubsub.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fixture.h"
#include "support/catch.h"

namespace kv {
namespace {

class FakeRelay : public MessageRelay {
 public:
  void Relay(ChannelKind kind, std::string_view channel, std::string_view message) override {
    sent.push_back((kind == ChannelKind::kShardChannel ? "shard " : "all ") + std::string(channel) +
                   " " + std::string(message));
  }
  std::vector<std::string> sent;
};

struct PubSubFixture : FakeServer {
  PubSubFixture() {
    host.clients.push_back(&other);
    executor.set_message_relay(&relay);
  }
  std::string RunOther(std::string_view request) { return RunAs(other, Words(request)); }
  // What was pushed to `client` since the last call.
  std::string Pushed() { return std::exchange(client.reply, ""); }
  size_t Count(ChannelKind kind) { return executor.pubsub().CountNames(kind); }

  FakeRelay relay;
  Client other{8};
};

std::string Message(std::string_view channel, std::string_view text) {
  std::string bytes;
  ReplyWriter reply(&bytes, Protocol::kResp2);
  reply.Array(3);
  for (const std::string_view word : {std::string_view("message"), channel, text}) reply.Bulk(word);
  return bytes;
}

TEST_CASE("a message goes to the subscribers of its channel, once for each matching pattern") {
  PubSubFixture server;
  server.Run("SUBSCRIBE news sport");
  server.Run("PSUBSCRIBE n* *s spo?t");
  CHECK(server.RunOther("PUBLISH news a") == ":3\r\n");
  const std::string pushed = server.Pushed();
  CHECK(pushed.substr(0, Message("news", "a").size()) == Message("news", "a"));
  CHECK(Bulks(pushed).size() == 3 + 2 * 4);
  CHECK(server.RunOther("PUBLISH nothing a") == ":1\r\n");
  CHECK(Bulks(server.Pushed()) == std::vector<std::string>{"pmessage", "n*", "nothing", "a"});
  CHECK(server.RunOther("PUBLISH elsewhere a") == ":0\r\n");
  CHECK(server.Pushed().empty());
}

TEST_CASE("each subscriber gets a message in its own protocol") {
  PubSubFixture server;
  server.other.protocol = Protocol::kResp3;
  server.Run("SUBSCRIBE c");
  server.RunOther("SUBSCRIBE c");
  const std::string reply = server.RunOther("PUBLISH c x");
  CHECK(server.Pushed() == Message("c", "x"));
  CHECK(reply == ">" + Message("c", "x").substr(1) + ":2\r\n");
}

TEST_CASE("CLIENT REPLY silences replies, but neither messages nor what tells of subscriptions") {
  PubSubFixture server;
  server.client.protocol = Protocol::kResp3;
  server.Run("CLIENT REPLY OFF");
  const std::string subscribed = ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
  const std::string message = ">" + Message("c", "x").substr(1);
  CHECK(server.Run("SUBSCRIBE c") == subscribed);
  CHECK(server.Run("PUBLISH c x") == message);
  server.RunOther("PUBLISH c x");
  CHECK(server.Pushed() == message);
  CHECK(server.Run("SUBSCRIBE").empty());
  CHECK(server.Run("MULTI").empty());
  CHECK(server.Run("SUBSCRIBE c").empty());
  CHECK(server.Run("PUBLISH c x").empty());
  CHECK(server.Run("EXEC") == subscribed + message);
  CHECK(server.Run("CLIENT REPLY ON") == "+OK\r\n");
  server.Run("CLIENT REPLY SKIP");
  CHECK(server.Run("PUBLISH c x") == message);
  CHECK(server.Run("PUBLISH c x") == message + ":1\r\n");
}

TEST_CASE("channels, patterns and shard channels of the same name are different things") {
  PubSubFixture server;
  server.Run("SSUBSCRIBE c");
  CHECK(server.RunOther("PUBLISH c x") == ":0\r\n");
  CHECK(server.RunOther("SPUBLISH c x") == ":1\r\n");
  CHECK(Bulks(server.Pushed()) == std::vector<std::string>{"smessage", "c", "x"});
  server.Run("PSUBSCRIBE c");
  CHECK(server.RunOther("SPUBLISH c x") == ":1\r\n");
  server.Run("SUNSUBSCRIBE");
  CHECK(server.RunOther("SPUBLISH c x") == ":0\r\n");
  CHECK(server.RunOther("PUBLISH c x") == ":1\r\n");
}

TEST_CASE("what is published is handed to the other nodes, what comes from them is not") {
  PubSubFixture server;
  server.Run("SUBSCRIBE c");
  server.Run("SSUBSCRIBE c");
  server.RunOther("PUBLISH c 1");
  server.RunOther("SPUBLISH c 2");
  CHECK(server.relay.sent == std::vector<std::string>{"all c 1", "shard c 2"});
  server.Pushed();
  CHECK(server.RunOther("PUBLISH-LOCAL c 3").empty());
  CHECK(server.RunOther("SPUBLISH-LOCAL c 4").empty());
  CHECK(Bulks(server.Pushed()) ==
        std::vector<std::string>{"message", "c", "3", "smessage", "c", "4"});
  CHECK(server.relay.sent.size() == 2);
}

TEST_CASE("a subscription that is repeated counts once") {
  PubSubFixture server;
  server.Run("SUBSCRIBE c c");
  server.Run("SUBSCRIBE c");
  CHECK(server.RunOther("PUBLISH c x") == ":1\r\n");
  server.Run("UNSUBSCRIBE c");
  CHECK(server.client.subscriptions == nullptr);
  CHECK(server.Count(ChannelKind::kChannel) == 0);
}

TEST_CASE("a client that goes, or is reset, leaves nothing behind") {
  PubSubFixture server;
  auto guest = std::make_unique<Client>(9);
  for (const char* request : {"SUBSCRIBE a b", "PSUBSCRIBE *", "SSUBSCRIBE a b"}) {
    server.RunAs(*guest, Words(request));
    server.Run(request);
  }
  server.Run("RESET");
  CHECK(server.client.subscriptions == nullptr);
  CHECK(server.Run("GET k") == "$-1\r\n");
  CHECK(server.Count(ChannelKind::kChannel) == 2);
  guest.reset();
  for (const auto kind :
       {ChannelKind::kChannel, ChannelKind::kPattern, ChannelKind::kShardChannel}) {
    CHECK(server.Count(kind) == 0);
  }
}

TEST_CASE("the subscriptions of a client are limited, and a refused request adds none") {
  PubSubFixture server;
  server.config.client_query_buffer_limit = 100'000;
  const std::string name(50'000, 'n');
  CHECK(server.RunWords({"PSUBSCRIBE", name + "1", name + "2"}) ==
        "-ERR the subscriptions exceed client-query-buffer-limit\r\n");
  CHECK(server.client.subscriptions == nullptr);
  CHECK(server.RunWords({"PSUBSCRIBE", name}).front() == '*');
  CHECK(server.RunWords({"SUBSCRIBE", name}).front() == '-');
  std::vector<std::string> many = {"SSUBSCRIBE"};
  for (int i = 0; i < 1000; ++i) many.push_back(absl::StrCat(i));
  CHECK(server.RunWords(many).front() == '-');
  CHECK(server.client.subscriptions->Count(ChannelKind::kShardChannel) == 0);
  server.RunWords({"PUNSUBSCRIBE"});
  CHECK(server.RunWords({"SUBSCRIBE", name}).front() == '*');
}

TEST_CASE("subscribers of slots that are lost are told, and the others stay") {
  PubSubFixture server;
  const clusterkit::SlotId gone = clusterkit::SlotForKey("gone");
  server.Run("SSUBSCRIBE gone {gone}too stays");
  server.RunOther("SSUBSCRIBE gone");
  server.executor.pubsub().DropShardChannels(
      [gone](clusterkit::SlotId slot) { return slot == gone; });
  const std::string pushed = server.Pushed();
  CHECK(Bulks(pushed).size() == 4);
  CHECK(pushed.substr(pushed.size() - 4) == ":1\r\n");
  CHECK(std::exchange(server.other.reply, "") ==
        "*3\r\n$12\r\nsunsubscribe\r\n$4\r\ngone\r\n:0\r\n");
  CHECK(server.other.subscriptions == nullptr);
  CHECK(server.RunOther("SPUBLISH stays x") == ":1\r\n");
  CHECK(server.RunOther("SPUBLISH gone x") == ":0\r\n");
}

TEST_CASE("a pause of writes holds PUBLISH, but not messages of other nodes") {
  PubSubFixture server;
  server.pause.Begin(Pause::Reason::kClientPause, Pause::Kind::kWrites, 1000);
  server.Run("SUBSCRIBE c");
  CHECK(server.RunOther("PUBLISH c x").empty());
  CHECK(server.outcome == Executor::Outcome::kHeld);
  CHECK(server.Pushed().empty());
  server.other.held = false;
  server.RunOther("PUBLISH-LOCAL c x");
  CHECK(server.Pushed() == Message("c", "x"));
}

TEST_CASE("clients with subscriptions are shown and listed as such") {
  PubSubFixture server;
  server.other.protocol = Protocol::kResp3;
  server.RunOther("SUBSCRIBE a b");
  server.RunOther("PSUBSCRIBE *");
  server.RunOther("SSUBSCRIBE 1 2 3");
  CHECK_THAT(server.RunOther("CLIENT INFO"), Catch::Contains(" flags=P db=0 sub=2 psub=1 ssub=3 "));
  const auto listed = [&](const std::string& type) {
    return Bulks(server.Run("CLIENT LIST TYPE " + type)).at(0);
  };
  CHECK_THAT(listed("pubsub"), Catch::StartsWith("id=8 "));
  CHECK_THAT(listed("normal"), Catch::StartsWith("id=7 ") && !Catch::Contains("id=8 "));
  CHECK(server.Run("CLIENT KILL TYPE pubsub") == ":1\r\n");
  CHECK(server.host.closed == std::vector<ClientId>{8});
}

}  // namespace
}  // namespace kv
