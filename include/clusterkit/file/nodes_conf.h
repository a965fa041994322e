// The text of the state file, without the file.

#ifndef CLUSTERKIT_FILE_NODES_CONF_H_
#define CLUSTERKIT_FILE_NODES_CONF_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clusterkit/persistent_state.h"

namespace clusterkit {

// Same state, same text.
std::string FormatNodesConf(const PersistentState& state);

// DataLoss naming line and reason; nothing is half loaded.
absl::StatusOr<PersistentState> ParseNodesConf(std::string_view text);

}  // namespace clusterkit

#endif  // CLUSTERKIT_FILE_NODES_CONF_H_
