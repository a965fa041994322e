#include "clusterkit/framing.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace clusterkit {
namespace {

// An idle link keeps no more than this of what a large frame once needed.
constexpr size_t kKeptCapacity = size_t{64} << 10;

// REQUIRES: at least kFramePrefixBytes.
size_t AnnouncedSize(std::string_view stream) {
  size_t size = 0;
  for (size_t i = 0; i < kFramePrefixBytes; ++i) {
    size = size << 8 | static_cast<uint8_t>(stream[i]);
  }
  return size;
}

bool SizeAllowed(size_t size, size_t max_frame_bytes) {
  return size != 0 && size <= max_frame_bytes;
}

}  // namespace

void AppendFramePrefix(size_t size, std::string& out) {
  CLUSTERKIT_CHECK(size != 0 && size <= std::numeric_limits<uint32_t>::max());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
}

void FrameReader::Append(std::string_view bytes) {
  const std::string_view pending = std::string_view(buffer_).substr(consumed_);
  // After a bad prefix nothing can be read any more, so nothing is kept for it either.
  if (pending.size() >= kFramePrefixBytes &&
      !SizeAllowed(AnnouncedSize(pending), max_frame_bytes_)) {
    return;
  }
  if (pending.empty()) {
    consumed_ = 0;
    if (buffer_.capacity() > kKeptCapacity) {
      std::string().swap(buffer_);  // Assignment would keep the capacity.
    } else {
      buffer_.clear();
    }
  } else if (consumed_ >= buffer_.size() / 2) {
    // Not for every frame: moving the rest must stay cheaper than the bytes already read.
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  buffer_.append(bytes.data(), bytes.size());
}

absl::StatusOr<std::optional<std::string_view>> FrameReader::Next() {
  const std::string_view pending = std::string_view(buffer_).substr(consumed_);
  if (pending.size() < kFramePrefixBytes) return std::nullopt;
  const size_t size = AnnouncedSize(pending);
  if (!SizeAllowed(size, max_frame_bytes_)) {
    if (size == 0) return absl::InvalidArgumentError("a frame of zero bytes");
    return absl::ResourceExhaustedError(
        absl::StrCat("a frame of ", size, " bytes, the limit is ", max_frame_bytes_));
  }
  if (pending.size() - kFramePrefixBytes < size) return std::nullopt;
  consumed_ += kFramePrefixBytes + size;
  return pending.substr(kFramePrefixBytes, size);
}

}  // namespace clusterkit
