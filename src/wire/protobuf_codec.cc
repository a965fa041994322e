#include "clusterkit/wire/protobuf_codec.h"

#include <google/protobuf/arena.h>

#include "base/status_macros.h"
#include "clusterkit/v1/bus.pb.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/shape.h"

namespace clusterkit {
namespace {

// Most frames fit into a block on the stack, which saves an allocation for each gossip entry.
class FrameArena {
 public:
  FrameArena() : arena_(Options(block_, sizeof(block_))) {}

  v1::Frame& NewFrame() { return *google::protobuf::Arena::CreateMessage<v1::Frame>(&arena_); }

 private:
  static google::protobuf::ArenaOptions Options(char* block, size_t size) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block;
    options.initial_block_size = size;
    return options;
  }

  alignas(8) char block_[16384];
  google::protobuf::Arena arena_;
};

}  // namespace

std::string ProtobufCodec::Encode(const Frame& frame) const {
  FrameArena arena;
  v1::Frame& out = arena.NewFrame();
  wire::EncodeFrame(frame, out);
  return out.SerializeAsString();
}

absl::StatusOr<Frame> ProtobufCodec::Decode(std::string_view bytes) const {
  CLUSTERKIT_RETURN_IF_ERROR(wire::CheckShape(bytes));
  FrameArena arena;
  v1::Frame& in = arena.NewFrame();
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("frame: malformed fields");
  }
  return wire::DecodeFrame(in);
}

}  // namespace clusterkit
