#include "sim/chaos.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

TEST_CASE("the same seed gives the same run, event by event") {
  for (uint64_t seed : {1, 2, 3}) {
    const ChaosOptions options{.seed = seed, .chaos = absl::Seconds(15), .trace = true};
    const ChaosResult first = RunChaos(options);
    const ChaosResult second = RunChaos(options);
    CHECK_FALSE(first.trace.empty());
    // Not CHECK(a == b): the texts are long.
    const bool same = first.trace == second.trace;
    CHECK(same);
  }
}

TEST_CASE("another seed gives another run") {
  const ChaosResult first = RunChaos({.seed = 1, .chaos = absl::Seconds(5), .trace = true});
  const ChaosResult second = RunChaos({.seed = 2, .chaos = absl::Seconds(5), .trace = true});
  const bool same = first.trace == second.trace;
  CHECK_FALSE(same);
}

}  // namespace
}  // namespace clusterkit::sim
