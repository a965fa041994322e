// A state file of any content is read or refused, and what was read is written the same.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "clusterkit/file/nodes_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<clusterkit::PersistentState> state = clusterkit::ParseNodesConf(text);
  if (!state.ok()) {
    if (state.status().code() != absl::StatusCode::kDataLoss) std::abort();
    return 0;
  }
  const std::string written = clusterkit::FormatNodesConf(*state);
  const absl::StatusOr<clusterkit::PersistentState> again = clusterkit::ParseNodesConf(written);
  if (!again.ok() || !(*again == *state)) std::abort();
  if (clusterkit::FormatNodesConf(*again) != written) std::abort();
  return 0;
}
