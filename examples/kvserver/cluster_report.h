#ifndef KVSERVER_CLUSTER_REPORT_H_
#define KVSERVER_CLUSTER_REPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clusterkit/cluster_view.h"
#include "clusterkit/metrics.h"
#include "clusterkit/node_core.h"
#include "kvserver/config.h"
#include "kvserver/reply_writer.h"

namespace kv {

// What the CLUSTER commands print, as copied from the node at one moment. What follows are pure
// functions of it.
struct ClusterReport {
  clusterkit::CoreStatus status;
  clusterkit::Metrics metrics;
  std::shared_ptr<const clusterkit::ClusterView> view;
  EndpointType endpoint_type = EndpointType::kIp;
};

// A maximal run of slots with one owner.
struct OwnedRange {
  clusterkit::SlotRange range;
  clusterkit::NodeId owner;
};
// Ascending; unbound slots are left out.
std::vector<OwnedRange> OwnedRanges(const clusterkit::SlotMap& slots);

// CLUSTER NODES. `unix_ms` is the wall clock: the library tells ages, clients expect times.
std::string NodesText(const ClusterReport& report, int64_t unix_ms);
// CLUSTER REPLICAS: the lines of one primary's replicas, without line ends.
std::vector<std::string> ReplicaLines(const ClusterReport& report,
                                      const clusterkit::NodeId& primary, int64_t unix_ms);
// CLUSTER INFO.
std::string ClusterInfoText(const ClusterReport& report);
// CLUSTER SLOTS and CLUSTER SHARDS.
void WriteSlots(const ClusterReport& report, ReplyWriter& reply);
void WriteShards(const ClusterReport& report, ReplyWriter& reply);

// CLUSTER LINKS. `unix_ms` as for NodesText.
void WriteLinks(const ClusterReport& report, int64_t unix_ms, ReplyWriter& reply);

}  // namespace kv

#endif  // KVSERVER_CLUSTER_REPORT_H_
