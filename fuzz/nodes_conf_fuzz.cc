// A state file of any content is read or refused, and what was read is written the same. Each
// input is also tried with its checksum put right, or little would get past that.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "clusterkit/file/nodes_conf.h"
#include "file/checksum.h"

namespace {

void Check(std::string_view text) {
  const absl::StatusOr<clusterkit::PersistentState> state = clusterkit::ParseNodesConf(text);
  if (!state.ok()) {
    if (state.status().code() != absl::StatusCode::kDataLoss) std::abort();
    return;
  }
  const std::string written = clusterkit::FormatNodesConf(*state);
  const absl::StatusOr<clusterkit::PersistentState> again = clusterkit::ParseNodesConf(written);
  if (!again.ok() || !(*again == *state)) std::abort();
  if (clusterkit::FormatNodesConf(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Check(text);
  constexpr std::string_view kKey = " checksum ";
  if (const size_t at = text.rfind(kKey); at != std::string_view::npos) {
    std::string repaired(text.substr(0, at + kKey.size()));
    repaired += clusterkit::file::ChecksumText(repaired) + "\n";
    if (repaired != text) Check(repaired);
  }
  return 0;
}
