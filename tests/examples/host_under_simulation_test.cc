// The counter service keeps its promises under the simulator's faults, and the simulator finds the
// mistakes that services make.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/sim/campaign.h"
#include "host_under_simulation/workload.h"
#include "support/catch.h"
#include "support/sanitized.h"

namespace host_under_simulation {
namespace {

using clusterkit::sim::DrawScript;
using clusterkit::sim::FaultScript;
using clusterkit::sim::RunResult;
using clusterkit::sim::Violation;
using sharded_counter::Mistake;

constexpr uint64_t kSeeds = clusterkit::kSanitized ? 5 : 40;
// Of those that a mistake may need to show.
constexpr uint64_t kMostSeeds = 60;

bool Breaks(const FaultScript& script, Mistake mistake, const std::string& rule) {
  const RunResult result = RunScript(script, RunWith(mistake));
  return std::any_of(result.violations.begin(), result.violations.end(),
                     [&](const Violation& violation) { return violation.rule == rule; });
}

// The first script with these faults in which the mistake breaks the rule.
std::optional<FaultScript> FirstThatBreaks(Mistake mistake, const std::string& rule,
                                           const std::vector<std::string>& kinds) {
  for (uint64_t seed = 0; seed < kMostSeeds; ++seed) {
    FaultScript script = DrawScript(seed, {.large = false, .kinds = kinds});
    if (Breaks(script, mistake, rule)) return script;
  }
  return std::nullopt;
}

void CheckWhole(const FaultScript& script) {
  const RunResult result = RunScript(script, RunWith(Mistake::kNone));
  for (const Violation& violation : result.violations) {
    UNSCOPED_INFO(violation.rule << ": " << violation.text);
  }
  CHECK(result.violations.empty());
}

TEST_CASE("increments are counted once and are not lost, under all faults it promises that for") {
  uint64_t acknowledged = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    INFO("seed " << seed);
    const RunResult result = RunScript(DrawScript(seed, {.large = false, .kinds = FaultKinds()}),
                                       RunWith(Mistake::kNone));
    for (const Violation& violation : result.violations) {
      UNSCOPED_INFO(violation.rule << ": " << violation.text);
    }
    CHECK(result.violations.empty());
    CHECK(result.writes.lost == 0);
    acknowledged += result.writes.acknowledged;
  }
  CHECK(acknowledged > kSeeds * 500);
}

TEST_CASE("a primary that looks at its lease before it counts, but not when it says so, is found") {
  const auto script = FirstThatBreaks(Mistake::kAckLate, "fenced-says-nothing", {"pause"});
  REQUIRE(script);
  CheckWhole(*script);
}

TEST_CASE("a primary that is content with one copy is found") {
  const auto script =
      FirstThatBreaks(Mistake::kAckEarly, "nothing-lost", {"partition", "pause", "crash"});
  REQUIRE(script);
  CheckWhole(*script);
}

TEST_CASE("a replica that adds a copy to what it has is found, and the script is shortened") {
  const auto script = FirstThatBreaks(Mistake::kMergeCopy, "counted-once", {"crash"});
  REQUIRE(script);
  CheckWhole(*script);
  const FaultScript shortest = Minimise(*script, "counted-once", RunWith(Mistake::kMergeCopy));
  CHECK(Breaks(shortest, Mistake::kMergeCopy, "counted-once"));
  CHECK(shortest.steps.size() <= 4);
}

}  // namespace
}  // namespace host_under_simulation
