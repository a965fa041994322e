// From frames to their protobuf form.

#ifndef CLUSTERKIT_SRC_WIRE_ENCODE_H_
#define CLUSTERKIT_SRC_WIRE_ENCODE_H_

#include "clusterkit/message.h"
#include "clusterkit/v1/bus.pb.h"

namespace clusterkit::wire {

// Fills `out`, which is empty before. Durations are rounded up to milliseconds and cut to
// [0, kMaxDuration]; the text of a Goodbye is cut to kMaxTextBytes. Everything else is taken as it
// is: a frame that breaks another limit is refused by its receiver.
void EncodeFrame(const Frame& frame, v1::Frame& out);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_ENCODE_H_
