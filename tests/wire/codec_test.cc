#include <limits>
#include <set>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "clusterkit/random.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "support/random_frame.h"
#include "wire/golden_frames.h"
#include "wire/limits.h"
#include "wire/proto_bytes.h"

namespace clusterkit::testing {
namespace {

Frame RoundTrip(const Frame& frame) {
  const ProtobufCodec codec;
  absl::StatusOr<Frame> decoded = codec.Decode(codec.Encode(frame));
  INFO(decoded.status());
  REQUIRE(decoded.ok());
  return *std::move(decoded);
}

template <typename Body>
Body BodyOf(const Frame& frame) {
  return std::get<Body>(std::get<Message>(frame).body);
}

TEST_CASE("a frame survives encoding and decoding") {
  const uint64_t seed = GENERATE(1, 2, 3, 4);
  const ProtobufCodec codec;
  Rng rng(seed);
  std::set<size_t> kinds, bodies;
  for (int i = 0; i < 2000; ++i) {
    const Frame frame = RandomFrame(rng);
    const std::string bytes = codec.Encode(frame);
    const absl::StatusOr<Frame> decoded = codec.Decode(bytes);
    INFO("seed " << seed << ", frame " << i << ": " << decoded.status());
    REQUIRE(decoded.ok());
    REQUIRE(*decoded == frame);
    REQUIRE(codec.Encode(*decoded) == bytes);
    kinds.insert(frame.index());
    if (const auto* message = std::get_if<Message>(&frame)) bodies.insert(message->body.index());
  }
  REQUIRE(kinds.size() == std::variant_size_v<Frame>);
  REQUIRE(bodies.size() == std::variant_size_v<MessageBody>);
}

TEST_CASE("a claim without slots is not the absence of a claim") {
  Message message = TypicalHeartbeat();
  message.header.claim.reset();
  REQUIRE_FALSE(std::get<Message>(RoundTrip(message)).header.claim.has_value());
  message.header.claim.emplace();
  REQUIRE(std::get<Message>(RoundTrip(message)).header.claim == SlotSet());
}

TEST_CASE("a client host is kept apart from the bus host only if it differs") {
  const ProtobufCodec codec;
  Message same = TypicalHeartbeat();
  same.header.client.host = same.header.bus.host;
  Message empty = same;
  empty.header.client.host.clear();
  REQUIRE(RoundTrip(same) == Frame(same));
  REQUIRE(RoundTrip(empty) == Frame(empty));
  // An empty host that differs costs its field; an equal one of 12 characters costs nothing.
  REQUIRE(codec.Encode(same).size() < codec.Encode(empty).size());
}

TEST_CASE("durations are rounded up to whole milliseconds") {
  FailoverAuthRequest request;
  request.round = absl::Milliseconds(250) + absl::Nanoseconds(1);
  Message message = TypicalHeartbeat();
  message.body = request;
  REQUIRE(BodyOf<FailoverAuthRequest>(RoundTrip(message)).round == absl::Milliseconds(251));
}

TEST_CASE("durations beyond what the wire allows are cut by the sender") {
  Message message = TypicalHeartbeat();
  GossipEntry entry;
  entry.pong_age = GENERATE(absl::InfiniteDuration(), wire::kMaxDuration + absl::Nanoseconds(1),
                            absl::Hours(1000000));
  message.body.emplace<Heartbeat>().gossip = {entry};
  REQUIRE(BodyOf<Heartbeat>(RoundTrip(message)).gossip[0].pong_age == wire::kMaxDuration);

  entry.pong_age = GENERATE(-absl::InfiniteDuration(), absl::Milliseconds(-1));
  message.body.emplace<Heartbeat>().gossip = {entry};
  REQUIRE(BodyOf<Heartbeat>(RoundTrip(message)).gossip[0].pong_age == absl::ZeroDuration());
}

TEST_CASE("the text of a goodbye is cut by the sender") {
  const Frame frame = Goodbye{Goodbye::Reason::kLimit, std::string(5000, 'x')};
  REQUIRE(std::get<Goodbye>(RoundTrip(frame)).text.size() == wire::kMaxTextBytes);
}

TEST_CASE("every epoch is accepted") {
  Message message = TypicalHeartbeat();
  message.header.current_epoch.value = std::numeric_limits<uint64_t>::max();
  message.header.config_epoch.value = std::numeric_limits<uint64_t>::max();
  REQUIRE(RoundTrip(message) == Frame(message));
}

TEST_CASE("the numbers of enum values do not move") {
  const ProtobufCodec codec;
  const VoteRefusal refusals[] = {VoteRefusal::kNone,
                                  VoteRefusal::kNotVoter,
                                  VoteRefusal::kAbstaining,
                                  VoteRefusal::kUnknownCandidate,
                                  VoteRefusal::kPrimaryNotFailed,
                                  VoteRefusal::kPrimaryAnswers,
                                  VoteRefusal::kOldEpoch,
                                  VoteRefusal::kStaleClaim,
                                  VoteRefusal::kRoundOpen,
                                  VoteRefusal::kNeverSynced,
                                  VoteRefusal::kFresherSibling,
                                  VoteRefusal::kRoundTooLong};
  for (size_t number = 0; number < std::size(refusals); ++number) {
    const auto frame =
        codec.Decode(MessageBytes(kAuthRefusal, Bytes(1, kSomeId) + Number(3, number)));
    REQUIRE(frame.ok());
    REQUIRE(BodyOf<FailoverAuthRefusal>(*frame).reason == refusals[number]);
  }
  const Goodbye::Reason reasons[] = {Goodbye::Reason::kProtocol, Goodbye::Reason::kClusterName,
                                     Goodbye::Reason::kVersion, Goodbye::Reason::kLimit};
  for (size_t number = 0; number < std::size(reasons); ++number) {
    const auto frame = codec.Decode(Bytes(kGoodbye, Number(1, number)));
    REQUIRE(frame.ok());
    REQUIRE(std::get<Goodbye>(*frame).reason == reasons[number]);
  }
  const Heartbeat::Kind kinds[] = {Heartbeat::Kind::kPing, Heartbeat::Kind::kPong,
                                   Heartbeat::Kind::kMeet};
  for (size_t number = 0; number < std::size(kinds); ++number) {
    const auto frame = codec.Decode(MessageBytes(kHeartbeat, Number(1, number)));
    REQUIRE(frame.ok());
    REQUIRE(BodyOf<Heartbeat>(*frame).kind == kinds[number]);
  }
  const Health healths[] = {Health::kOnline, Health::kPfail, Health::kFail};
  for (size_t number = 0; number < std::size(healths); ++number) {
    const auto frame =
        codec.Decode(MessageBytes(kHeartbeat, Bytes(4, Bytes(1, kSomeId) + Number(4, number))));
    REQUIRE(frame.ok());
    REQUIRE(BodyOf<Heartbeat>(*frame).gossip[0].health == healths[number]);
  }
}

TEST_CASE("a heartbeat with three gossip entries is small") {
  const ProtobufCodec codec;
  Message message = TypicalHeartbeat();
  const size_t plain = codec.Encode(message).size();
  message.header.claim = SlotSet::Of({SlotId{0}, SlotId{5460}});
  const size_t with_claim = codec.Encode(message).size();
  // docs/wire_format.md tells these figures.
  REQUIRE(plain == 267);
  REQUIRE(with_claim == 274);

  message = TypicalHeartbeat();
  std::get<Heartbeat>(message.body).gossip.clear();
  REQUIRE(codec.Encode(message).size() == 115);
}

}  // namespace
}  // namespace clusterkit::testing
