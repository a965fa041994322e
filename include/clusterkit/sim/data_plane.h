// A scripted data service for simulated nodes: what a real host reports, without the data.
//
// Primaries accept replicas on their client endpoint and count writes while they may serve.
// Replicas connect to whom their node follows, copy its progress, and report at once when that
// link breaks. All of it runs over the simulated network and stops with the process. Progress
// survives a restart, unless it is declared lost.

#ifndef CLUSTERKIT_SIM_DATA_PLANE_H_
#define CLUSTERKIT_SIM_DATA_PLANE_H_

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "clusterkit/node_core.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/workload.h"
#include "clusterkit/types.h"

namespace clusterkit::sim {

struct DataPlaneOptions {
  absl::Duration tick = absl::Milliseconds(100);  // Of writes, reports and replication.
  uint64_t writes_per_tick = 10;
  absl::Duration full_sync = absl::Milliseconds(50);  // From the first byte to a complete copy.
  // A replication link that is silent for longer is given up.
  absl::Duration link_timeout = absl::Seconds(1);
};

// Becomes the host of every node that the cluster starts from now on, whether this object lives
// or not.
class DataPlane : public Workload {
 public:
  explicit DataPlane(Cluster& cluster, const DataPlaneOptions& options = {});
  ~DataPlane() override;

  // What the data of a node is at, whether it runs or not. Never empty.
  std::optional<Progress> ProgressOf(const Name& name) const override;
  // Writes so far that a primary has taken while it was allowed to serve.
  uint64_t WritesTaken(const Name& name) const;

  // --- Overrides ------------------------------------------------------------------------------
  // Reports exactly this for a node from now on; empty: what it really is, again.
  void OverrideReplication(const Name& name, const std::optional<ReplicationStatus>& status);
  // A host that hangs takes no writes, copies none and reports nothing.
  void SetHostAlive(const Name& name, bool alive) override;
  bool HostAlive(const Name& name) const override;
  // The data is gone, or there again. Told to the node now, if it runs, and at each start.
  void SetDataPresent(const Name& name, bool present) override;

  // --- Writes ---------------------------------------------------------------------------------
  // Each is acknowledged before it is replicated, and survives if a primary that owns slots has
  // it AtRest.
  void AtRest() override;
  Writes CountWrites() const override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // Shared with the hosts.
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_DATA_PLANE_H_
