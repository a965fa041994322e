#include <cstdint>
#include <string>
#include <string_view>

#include "clusterkit/types.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "wire/golden_frames.h"

namespace clusterkit::testing {
namespace {

enum class Outcome { kRefused, kDecoded };

// Damaged bytes are refused with one of the codec's errors, or are a frame like any other.
// REQUIRE is kept for failures: it would be most of the run time.
Outcome Survive(const ProtobufCodec& codec, std::string_view bytes) {
  const auto fail = [&](std::string_view what) {
    FAIL(
        what << ": "
             << internal::BytesToHex(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  };
  const absl::StatusOr<Frame> frame = codec.Decode(bytes);
  if (!frame.ok()) {
    const absl::StatusCode code = frame.status().code();
    const bool known = code == absl::StatusCode::kInvalidArgument ||
                       code == absl::StatusCode::kUnimplemented ||
                       code == absl::StatusCode::kResourceExhausted;
    if (!known || frame.status().message().empty()) fail("refused without a proper reason");
    return Outcome::kRefused;
  }
  const absl::StatusOr<Frame> again = codec.Decode(codec.Encode(*frame));
  if (!again.ok()) fail("decoded, but its encoding is refused");
  if (*again != *frame) fail("changed by encoding and decoding");
  return Outcome::kDecoded;
}

TEST_CASE("a frame cut anywhere is refused or is another frame") {
  const ProtobufCodec codec;
  for (const GoldenFrame& golden : GoldenFrames()) {
    INFO(golden.name);
    const std::string bytes = codec.Encode(golden.frame);
    for (size_t size = 0; size < bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees reads beyond the cut.
      const std::string cut(bytes.data(), size);
      // The outermost length does not fit any more.
      if (Survive(codec, cut) != Outcome::kRefused) FAIL("decoded when cut to " << size);
    }
  }
}

TEST_CASE("a frame with one damaged byte is refused or is another frame") {
  const ProtobufCodec codec;
  size_t refused = 0, decoded = 0;
  for (const GoldenFrame& golden : GoldenFrames()) {
    INFO(golden.name);
    const std::string bytes = codec.Encode(golden.frame);
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ mask);
        (Survive(codec, damaged) == Outcome::kRefused ? refused : decoded) += 1;
      }
    }
  }
  // Both happen, or the test tests nothing.
  REQUIRE(refused > 1000);
  REQUIRE(decoded > 1000);
}

TEST_CASE("a frame with bytes behind it is refused") {
  const ProtobufCodec codec;
  for (const GoldenFrame& golden : GoldenFrames()) {
    const std::string bytes = codec.Encode(golden.frame);
    REQUIRE(Survive(codec, bytes + '\0') == Outcome::kRefused);
    REQUIRE(Survive(codec, bytes + bytes) == Outcome::kRefused);
  }
}

}  // namespace
}  // namespace clusterkit::testing
