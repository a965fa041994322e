// Frames in a byte stream: a 4-byte big-endian length, then that many bytes.
// For transports over TCP-like links.

#ifndef CLUSTERKIT_FRAMING_H_
#define CLUSTERKIT_FRAMING_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace clusterkit {

inline constexpr size_t kFramePrefixBytes = 4;

// Appends the prefix of a frame of `size` bytes.
void AppendFramePrefix(size_t size, std::string& out);

// Cuts a stream into frames. Holds at most one incomplete frame; memory follows the bytes that
// have arrived, not the length a peer announces.
class FrameReader {
 public:
  explicit FrameReader(size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  void Append(std::string_view bytes);
  // The next complete frame, empty if more bytes are needed. ResourceExhausted if a frame over
  // the limit was announced, InvalidArgument for one of zero bytes; the stream is then useless.
  // The view is valid until the next Append().
  absl::StatusOr<std::optional<std::string_view>> Next();

 private:
  size_t max_frame_bytes_;
  std::string buffer_;
  size_t consumed_ = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FRAMING_H_
