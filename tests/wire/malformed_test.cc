#include <string>
#include <string_view>
#include <variant>

#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "wire/proto_bytes.h"

namespace clusterkit::testing {
namespace {

absl::StatusOr<Frame> Decode(std::string_view bytes) { return ProtobufCodec().Decode(bytes); }

// The message of an InvalidArgument.
std::string Complaint(std::string_view bytes) {
  const absl::Status status = Decode(bytes).status();
  INFO(status);
  REQUIRE(status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

std::string Claim(std::initializer_list<uint64_t> runs) {
  return MessageBytes(kStand, "", HeaderBytes(Bytes(8, Packed(1, runs))));
}

TEST_CASE("an error says what is wrong and where") {
  const std::string entry = Bytes(4, Bytes(1, kSomeId));
  const std::string bad_entry = Bytes(4, Bytes(1, std::string(21, 'i')));
  REQUIRE(Complaint(MessageBytes(kHeartbeat, entry + entry + bad_entry)) ==
          "message.heartbeat.gossip[2].id: 21 bytes, not 20");
  REQUIRE(Complaint(MessageBytes(kHeartbeat, entry + Bytes(4, "short"))) ==
          "message.heartbeat.gossip[1]: 5 bytes are too few");
  REQUIRE(Complaint(HelloBytes(Bytes(7, "two words"))) == "hello.receiver_host: byte 0x20 at 3");
  REQUIRE(Complaint(MessageBytes(kStand, "", HeaderBytes(Number(3, 2)))) ==
          "message.header.role: unknown value 2");
  REQUIRE(Complaint(Claim({0, 10, 16380, 5})) == "message.header.claim: run 1 ends at slot 16394");
}

TEST_CASE("an id has exactly 20 bytes") {
  for (const size_t size : {0, 1, 19, 21, 40}) {
    const std::string id(size, 'i');
    INFO(size << " bytes");
    Complaint(MessageBytes(kStand, "", Bytes(1, id) + Bytes(2, kSomeId)));
    Complaint(MessageBytes(kStand, "", Bytes(1, kSomeId) + Bytes(2, id)));
    Complaint(MessageBytes(kHeartbeat, Bytes(4, Bytes(1, id))));
    Complaint(MessageBytes(kSuspicion, Bytes(1, Bytes(1, id))));
    Complaint(MessageBytes(kFail, Bytes(1, id)));
    Complaint(MessageBytes(kProgress, Bytes(1, id)));
    Complaint(MessageBytes(kAuthRequest, Bytes(2, id)));
    Complaint(MessageBytes(kAuthAck, Bytes(1, id)));
    Complaint(MessageBytes(kAuthRefusal, Bytes(1, id)));
    Complaint(MessageBytes(kAuthWithdraw, Bytes(1, id)));
    Complaint(MessageBytes(kUpdate, Bytes(1, id) + Bytes(2, kSomeId)));
    Complaint(MessageBytes(kUpdate, Bytes(1, kSomeId) + Bytes(2, id)));
    Complaint(Bytes(kHello, Bytes(5, id) + Bytes(6, kSomeId)));
    Complaint(Bytes(kHello, Bytes(5, kSomeId) + Bytes(6, id)));
    // A header may do without a primary.
    if (size != 0) Complaint(MessageBytes(kStand, "", HeaderBytes(Bytes(4, id))));
  }
}

TEST_CASE("a message without header is refused") { Complaint(Bytes(kMessage, Bytes(kStand, ""))); }

TEST_CASE("an enum value that we do not know is refused") {
  // The last one is -1, as protobuf writes it.
  for (const uint64_t value : {uint64_t{100}, uint64_t{0x7fffffff}, ~uint64_t{0}}) {
    Complaint(Bytes(kGoodbye, Number(1, value)));
    Complaint(MessageBytes(kStand, "", HeaderBytes(Number(3, value))));
    Complaint(MessageBytes(kStand, "", HeaderBytes(Number(13, value))));
    Complaint(MessageBytes(kHeartbeat, Number(1, value)));
    Complaint(MessageBytes(kHeartbeat, Bytes(4, Bytes(1, kSomeId) + Number(3, value))));
    Complaint(MessageBytes(kHeartbeat, Bytes(4, Bytes(1, kSomeId) + Number(4, value))));
    Complaint(MessageBytes(kAuthRefusal, Bytes(1, kSomeId) + Number(3, value)));
  }
}

TEST_CASE("a host consists of printable characters that do not separate fields of a file") {
  const auto hello = [](char c) { return HelloBytes(Bytes(7, std::string("host") + c + "name")); };
  for (int c = 0; c < 256; ++c) {
    INFO("character " << c);
    const bool fine = c > ' ' && c < 0x7f && c != ',' && c != '@' && c != '=';
    REQUIRE(Decode(hello(static_cast<char>(c))).ok() == fine);
  }
  const std::string bad = "a b";
  Complaint(MessageBytes(kStand, "", HeaderBytes(Bytes(10, Bytes(1, bad)))));
  Complaint(MessageBytes(kStand, "", HeaderBytes(Bytes(10, Bytes(4, bad)))));
  Complaint(MessageBytes(kHeartbeat, Bytes(4, Bytes(1, kSomeId) + Bytes(2, Bytes(1, bad)))));
}

TEST_CASE("a set of slots has one encoding") {
  REQUIRE(Decode(Claim({})).ok());
  REQUIRE(Decode(Claim({0, 5, 1, 5})).ok());
  REQUIRE(Complaint(Claim({0, 5, 0, 5})) == "message.header.claim: run 1 is not maximal");
  REQUIRE(Complaint(Claim({7, 0})) == "message.header.claim: run 0 is not maximal");
  REQUIRE(Complaint(Claim({7, 1, 2})) == "message.header.claim: a gap without a length");
  Complaint(
      MessageBytes(kUpdate, Bytes(1, kSomeId) + Bytes(2, kSomeId) + Bytes(4, Packed(1, {7, 0}))));
  Complaint(MessageBytes(kAuthRequest, Bytes(2, kSomeId) + Bytes(4, Packed(1, {7, 0}))));
}

TEST_CASE("reporters ascend and are whole") {
  const std::string a(20, 'a'), b(20, 'b');
  const auto notice = [](const std::string& reporters) {
    return MessageBytes(kFail, Bytes(1, kSomeId) + Bytes(2, reporters));
  };
  REQUIRE(Decode(notice(a + b)).ok());
  Complaint(notice(b + a));
  Complaint(notice(a + a));
  Complaint(notice(a + b.substr(1)));
}

TEST_CASE("a range of versions is not empty") {
  REQUIRE(Decode(HelloBytes(Number(1, 2) + Number(2, 2))).ok());
  Complaint(HelloBytes(Number(1, 3) + Number(2, 2)));
}

TEST_CASE("an open slot has one mark, and a group of them is not empty") {
  const auto with_groups = [](const std::string& groups) {
    return MessageBytes(kStand, "", HeaderBytes(Bytes(19, groups)));
  };
  const std::string one = Bytes(1, kSomeId) + Bytes(3, Bytes(1, std::string("\x00\x02", 2)));
  REQUIRE(Decode(with_groups(Bytes(1, one))).ok());
  Complaint(with_groups(Bytes(1, one) + Bytes(1, one)));
  Complaint(with_groups(Bytes(1, Bytes(1, kSomeId) + Bytes(3, ""))));
  Complaint(with_groups(Bytes(1, Bytes(3, Bytes(1, std::string("\x00\x02", 2))))));
}

TEST_CASE("a kind of a later version is Unimplemented") {
  REQUIRE(Decode(Bytes(4, "anything")).status().code() == absl::StatusCode::kUnimplemented);
  const absl::Status status = Decode(MessageBytes(99, "anything")).status();
  REQUIRE(status.code() == absl::StatusCode::kUnimplemented);
  REQUIRE(status.message() == "message: unknown kind 99");
}

TEST_CASE("a frame is of exactly one kind, and a message has exactly one body") {
  const std::string stand = MessageBytes(kStand, "");
  REQUIRE(Decode(stand).ok());
  Complaint("");
  Complaint(Bytes(16, "no kind, only an addition"));
  Complaint(stand + stand);
  Complaint(stand + HelloBytes());
  Complaint(Bytes(kMessage, Bytes(kHeader, HeaderBytes())));
  Complaint(Bytes(kMessage, Bytes(kHeader, HeaderBytes()) + Bytes(kStand, "") + Bytes(20, "")));
  Complaint(Number(kMessage, 1));
  Complaint(Bytes(kMessage, Bytes(kHeader, HeaderBytes()) + Number(kStand, 1)));
}

TEST_CASE("bytes that are not fields are refused") {
  Complaint(std::string("\0", 1));
  Complaint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  Complaint(Tag(kMessage, 3) + Tag(kMessage, 4));  // A group.
  Complaint(Tag(kMessage, 6));                     // No such wire type.
  Complaint(Tag(kMessage, 2) + Varint(10) + "short");
  Complaint(Varint((uint64_t{1} << 32) + (kMessage << 3 | 2)) + Varint(0));  // Tag over 32 bits.
  Complaint(MessageBytes(kStand, std::string("\xff", 1)));
}

TEST_CASE("fields of a later version are ignored") {
  // Every wire type that is in use, with field numbers that bus.proto leaves free.
  const std::string extra =
      Number(200, 7) + Tag(201, 1) + "8 bytes." + Bytes(202, "text") + Tag(203, 5) + "four";
  const std::string plain_entry = Bytes(1, kSomeId);
  const std::string plain = MessageBytes(kHeartbeat, Bytes(4, plain_entry));
  const std::string extended =
      Bytes(kMessage, Number(2, 1) + Bytes(kHeader, extra + HeaderBytes(extra)) + extra +
                          Bytes(kHeartbeat, extra + Bytes(4, plain_entry + extra))) +
      extra;
  const auto expected = Decode(plain), decoded = Decode(extended);
  INFO(decoded.status());
  REQUIRE(decoded.ok());
  REQUIRE(*decoded == *expected);
}

}  // namespace
}  // namespace clusterkit::testing
