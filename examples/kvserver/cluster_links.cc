// CLUSTER LINKS.

#include "absl/time/time.h"
#include "kvserver/cluster_report.h"

namespace kv {

void WriteLinks(const ClusterReport& report, int64_t unix_ms, ReplyWriter& reply) {
  reply.Array(report.status.links.size());
  for (const clusterkit::LinkStatus& link : report.status.links) {
    const auto queued = static_cast<int64_t>(link.queued_bytes);
    reply.Map(6);
    reply.Bulk("direction");
    reply.Bulk(link.outbound ? "to" : "from");
    reply.Bulk("node");
    reply.Bulk(link.node.ToHex());
    reply.Bulk("create-time");
    reply.Integer(unix_ms - absl::ToInt64Milliseconds(link.age));
    reply.Bulk("events");
    reply.Bulk(queued > 0 ? "rw" : "r");
    reply.Bulk("send-buffer-allocated");
    reply.Integer(queued);
    reply.Bulk("send-buffer-used");
    reply.Integer(queued);
  }
}

}  // namespace kv
