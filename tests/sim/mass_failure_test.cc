#include <iostream>

#include "sim/mass_failure_run.h"
#include "support/catch.h"
#include "support/sanitized.h"

namespace clusterkit::sim {
namespace {

TEST_CASE("just under half of the primaries, dying at once, are replaced in one round") {
  MassFailure setup{.shards = 100, .kill = 49, .node_timeout = absl::Seconds(2)};
  if (kSanitized) setup.shards = 20, setup.kill = 9;
  const MassFailureResult result = RunMassFailure(setup);
  std::cout << setup.kill << " of " << setup.shards << " primaries killed: full coverage after "
            << result.full_coverage << " virtual, " << result.heal_wall
            << " on this machine; elections " << result.elections_started << ", lost "
            << result.elections_lost << "\n";
  INFO(result.healed.message());
  CHECK(result.healed.ok());
  CHECK(result.full_coverage < setup.node_timeout + absl::Seconds(5));
}

}  // namespace
}  // namespace clusterkit::sim
