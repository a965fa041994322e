#include "sim/campaign/setup.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/sim/actions.h"

namespace clusterkit::sim {

absl::StatusOr<Setup> ReadSetup(const Command& line) {
  Setup setup;
  setup.options.node_timeout = absl::Seconds(1);
  CLUSTERKIT_RETURN_IF_ERROR(ApplyOptions(line, setup.options));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t seed, line.Number("seed", 1));
  setup.seed = static_cast<uint64_t>(seed);
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t primaries, line.Number("primaries", 3));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t replicas, line.Number("replicas", primaries));
  if (primaries < 1 || primaries > 1000 || replicas < 0 || replicas > 4000) {
    return absl::InvalidArgumentError(
        absl::StrCat(primaries, " primaries and ", replicas, " replicas: at most 1000 and 4000"));
  }
  setup.topology.primaries = static_cast<int>(primaries);
  setup.topology.replicas = static_cast<int>(replicas);
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t witnesses, line.Number("witnesses", 0));
  if (witnesses < 0 || witnesses > 1000 || setup.options.voting == Voting::kWitness) {
    return absl::InvalidArgumentError("at most 1000 witnesses, beside other nodes");
  }
  setup.topology.witnesses = static_cast<int>(witnesses);
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.topology.uneven, line.Switch("uneven", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.topology.preloaded, line.Switch("preloaded", true));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.usual.latency, line.Time("latency", absl::Milliseconds(1)));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.usual.jitter, line.Time("jitter", absl::ZeroDuration()));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.drift, line.Number("drift", 0));
  return setup;
}

}  // namespace clusterkit::sim
