// The port between messages and bytes.

#ifndef CLUSTERKIT_CODEC_H_
#define CLUSTERKIT_CODEC_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clusterkit/message.h"

namespace clusterkit {

// Stateless and thread-safe. Transport carries what Encode returns as one unit; the framing of a
// byte stream (a length prefix) is the transport's: see framing.h.
class Codec {
 public:
  virtual ~Codec() = default;

  virtual std::string Encode(const Frame& frame) const = 0;

  // InvalidArgument: malformed, with what and where. Unimplemented: a kind of frame or message
  // this version does not know. ResourceExhausted: more entries than the codec's limits allow.
  // Never aborts and never allocates out of proportion to its input, whatever the bytes.
  virtual absl::StatusOr<Frame> Decode(std::string_view bytes) const = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CODEC_H_
