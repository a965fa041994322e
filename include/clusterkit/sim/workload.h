// A host's own service on the simulated nodes of a run.
//
// The constructor of a workload attaches it: it sets the cluster's host factory, so that each
// start of a node gets an Observer of the service's, which may talk over Cluster::NewTransport
// and wait with Cluster::After. Faults of the host reach it through the functions below, and at
// the end it says which of its own promises were broken.

#ifndef CLUSTERKIT_SIM_WORKLOAD_H_
#define CLUSTERKIT_SIM_WORKLOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "clusterkit/sim/checkers.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/types.h"

namespace clusterkit::sim {

class Workload {
 public:
  virtual ~Workload() = default;

  // --- Faults ---------------------------------------------------------------------------------
  // The data thread of a node hangs until it is told to go on, or its process ends. The node itself
  // runs.
  virtual void SetHostAlive(const Name& name, bool alive);
  virtual bool HostAlive(const Name& name) const;
  // The data of a node is gone, or complete again (as if restored). Also while it does not run.
  virtual void SetDataPresent(const Name& name, bool present);

  // --- Questions ------------------------------------------------------------------------------
  // What a node's data really is; empty if the service does not replicate.
  virtual std::optional<Progress> ProgressOf(const Name& name) const;
  // The faults are over and the nodes agree: what does not hold now never will. Asked once, and
  // may advance the cluster.
  virtual void AtRest();
  // Own promises broken so far.
  virtual Violations violations() const;
  // Counted, but not promised by asynchronous replication. Complete after AtRest.
  struct Writes {
    uint64_t acknowledged = 0, lost = 0;
  };
  virtual Writes CountWrites() const;
};

using WorkloadFactory = std::function<std::unique_ptr<Workload>(Cluster&)>;

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_WORKLOAD_H_
