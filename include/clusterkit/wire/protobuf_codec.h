// The native encoding: Protocol Buffers. The schema is proto/clusterkit/v1/bus.proto.

#ifndef CLUSTERKIT_WIRE_PROTOBUF_CODEC_H_
#define CLUSTERKIT_WIRE_PROTOBUF_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clusterkit/codec.h"

namespace clusterkit {

class ProtobufCodec : public Codec {
 public:
  std::string Encode(const Frame& frame) const override;
  absl::StatusOr<Frame> Decode(std::string_view bytes) const override;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_WIRE_PROTOBUF_CODEC_H_
