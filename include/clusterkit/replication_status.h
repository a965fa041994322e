// What the host tells the node about its replication.

#ifndef CLUSTERKIT_REPLICATION_STATUS_H_
#define CLUSTERKIT_REPLICATION_STATUS_H_

#include <cstdint>

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
  // A primary: the number of the WritePauseChanged that it obeys, so that `progress` stays as it is
  // until it is told otherwise; 0: it executes writes.
  uint64_t obeys_pause = 0;
  friend bool operator==(const ReplicationStatus&, const ReplicationStatus&) = default;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_REPLICATION_STATUS_H_
