// The service on the simulated nodes of a campaign, and what it promises.
//
//   copies-agree         copies of the same history and offset are equal, at all times, and so are
//                        all copies of a shard when the faults are over
//   one-primary-answers  once a write was acknowledged under a config epoch, no write of the slot
//                        is acknowledged under an older one, or by another node under the same
//   nothing-lost         a register never shows less than what was acknowledged
//   serves-again         when the faults are over, every register can be written

#ifndef CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_SERVICE_H_
#define CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_SERVICE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "clusterkit/random.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/fault_script.h"
#include "clusterkit/sim/workload.h"
#include "replicated_register/host.h"

namespace replicated_register {

// Which of them are made; the last one always is.
struct Promises {
  bool copies_agree = true, one_primary_answers = true, nothing_lost = true;
};
// In a run with these kinds of faults. Where an operator has to repair, he says who holds the
// slots, with data or without, and which node is what. A config epoch that was raised by command
// wins slots back from whoever was elected. An old state file forgets votes, so that an epoch may
// have two winners. And no copy is left if all of them come back without data.
Promises PromisesUnder(const std::vector<clusterkit::sim::FaultKind>& kinds,
                       const HostOptions& options);

// On each node a host, and a client that writes the slot of the node's name.
class Service : public clusterkit::sim::Workload {
 public:
  // Must outlive the nodes of the cluster.
  Service(clusterkit::sim::Cluster& cluster, const HostOptions& options, const Promises& promises);
  ~Service() override;

  void SetHostAlive(const clusterkit::sim::Name& name, bool alive) override;
  bool HostAlive(const clusterkit::sim::Name& name) const override;
  void SetDataPresent(const clusterkit::sim::Name& name, bool present) override;
  std::optional<clusterkit::Progress> ProgressOf(const clusterkit::sim::Name& name) const override;
  void AtRest() override;
  clusterkit::sim::Violations violations() const override { return violations_; }
  Writes CountWrites() const override { return writes_; }

 private:
  using Name = clusterkit::sim::Name;
  class Process;
  // What of a machine outlives its processes.
  struct Machine {
    Disk disk;
    bool hangs = false;
    clusterkit::SlotId slot;
    uint64_t next = 1;                                 // To be written by the client.
    std::map<uint64_t, clusterkit::Instant> answered;  // Values not known to be older yet: when.
  };
  struct Answered {
    clusterkit::Epoch epoch;
    Name by;
  };

  Surroundings SurroundingsOf(const Name& name);
  void OnAcknowledged(const Name& name, const Written& written);
  void OnSaved(const Name& name);
  void OnTold(const Name& name, const Written& written);
  void Broken(const std::string& rule, const std::string& text);

  clusterkit::sim::Cluster& cluster_;
  const HostOptions options_;
  const Promises promises_;
  clusterkit::Rng rng_;
  std::map<Name, Machine> machines_;
  std::map<clusterkit::SlotId, Answered> last_answered_;
  // By generation, history and offset: who had it first, and what it was.
  std::map<std::tuple<uint64_t, clusterkit::Epoch, uint64_t>, std::pair<Name, std::string>> copies_;
  Writes writes_;
  clusterkit::sim::Violations violations_;
};

// What a run of this script is to be done with.
clusterkit::sim::RunOptions RunWith(const clusterkit::sim::FaultScript& script,
                                    const HostOptions& options);

}  // namespace replicated_register

#endif  // CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_SERVICE_H_
