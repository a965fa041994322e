// What happens to a cluster in one run: a line that describes it, and timed actions.
//
//   cluster seed=17 primaries=3 replicas=4 uneven=on node-timeout=800ms latency=2ms jitter=3ms
//   +1.250000s crash p1 lose
//   +1.700000s partition {p1 r2 | p2}
//   +2.000000s arm vote crash $node lose ; 30ms restart $node
//   +9.000000s settle
//
// Drawn from a seed, kept as text, run again, shortened. Times count from the moment at which the
// cluster has formed. Actions are those of actions.h, and two more:
//   settle                    the faults stay as they are until whatever can heal in spite of them
//                             must have healed, which is then checked
//   arm EVENT ACTION          waits for the next vote that is granted, election that starts, or
//     [; TIME ACTION]...      win, and strikes at that very moment; $node is where it happened.
//                             What follows a semicolon comes so much later.

#ifndef CLUSTERKIT_SIM_FAULT_SCRIPT_H_
#define CLUSTERKIT_SIM_FAULT_SCRIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace clusterkit::sim {

struct FaultScript {
  struct Step {
    absl::Duration at;
    std::string line;
  };
  std::string cluster;
  std::vector<Step> steps;  // Ascending by time.
};

std::string FormatScript(const FaultScript& script);
// InvalidArgument, with the line. Empty lines and those that begin with # are skipped. Whether the
// actions make sense shows when they run.
absl::StatusOr<FaultScript> ParseScript(const std::string& text);

// What a script is drawn from: partition, crash, slow-disk, forget, ...
struct FaultKind {
  std::string name;
  std::string what;
};
const std::vector<FaultKind>& FaultKinds();
// Of the script, as its first line names them. InvalidArgument: unknown name.
absl::StatusOr<std::vector<FaultKind>> KindsOf(const FaultScript& script);

struct DrawOptions {
  // Usual size of a cluster; one seed in twenty makes one of up to 50 shards, unless it is off.
  int most_nodes = 12;
  bool large = true;
  absl::Duration length = absl::Seconds(12);  // From the first fault to the last.
  // Empty: drawn too, sometimes all of them, sometimes a few, often a single one.
  std::vector<std::string> kinds = {};
};
FaultScript DrawScript(uint64_t seed, const DrawOptions& options = {});

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_FAULT_SCRIPT_H_
