// JSON of a node -> values. Whatever it is given, it returns a value or says what is wrong.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PARSE_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PARSE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "clusterkit_top/status.h"

namespace clusterkit_top {

// InvalidArgument names the field; Unimplemented if the answer has another schema number.
absl::StatusOr<Status> ParseStatus(std::string_view json);
absl::StatusOr<EventPage> ParseEvents(std::string_view json);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PARSE_H_
