// From the protobuf form back to frames, trusting nothing.

#ifndef CLUSTERKIT_SRC_WIRE_DECODE_H_
#define CLUSTERKIT_SRC_WIRE_DECODE_H_

#include "absl/status/statusor.h"
#include "clusterkit/message.h"
#include "clusterkit/v1/bus.pb.h"

namespace clusterkit::wire {

// Errors as for Codec::Decode. Kinds and list lengths have been looked at by CheckShape before.
absl::StatusOr<Frame> DecodeFrame(const v1::Frame& in);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_DECODE_H_
