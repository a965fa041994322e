// What the host tells the node about its replication.

#ifndef CLUSTERKIT_REPLICATION_STATUS_H_
#define CLUSTERKIT_REPLICATION_STATUS_H_

#include "absl/time/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// What the host knows of its replication. A primary reports its own progress; a replica how far
// it has come and whether its replication link is up.
struct ReplicationStatus {
  Progress progress;
  bool link_up = false;
  // Age of the last byte received from the primary. Replica only.
  absl::Duration since_last_io;
  friend bool operator==(const ReplicationStatus&, const ReplicationStatus&) = default;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_REPLICATION_STATUS_H_
