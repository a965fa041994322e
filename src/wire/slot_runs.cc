#include "wire/slot_runs.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"

namespace clusterkit::wire {

void EncodeSlots(const SlotSet& slots, v1::SlotRuns& out) {
  const std::vector<SlotRange> ranges = slots.Ranges();
  out.mutable_gap_and_length()->Reserve(static_cast<int>(2 * ranges.size()));
  uint32_t next = 0;  // The slot after the previous run.
  for (const SlotRange& range : ranges) {
    const uint32_t end = range.last.value + 1u;
    out.add_gap_and_length(range.first.value - next);
    out.add_gap_and_length(end - range.first.value);
    next = end;
  }
}

absl::Status DecodeSlots(const FieldPath& at, const v1::SlotRuns& runs, SlotSet& slots) {
  const auto& numbers = runs.gap_and_length();
  if (numbers.size() % 2 != 0) return at.Invalid("a gap without a length");
  uint64_t next = 0;
  for (int i = 0; i < numbers.size(); i += 2) {
    const uint64_t gap = numbers[i], length = numbers[i + 1];
    const uint64_t first = next + gap, end = first + length;
    if (length == 0 || (gap == 0 && i != 0)) {
      return at.Invalid(absl::StrCat("run ", i / 2, " is not maximal"));
    }
    if (end > kSlotCount) {
      return at.Invalid(absl::StrCat("run ", i / 2, " ends at slot ", end - 1));
    }
    slots.Add(
        SlotRange{SlotId{static_cast<uint16_t>(first)}, SlotId{static_cast<uint16_t>(end - 1)}});
    next = end;
  }
  return absl::OkStatus();
}

}  // namespace clusterkit::wire
