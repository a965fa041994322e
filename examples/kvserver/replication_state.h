#ifndef KVSERVER_REPLICATION_STATE_H_
#define KVSERVER_REPLICATION_STATE_H_

#include <cstdint>
#include <string>

#include "clusterkit/types.h"
#include "kvserver/command.h"

namespace kv {

// 40 random hex digits.
std::string RandomReplicationId();

// Which data this node holds. Shared by both sides of replication; data thread only.
//
// The offset counts bytes of the command stream: of its own stream on a primary, of its primary's
// on a replica, so that the two can be compared and a promoted replica goes on counting. It is
// meaningful within one history, which begins with the election of a primary.
struct DataState {
  clusterkit::Progress progress;
  // Names the stream for INFO and PSYNC; the second is the one that was continued at a promotion.
  std::string stream_id = RandomReplicationId();
  std::string second_id = std::string(40, '0');
  int64_t second_offset = -1;
};

// Appends a request as a RESP array of bulk strings, and the size that this would take.
void AppendRequest(std::string& out, Args args);
size_t RequestSize(Args args);

}  // namespace kv

#endif  // KVSERVER_REPLICATION_STATE_H_
