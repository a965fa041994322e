// Arbitrary bytes into the codec: it refuses them, or what it made of them is a frame like any
// other.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "clusterkit/wire/protobuf_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using absl::StatusCode;
  const clusterkit::ProtobufCodec codec;
  const absl::StatusOr<clusterkit::Frame> frame =
      codec.Decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!frame.ok()) {
    const StatusCode code = frame.status().code();
    CLUSTERKIT_CHECK(code == StatusCode::kInvalidArgument || code == StatusCode::kUnimplemented ||
                     code == StatusCode::kResourceExhausted);
    return 0;
  }
  const std::string bytes = codec.Encode(*frame);
  const absl::StatusOr<clusterkit::Frame> again = codec.Decode(bytes);
  CLUSTERKIT_CHECK(again.ok());
  CLUSTERKIT_CHECK(*again == *frame);
  CLUSTERKIT_CHECK(codec.Encode(*again) == bytes);
  return 0;
}
