// When a replica leaves a primary that has several for one that has none.

#ifndef CLUSTERKIT_CORE_REPLICA_MIGRATION_H_
#define CLUSTERKIT_CORE_REPLICA_MIGRATION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/options.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Without agreement: every replica finds the same donor in the same view. Where views differ two
// may move to one primary, which harms nobody. Thread-compatible. Spec: "Replica migration".
class ReplicaMigration {
 public:
  explicit ReplicaMigration(const Options& options) : options_(&options) {}  // Outlives this.

  // The primary that this node is to follow from now on. Call it every tick.
  std::optional<NodeId> Evaluate(const ClusterView& view, Instant now);

 private:
  void Look(const ClusterView& view, Instant now);

  const Options* options_;
  uint64_t version_ = 0;                      // Of the view that the rest was found in; zero: none.
  bool donor_ = false;                        // It is for us to move.
  absl::btree_map<NodeId, Instant> orphans_;  // Since when.
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_REPLICA_MIGRATION_H_
