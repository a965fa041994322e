#include "clusterkit/types.h"

#include <string>
#include <type_traits>

#include "clusterkit/time.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

constexpr char kHex[] = "0123456789abcdef0123456789abcdef89abcdef";

std::string ErrorOf(std::string_view hex) {
  const auto id = NodeId::FromHex(hex);
  REQUIRE_FALSE(id.ok());
  REQUIRE(id.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(id.status().message());
}

TEST_CASE("an id survives the way through its hex text") {
  const auto id = NodeId::FromHex(kHex);
  REQUIRE(id.ok());
  REQUIRE(id->bytes[0] == 0x01);
  REQUIRE(id->bytes[19] == 0xef);
  REQUIRE(id->ToHex() == kHex);
}

TEST_CASE("hex digits of both cases are read, lowercase is written") {
  const auto id = NodeId::FromHex("0123456789ABCDEF0123456789abcdef89ABCDEF");
  REQUIRE(id.ok());
  REQUIRE(id->ToHex() == kHex);
}

TEST_CASE("text that is not 40 hex digits is refused with the kind of id and the text") {
  REQUIRE(ErrorOf("12ab") == "node id: \"12ab\" is not 40 hex digits");
  REQUIRE(ErrorOf("") == "node id: \"\" is not 40 hex digits");
  REQUIRE(ErrorOf(std::string(kHex) + "0").find("40 hex digits") != std::string::npos);
  REQUIRE(ErrorOf("g123456789abcdef0123456789abcdef89abcdef").find("g123") != std::string::npos);
  REQUIRE(ErrorOf(std::string(40, '\0')).find("\\x00") != std::string::npos);
  REQUIRE(ErrorOf(std::string(1000, 'a')).size() < 200);
  REQUIRE(ShardId::FromHex("x").status().message().substr(0, 8) == "shard id");
}

TEST_CASE("ids order like their hex text") {
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const NodeId a = NodeId::Random(rng);
    const NodeId b = NodeId::Random(rng);
    REQUIRE((a < b) == (a.ToHex() < b.ToHex()));
    REQUIRE((a == b) == (a.ToHex() == b.ToHex()));
  }
}

TEST_CASE("each byte of an id counts in its order, the earlier the more") {
  for (size_t i = 0; i < NodeId::kSize; ++i) {
    NodeId less, greater;
    greater.bytes[i] = 0x80;
    CHECK(less != greater);
    CHECK(less < greater);
    for (size_t later = i + 1; later < NodeId::kSize; ++later) less.bytes[later] = 0xff;
    CHECK(less < greater);
    CHECK(greater > less);
  }
}

TEST_CASE("only an id that was never drawn is zero") {
  Rng rng(1);
  REQUIRE(NodeId().IsZero());
  REQUIRE_FALSE(NodeId::Random(rng).IsZero());
}

TEST_CASE("node ids and shard ids do not mix") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<NodeId, ShardId>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<ShardId, NodeId>);
}

TEST_CASE("progress counts history before offset") {
  const Progress old_history{Epoch{3}, 900, true};
  const Progress behind{Epoch{4}, 10, true};
  const Progress ahead{Epoch{4}, 11, true};
  REQUIRE((Progress::Compare(old_history, behind) < 0));
  REQUIRE((Progress::Compare(ahead, behind) > 0));
  REQUIRE((Progress::Compare(ahead, ahead) == 0));
}

TEST_CASE("instants compare and subtract like their offsets, infinity included") {
  const Instant t{absl::Seconds(5)};
  REQUIRE(t + absl::Seconds(2) > t);
  REQUIRE((t + absl::Seconds(2)) - t == absl::Seconds(2));
  REQUIRE(t - absl::Seconds(5) == Instant{});
  REQUIRE(t < Instant::InfiniteFuture());
  REQUIRE(Instant::InfinitePast() < t);
}

}  // namespace
}  // namespace clusterkit
