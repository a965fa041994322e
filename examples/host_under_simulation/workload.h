// The counter service of examples/sharded_counter, the very same code, on the simulated nodes of a
// campaign of random faults, with clients that count along.
//
//   counted-once             a counter never shows more than what its client may have added
//   nothing-lost             nor does it fall behind what was acknowledged
//   fenced-says-nothing      once an increment of a key was acknowledged under a config epoch, none
//                            is under an older one, or by another node under the same
//   serves-again             when the faults are over, every key can be counted
//   copies-agree             and replicas have what their primaries have

#ifndef CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_WORKLOAD_H_
#define CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_WORKLOAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/workload.h"
#include "host_under_simulation/client.h"
#include "sharded_counter/service.h"

namespace host_under_simulation {

// The faults under which the service promises all of this. Missing are those that take disks away,
// those with which operators decide against the data (FAILOVER FORCE, new slot owners), moves of
// slots, which the service does not do, and the hanging data thread: it has no thread of its own,
// so that a hang is a pause.
const std::vector<std::string>& FaultKinds();

// For RunScript and Minimise of clusterkit/sim/campaign.h.
clusterkit::sim::RunOptions RunWith(sharded_counter::Mistake mistake);

// On each node the service, and a client that counts under the node's name.
class Workload : public clusterkit::sim::Workload {
 public:
  Workload(clusterkit::sim::Cluster& cluster, sharded_counter::Mistake mistake);

  std::optional<clusterkit::Progress> ProgressOf(const clusterkit::sim::Name& name) const override;
  void AtRest() override;
  clusterkit::sim::Violations violations() const override { return violations_; }
  Writes CountWrites() const override { return writes_; }

 private:
  using Name = clusterkit::sim::Name;
  class Process;
  // What of a machine outlives its processes.
  struct Machine {
    sharded_counter::Data data;
    Tally tally;
    uint64_t last = 0;  // The greatest value that was acknowledged.
    clusterkit::Instant last_at = clusterkit::Instant::InfinitePast();
  };
  struct Acknowledged {
    clusterkit::Epoch epoch;
    Name by;
  };

  void OnAcknowledging(const Name& name, const std::string& key);
  void OnTold(const Name& name, uint64_t value);
  void Broken(const std::string& rule, const std::string& text);

  clusterkit::sim::Cluster& cluster_;
  const sharded_counter::Mistake mistake_;
  std::map<Name, Machine> machines_;
  std::map<std::string, Acknowledged> last_acknowledged_;  // By key.
  Writes writes_;
  clusterkit::sim::Violations violations_;
};

}  // namespace host_under_simulation

#endif  // CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_WORKLOAD_H_
