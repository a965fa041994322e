// Random runs over a band of seeds: safety at each step, and healing in the calm after.
//
// To repeat a failure alone: CLUSTERKIT_SIM_SEED=<seed> sim_test "random faults*".

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "sim/chaos.h"
#include "support/catch.h"
#include "support/sanitized.h"

namespace clusterkit::sim {
namespace {

constexpr uint64_t kSeeds = 40;
constexpr uint64_t kSeedsSanitized = 8;

TEST_CASE("random faults break no rule, and the cluster heals when they end") {
  uint64_t first = 0, end = kSanitized ? kSeedsSanitized : kSeeds;
  if (const char* seed = std::getenv("CLUSTERKIT_SIM_SEED")) {
    first = std::strtoull(seed, nullptr, 10);
    end = first + 1;
  }
  ChaosCounts counts;
  absl::Duration longest;
  for (uint64_t seed = first; seed < end; ++seed) {
    const ChaosResult result = RunChaos({.seed = seed});
    INFO("repeat with CLUSTERKIT_SIM_SEED=" << seed);
    // A rule that is broken once is often broken many times.
    for (size_t i = 0; i < std::min<size_t>(result.violations.size(), 5); ++i) {
      UNSCOPED_INFO(result.violations[i]);
    }
    CHECK(result.violations.empty());
    CHECK(result.unhealed == "");
    counts.Add(result.counts);
    longest = std::max(longest, result.healed_after);
  }
  std::cout << Describe(counts) << "; longest time to heal " << longest << "\n";
  if (end - first < kSeeds) return;
  // A campaign in which little happens proves little.
  CHECK(counts.elections_won > 0);
  CHECK(counts.elections_lost > 0);
  CHECK(counts.fails_cleared > 0);
  CHECK(counts.refusals > 0);
  CHECK(counts.collisions > 0);
  CHECK(counts.crashes > 0);
  CHECK(counts.pauses > 0);
  CHECK(counts.partitions > 0);
}

}  // namespace
}  // namespace clusterkit::sim
