// Shortens a script that breaks a rule: leaves out steps for as long as it still does.

#include <algorithm>

#include "clusterkit/sim/campaign.h"

namespace clusterkit::sim {
namespace {

bool Breaks(const FaultScript& script, const std::string& rule, const RunOptions& options) {
  const Violations violations = RunScript(script, options).violations;
  return std::any_of(violations.begin(), violations.end(),
                     [&](const Violation& violation) { return violation.rule == rule; });
}

FaultScript Without(const FaultScript& script, size_t from, size_t count) {
  FaultScript shorter = script;
  const auto begin = shorter.steps.begin() + static_cast<std::ptrdiff_t>(from);
  shorter.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  return shorter;
}

}  // namespace

// Delta debugging (Zeller, Hildebrandt: "Simplifying and Isolating Failure-Inducing Input"), by
// complements only: larger parts first, then single steps, until none can be left out.
FaultScript Minimise(const FaultScript& script, const std::string& rule, const RunOptions& options,
                     const std::function<bool(size_t, int)>& still_running) {
  RunOptions quiet = options;
  quiet.trace = false;
  FaultScript shortest = script;
  int attempts = 0;
  size_t part = std::max<size_t>(1, shortest.steps.size() / 2);
  for (;;) {
    bool shortened = false;
    for (size_t from = 0; from < shortest.steps.size();) {
      if (still_running && !still_running(shortest.steps.size(), attempts)) return shortest;
      const size_t count = std::min(part, shortest.steps.size() - from);
      FaultScript shorter = Without(shortest, from, count);
      ++attempts;
      if (Breaks(shorter, rule, quiet)) {
        shortest = std::move(shorter);
        shortened = true;
      } else {
        from += count;
      }
    }
    if (part > 1) {
      part /= 2;
    } else if (!shortened) {
      return shortest;
    }
  }
}

}  // namespace clusterkit::sim
