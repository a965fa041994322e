// The formats in which frames travel and states are kept, for those who care.

#ifndef CLUSTERKIT_FUZZ_CORE_FORMATS_H_
#define CLUSTERKIT_FUZZ_CORE_FORMATS_H_

#include "absl/status/statusor.h"
#include "clusterkit/message.h"
#include "clusterkit/persistent_state.h"

namespace clusterkit::fuzz {

// As the receiver gets it. An error if it would not: no honest node sends such a frame.
absl::StatusOr<Frame> ThroughCodec(const Frame& frame);

// As the next process finds it. What a node saves, it can load; it forgets only which slots their
// owner has given up, for that will say so again.
PersistentState ThroughFile(const PersistentState& state);

}  // namespace clusterkit::fuzz

#endif  // CLUSTERKIT_FUZZ_CORE_FORMATS_H_
