#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "wire/allocation_meter.h"
#include "wire/golden_frames.h"
#include "wire/limits.h"
#include "wire/proto_bytes.h"

namespace clusterkit::testing {
namespace {

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusCode Code(std::string_view bytes) {
  return ProtobufCodec().Decode(bytes).status().code();
}
absl::StatusCode Code(const Frame& frame) { return Code(ProtobufCodec().Encode(frame)); }

absl::StatusCode CodeOf(MessageBody body) {
  Message message = TypicalHeartbeat();
  message.body = std::move(body);
  return Code(message);
}

// Ascending.
std::vector<NodeId> Ids(size_t count) {
  std::vector<NodeId> ids(count);
  for (size_t i = 0; i < count; ++i) {
    for (size_t byte = 0; byte < 4; ++byte) {
      ids[i].bytes[byte] = static_cast<uint8_t>(i >> (24 - 8 * byte));
    }
  }
  return ids;
}

TEST_CASE("a cluster name has at most 64 bytes") {
  Hello hello;
  hello.cluster_name = std::string(64, 'n');
  REQUIRE(Code(hello) == kOk);
  hello.cluster_name += 'n';
  REQUIRE(Code(hello) == kExhausted);
}

TEST_CASE("a host has at most 255 bytes") {
  Hello hello;
  hello.receiver_host = std::string(255, 'h');
  REQUIRE(Code(hello) == kOk);
  hello.receiver_host += 'h';
  REQUIRE(Code(hello) == kExhausted);

  for (Endpoint Header::*endpoint : {&Header::bus, &Header::client}) {
    Message message = TypicalHeartbeat();
    (message.header.*endpoint).host = std::string(255, 'h');
    REQUIRE(Code(message) == kOk);
    (message.header.*endpoint).host += 'h';
    REQUIRE(Code(message) == kExhausted);
  }
}

TEST_CASE("the text of a goodbye has at most 1024 bytes") {
  REQUIRE(Code(Bytes(kGoodbye, Bytes(2, std::string(1024, 't')))) == kOk);
  REQUIRE(Code(Bytes(kGoodbye, Bytes(2, std::string(1025, 't')))) == kExhausted);
}

TEST_CASE("a heartbeat has at most 4096 gossip entries") {
  Heartbeat body;
  body.gossip.resize(4096);
  REQUIRE(CodeOf(body) == kOk);
  body.gossip.resize(4097);
  REQUIRE(CodeOf(body) == kExhausted);
}

TEST_CASE("a heartbeat has at most 64 nodes to forget") {
  Heartbeat body;
  body.forgotten.resize(64);
  REQUIRE(CodeOf(body) == kOk);
  body.forgotten.resize(65);
  REQUIRE(CodeOf(body) == kExhausted);
}

TEST_CASE("a suspicion report has at most 65536 subjects") {
  SuspicionReport body;
  body.items.resize(65536);
  REQUIRE(CodeOf(body) == kOk);
  body.items.resize(65537);
  REQUIRE(CodeOf(body) == kExhausted);
}

TEST_CASE("a fail notice has at most 65536 reporters") {
  REQUIRE(CodeOf(FailNotice{{}, Ids(65536)}) == kOk);
  REQUIRE(CodeOf(FailNotice{{}, Ids(65537)}) == kExhausted);
}

TEST_CASE("details have at most 32 tags, and are counted before they are built") {
  const auto with = [](size_t count) {
    Message message = TypicalHeartbeat();
    message.header.details.emplace();
    for (size_t i = 0; i < count; ++i) {
      message.header.details->metadata["key" + std::to_string(i)] = "value";
    }
    return Code(message);
  };
  REQUIRE(with(32) == kOk);
  REQUIRE(with(33) == kExhausted);
  AllocationMeter meter;
  const std::string pairs = Repeat(Bytes(3, ""), 1 << 17);
  REQUIRE(Code(MessageBytes(kStand, "", HeaderBytes(Bytes(62, pairs)))) == kExhausted);
  const std::string split = Repeat(Bytes(62, Bytes(3, "")), 33);
  REQUIRE(Code(MessageBytes(kStand, "", HeaderBytes(split))) == kExhausted);
}

TEST_CASE("details keep to NodeDetails::Validate") {
  for (const auto& spoil : std::vector<std::function<void(NodeDetails&)>>{
           [](NodeDetails& d) { d.hostname = "a_b"; }, [](NodeDetails& d) { d.name = "a b"; },
           [](NodeDetails& d) { d.metadata[""] = "x"; },
           [](NodeDetails& d) { d.metadata["k"] = "\x01"; }}) {
    Message message = TypicalHeartbeat();
    spoil(message.header.details.emplace());
    REQUIRE(Code(message) == kInvalid);
  }
  // Keys ascend, so that equal details are equal bytes.
  const std::string twice = Repeat(Bytes(3, Bytes(1, "k")), 2);
  REQUIRE(Code(MessageBytes(kStand, "", HeaderBytes(Bytes(62, twice)))) == kInvalid);
}

TEST_CASE("a priority is at most 1,000,000") {
  const auto with = [](uint64_t priority) {
    return Code(MessageBytes(kStand, "", HeaderBytes(Number(60, priority))));
  };
  REQUIRE(with(1000000) == kOk);
  REQUIRE(with(1000001) == kInvalid);
}

TEST_CASE("a port is at most 65535") {
  const auto with = [](uint32_t field, uint64_t port) {
    return MessageBytes(kStand, "", HeaderBytes(Bytes(10, Number(field, port))));
  };
  for (const uint32_t field : {2, 3}) {
    REQUIRE(Code(with(field, 65535)) == kOk);
    REQUIRE(Code(with(field, 65536)) == kInvalid);
  }
}

TEST_CASE("a duration is at most an hour") {
  const uint64_t hour = 3600000;
  const auto gossip = [](uint64_t ms) {
    return MessageBytes(kHeartbeat, Bytes(4, Bytes(1, kSomeId) + Number(5, ms)));
  };
  const auto round = [](uint64_t ms) {
    return MessageBytes(kAuthRequest, Bytes(2, kSomeId) + Number(5, ms));
  };
  const auto retry = [](uint64_t ms) {
    return MessageBytes(kAuthRefusal, Bytes(1, kSomeId) + Number(4, ms));
  };
  REQUIRE(Code(gossip(hour)) == kOk);
  REQUIRE(Code(gossip(hour + 1)) == kInvalid);
  REQUIRE(Code(round(hour)) == kOk);
  REQUIRE(Code(round(hour + 1)) == kInvalid);
  REQUIRE(Code(retry(hour)) == kOk);
  REQUIRE(Code(retry(hour + 1)) == kInvalid);
}

TEST_CASE("slots end at 16383") {
  const auto claim = [](std::initializer_list<uint64_t> runs) {
    return MessageBytes(kStand, "", HeaderBytes(Bytes(8, Packed(1, runs))));
  };
  REQUIRE(Code(claim({0, 16384})) == kOk);
  REQUIRE(Code(claim({0, 16385})) == kInvalid);
  REQUIRE(Code(claim({16383, 1})) == kOk);
  REQUIRE(Code(claim({16383, 2})) == kInvalid);
  REQUIRE(Code(claim({16384, 1})) == kInvalid);
  REQUIRE(Code(claim({0, 1, 16382, 1})) == kOk);
  REQUIRE(Code(claim({0, 1, 16383, 1})) == kInvalid);
  REQUIRE(Code(claim({0xffffffff, 0xffffffff})) == kInvalid);
}

TEST_CASE("the most scattered set of slots fits into a frame") {
  Message message = TypicalHeartbeat();
  message.header.claim.emplace();
  for (uint16_t slot = 0; slot < kSlotCount; slot += 2) message.header.claim->Add(SlotId{slot});
  const std::string bytes = ProtobufCodec().Encode(message);
  REQUIRE(Code(bytes) == kOk);
  // Two bytes for each run, far below Options::max_frame_bytes.
  REQUIRE(bytes.size() < 17000);
}

// The most that decoding holds at once, and whether the frame was taken.
struct Cost {
  size_t peak_bytes;
  absl::StatusCode code;
};
Cost DecodingCost(std::string_view bytes) {
  AllocationMeter meter;
  const absl::StatusCode code = Code(bytes);
  return {meter.peak(), code};
}

TEST_CASE("entries over the limit are counted before they are built") {
  const std::string entry = Bytes(1, kSomeId);
  const Cost gossip = DecodingCost(MessageBytes(kHeartbeat, Repeat(Bytes(4, entry), 1 << 17)));
  REQUIRE(gossip.code == kExhausted);
  REQUIRE(gossip.peak_bytes < 4096);
  const Cost items = DecodingCost(MessageBytes(kSuspicion, Repeat(Bytes(1, entry), 1 << 17)));
  REQUIRE(items.code == kExhausted);
  REQUIRE(items.peak_bytes < 4096);
  // Within the limit, but each entry announces far more than its two bytes.
  const Cost empty = DecodingCost(MessageBytes(kHeartbeat, Repeat(Bytes(4, ""), 4096)));
  REQUIRE(empty.code == kInvalid);
  REQUIRE(empty.peak_bytes < 4096);
  const Cost reporters = DecodingCost(
      MessageBytes(kFail, Bytes(1, kSomeId) + Bytes(2, std::string(20 * (1 << 17), 'r'))));
  REQUIRE(reporters.code == kExhausted);
}

TEST_CASE("decoding allocates in proportion to its input") {
  const size_t size = 1 << 20;
  const std::string unknown = Repeat(Number(900, 1), size / 3);
  const std::string hostile[] = {
      MessageBytes(kHeartbeat, Repeat(Bytes(4, Bytes(1, kSomeId)), wire::kMaxGossipEntries)),
      MessageBytes(kSuspicion, Repeat(Bytes(1, Bytes(1, kSomeId)), wire::kMaxNodes)),
      MessageBytes(kUpdate, Bytes(4, Bytes(1, std::string(size, '\1')))),
      MessageBytes(kUpdate, Bytes(4, Repeat(Number(1, 1), size / 2))),
      MessageBytes(kUpdate, unknown),
      MessageBytes(kStand, "", HeaderBytes(Repeat(Bytes(10, ""), size / 2))),
      MessageBytes(kStand, "", HeaderBytes(Repeat(Bytes(1, kSomeId), size / 22))),
      Bytes(kMessage, unknown + Bytes(kHeader, HeaderBytes()) + Bytes(kStand, "")),
      Bytes(kGoodbye, Bytes(2, std::string(size, 't'))),
      // Groups within groups, which the parser follows only so far.
      MessageBytes(kStand, std::string(size, static_cast<char>(100 << 3 | 3))),
  };
  for (const std::string& bytes : hostile) {
    const Cost cost = DecodingCost(bytes);
    INFO(bytes.size() << " bytes took " << cost.peak_bytes);
    REQUIRE(cost.peak_bytes < 20 * bytes.size() + 16384);
  }
}

}  // namespace
}  // namespace clusterkit::testing
