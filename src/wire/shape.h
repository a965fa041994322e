// A first look at a frame, before protobuf builds objects from it.

#ifndef CLUSTERKIT_SRC_WIRE_SHAPE_H_
#define CLUSTERKIT_SRC_WIRE_SHAPE_H_

#include <string_view>

#include "absl/status/status.h"

namespace clusterkit::wire {

// Checks that the frame is of one known kind, that a message has one body of a known kind, and
// that its lists are within limits. Two bytes can announce an object of two hundred, so a list is
// counted, and its entries measured, before it is built: what decoding allocates then follows the
// bytes that are there. Looks no deeper than that; everything else is checked by the decoder.
//
// InvalidArgument, Unimplemented or ResourceExhausted as for Codec::Decode.
absl::Status CheckShape(std::string_view frame);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_SHAPE_H_
