// Many clusters, each with its own faults, and the question whether every promise was kept.
//
// A run: a cluster forms, the steps of a script happen to it while checkers watch, then the faults
// end, and it has to come together within a bound. A failed run is repeated exactly by its script,
// and Minimise makes that short enough to read. docs/testing.md tells how.
//
// Hosts run their own service in it: see workload.h and examples/replicated_register.

#ifndef CLUSTERKIT_SIM_CAMPAIGN_H_
#define CLUSTERKIT_SIM_CAMPAIGN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/options.h"
#include "clusterkit/sim/checkers.h"
#include "clusterkit/sim/coverage.h"
#include "clusterkit/sim/fault_script.h"
#include "clusterkit/sim/workload.h"

namespace clusterkit::sim {

struct RunOptions {
  // Null: DataPlane.
  WorkloadFactory workload;
  // Fill RunResult::trace.
  bool trace = false;
  // With the decisions of each node (trace.h), also those that changed nothing: a lot.
  bool decisions = false;
};

struct RunResult {
  Violations violations;
  Coverage coverage;
  Workload::Writes writes;
  absl::Duration doubled;        // Two nodes served one slot.
  absl::Duration healed_after;   // The last fault ended.
  absl::Duration healing_bound;  // What it was allowed.
  absl::Duration length;         // Virtual, of the whole run.
  size_t nodes = 0;
  uint64_t frames = 0;
  // Of every frame sent: when, from whom, to whom, how long. Equal runs have equal digests.
  uint64_t digest = 0;
  std::string trace;  // One line for each step and each event, or decision.
};

// The same script gives the same result, byte for byte.
RunResult RunScript(const FaultScript& script, const RunOptions& options = {});

// How long after the end of the last fault a cluster may take to be whole again.
absl::Duration HealingBound(const Options& options);

// A script with as few steps as can be found that still breaks `rule`. `still_running` is told of
// each attempt: steps left, attempts made; false stops the search.
FaultScript Minimise(const FaultScript& script, const std::string& rule,
                     const RunOptions& options = {},
                     const std::function<bool(size_t, int)>& still_running = nullptr);

// Sums up runs.
class CampaignReport {
 public:
  void Add(const FaultScript& script, const RunResult& result);
  void Merge(const CampaignReport& other);

  uint64_t runs() const { return runs_; }
  uint64_t failed() const { return failed_; }
  const Coverage& coverage() const { return coverage_; }
  // What was exercised: runs, virtual node-hours, and for each kind of fault, from the runs that
  // had no other, writes lost and time with two servers.
  std::string Table() const;

 private:
  struct Row {
    uint64_t runs = 0, steps = 0;
    Workload::Writes writes;
    absl::Duration doubled;
    double slowest = 0;  // Healing, as a share of what was allowed.
    void Add(const Row& other);
  };
  uint64_t runs_ = 0, failed_ = 0, frames_ = 0;
  absl::Duration time_, node_time_;
  Coverage coverage_;
  std::map<std::string, Row> rows_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_CAMPAIGN_H_
