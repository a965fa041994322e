// An arbitrary stream in arbitrary pieces: the frames do not depend on the pieces, and a stream
// that went bad stays bad.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "clusterkit/framing.h"

namespace {

using clusterkit::FrameReader;

constexpr size_t kMaxFrameBytes = 300;

struct Outcome {
  std::vector<std::string> frames;
  bool failed = false;
};

void Drain(FrameReader& reader, Outcome& outcome) {
  while (true) {
    const auto next = reader.Next();
    CLUSTERKIT_CHECK(!(outcome.failed && next.ok()));
    outcome.failed = !next.ok();
    if (!next.ok() || !next->has_value()) return;
    CLUSTERKIT_CHECK(!(*next)->empty() && (*next)->size() <= kMaxFrameBytes);
    outcome.frames.emplace_back(**next);
  }
}

}  // namespace

// The first bytes are the sizes of the pieces, used in turn; the rest is the stream. The top bit
// of a size leaves what is complete for later.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kPieces = 8;
  if (size < kPieces) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + kPieces, size - kPieces);

  Outcome whole;
  FrameReader whole_reader(kMaxFrameBytes);
  whole_reader.Append(stream);
  Drain(whole_reader, whole);

  Outcome pieces;
  FrameReader reader(kMaxFrameBytes);
  size_t piece = 0;
  for (size_t at = 0; at < stream.size();) {
    const uint8_t choice = data[piece++ % kPieces];
    const size_t taken = std::max<size_t>(1, choice & 0x7f);
    reader.Append(stream.substr(at, taken));
    at += taken;
    if ((choice & 0x80) == 0) Drain(reader, pieces);
  }
  Drain(reader, pieces);
  CLUSTERKIT_CHECK(pieces.frames == whole.frames);
  CLUSTERKIT_CHECK(pieces.failed == whole.failed);

  // What was read, written again, is where the stream began.
  std::string written;
  for (const std::string& frame : whole.frames) {
    clusterkit::AppendFramePrefix(frame.size(), written);
    written += frame;
  }
  CLUSTERKIT_CHECK(stream.substr(0, written.size()) == written);
  return 0;
}
