#include "clusterkit/message.h"

#include <set>
#include <string>

#include "support/catch.h"

namespace clusterkit {
namespace {

Heartbeat Beat(Heartbeat::Kind kind) {
  Heartbeat heartbeat;
  heartbeat.kind = kind;
  return heartbeat;
}

std::string_view NameOfKind(MessageBody body) {
  Message message;
  message.body = std::move(body);
  return MessageKindName(KindOf(message));
}

TEST_CASE("each body has its own kind, and heartbeats one for each use") {
  REQUIRE(NameOfKind(Beat(Heartbeat::Kind::kPing)) == "ping");
  REQUIRE(NameOfKind(Beat(Heartbeat::Kind::kPong)) == "pong");
  REQUIRE(NameOfKind(Beat(Heartbeat::Kind::kMeet)) == "meet");
  REQUIRE(NameOfKind(SuspicionReport()) == "suspicion");
  REQUIRE(NameOfKind(FailNotice()) == "fail");
  REQUIRE(NameOfKind(ProgressReport()) == "progress");
  REQUIRE(NameOfKind(FailoverAuthRequest()) == "auth-req");
  REQUIRE(NameOfKind(FailoverAuthAck()) == "auth-ack");
  REQUIRE(NameOfKind(FailoverAuthRefusal()) == "auth-refusal");
  REQUIRE(NameOfKind(FailoverAuthWithdraw()) == "auth-withdraw");
  REQUIRE(NameOfKind(SlotUpdate()) == "update");
  REQUIRE(NameOfKind(StandRequest()) == "stand");
}

TEST_CASE("every message kind has a name of its own") {
  std::set<std::string> names;
  for (size_t kind = 0; kind < kMessageKinds; ++kind) {
    names.emplace(MessageKindName(static_cast<MessageKind>(kind)));
  }
  REQUIRE(names.size() == kMessageKinds);
  REQUIRE(names.count("unknown") == 0);
}

}  // namespace
}  // namespace clusterkit
