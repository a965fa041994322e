// Sets of slots on the wire: see SlotRuns in bus.proto.

#ifndef CLUSTERKIT_SRC_WIRE_SLOT_RUNS_H_
#define CLUSTERKIT_SRC_WIRE_SLOT_RUNS_H_

#include "absl/status/status.h"
#include "clusterkit/slot.h"
#include "clusterkit/v1/bus.pb.h"
#include "wire/field_path.h"

namespace clusterkit::wire {

void EncodeSlots(const SlotSet& slots, v1::SlotRuns& out);

// Adds to `slots`, which is empty before. InvalidArgument unless the runs are maximal and end
// within the slots: every set has exactly one encoding.
absl::Status DecodeSlots(const FieldPath& at, const v1::SlotRuns& runs, SlotSet& slots);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_SLOT_RUNS_H_
