// The codec of a simulation's nodes, made so that watching them costs no decoding.

#ifndef CLUSTERKIT_SRC_SIM_WATCHED_CODEC_H_
#define CLUSTERKIT_SRC_SIM_WATCHED_CODEC_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "clusterkit/codec.h"

namespace clusterkit::sim {

// For one thread.
class WatchedCodec final : public Codec {
 public:
  explicit WatchedCodec(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}

  std::string Encode(const Frame& frame) const override {
    encoded_ = &frame;
    return codec_->Encode(frame);
  }
  absl::StatusOr<Frame> Decode(std::string_view bytes) const override {
    if (peeked_ && bytes == peeked_bytes_) return *std::exchange(peeked_, std::nullopt);
    return codec_->Decode(bytes);
  }

  // What a transport is asked to send was encoded in the same breath.
  const Frame& last_encoded() const { return *encoded_; }
  // Decodes for somebody who looks at a frame before it is handed to its node.
  const absl::StatusOr<Frame>& Peek(const std::string& bytes) {
    peeked_bytes_ = bytes;
    peeked_ = codec_->Decode(bytes);
    return *peeked_;
  }

 private:
  const std::unique_ptr<Codec> codec_;
  mutable const Frame* encoded_ = nullptr;
  std::string peeked_bytes_;
  mutable std::optional<absl::StatusOr<Frame>> peeked_;  // Until it is asked for.
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_WATCHED_CODEC_H_
