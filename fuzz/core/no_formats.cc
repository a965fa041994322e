#include "core/formats.h"

namespace clusterkit::fuzz {

absl::StatusOr<Frame> ThroughCodec(const Frame& frame) { return frame; }

PersistentState ThroughFile(const PersistentState& state) { return state; }

}  // namespace clusterkit::fuzz
