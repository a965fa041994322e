// Pieces of lines that describe.cc and describe_event.cc share.

#ifndef CLUSTERKIT_SRC_MODEL_DESCRIBE_TEXT_H_
#define CLUSTERKIT_SRC_MODEL_DESCRIBE_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/describe.h"
#include "clusterkit/message.h"
#include "clusterkit/slot.h"
#include "clusterkit/types.h"

namespace clusterkit::internal {

// "p2 p3"
std::string Names(const std::vector<NodeId>& ids, NameOf name, std::string_view separator);

// "0-5460 7000", "none"
std::string SlotsText(const SlotSet& slots, std::string_view separator);

// "712ms", "0ms"
std::string DurationText(absl::Duration duration);

// Text of other origin, made fit for one line: escaped, and cut when long.
std::string OneLine(std::string_view text);

std::string_view GoodbyeText(Goodbye::Reason reason);

}  // namespace clusterkit::internal

#endif  // CLUSTERKIT_SRC_MODEL_DESCRIBE_TEXT_H_
