// CLUSTER INFO.

#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "clusterkit/message.h"
#include "kvserver/cluster_report.h"

namespace kv {
namespace {

using clusterkit::Health;
using clusterkit::NodeId;

struct SlotCounts {
  int assigned = 0;
  int pfail = 0;
  int fail = 0;
};

SlotCounts CountSlots(const ClusterReport& report) {
  std::map<NodeId, Health> health;
  for (const clusterkit::NodeStatus& node : report.status.nodes) {
    health[node.view.id] = node.view.health;
  }
  SlotCounts counts;
  for (const OwnedRange& owned : OwnedRanges(report.view->slots())) {
    const int size = owned.range.last.value - owned.range.first.value + 1;
    counts.assigned += size;
    if (health[owned.owner] == Health::kPfail) counts.pfail += size;
    if (health[owned.owner] == Health::kFail) counts.fail += size;
  }
  return counts;
}

template <typename Value>
void Field(std::string& text, const char* name, const Value& value) {
  absl::StrAppend(&text, name, ":", value, "\r\n");
}

// Kinds that did not occur are left out, as Redis does.
void Messages(std::string& text, const char* direction,
              const std::array<clusterkit::Metrics::Traffic, clusterkit::kFrameKinds>& traffic) {
  uint64_t total = 0;
  for (size_t i = 0; i < clusterkit::kMessageKinds; ++i) {
    if (traffic[i].frames == 0) continue;
    total += traffic[i].frames;
    const auto kind = static_cast<clusterkit::MessageKind>(i);
    absl::StrAppend(&text, "cluster_stats_messages_",
                    std::string(clusterkit::MessageKindName(kind)), "_", direction, ":",
                    traffic[i].frames, "\r\n");
  }
  absl::StrAppend(&text, "cluster_stats_messages_", direction, ":", total, "\r\n");
}

}  // namespace

std::string ClusterInfoText(const ClusterReport& report) {
  const clusterkit::CoreStatus& status = report.status;
  const SlotCounts slots = CountSlots(report);
  const bool ok = report.view->state() == clusterkit::ClusterState::kOk;
  std::string text;
  Field(text, "cluster_state", ok ? "ok" : "fail");
  Field(text, "cluster_slots_assigned", slots.assigned);
  Field(text, "cluster_slots_ok", slots.assigned - slots.pfail - slots.fail);
  Field(text, "cluster_slots_pfail", slots.pfail);
  Field(text, "cluster_slots_fail", slots.fail);
  Field(text, "cluster_known_nodes", status.nodes.size());
  Field(text, "cluster_size", report.view->slot_owners().size());
  Field(text, "cluster_current_epoch", status.current_epoch.value);
  Field(text, "cluster_my_epoch", status.my_epoch.value);
  const clusterkit::Metrics& metrics = report.metrics;
  const uint64_t won = metrics.elections_ended[clusterkit::ElectionEnded::How::kWon];
  Messages(text, "sent", metrics.sent);
  Messages(text, "received", metrics.received);
  Field(text, "total_cluster_links_buffer_limit_exceeded",
        metrics.links_ended[clusterkit::LinkDownCause::kOverflow]);
  // Not Redis's.
  Field(text, "cluster_stats_elections_won", won);
  Field(text, "cluster_stats_elections_lost", metrics.elections_ended.Total() - won);
  Field(text, "cluster_stats_votes_granted", metrics.votes_granted);
  Field(text, "cluster_stats_votes_refused", metrics.votes_refused.Total());
  return text;
}

}  // namespace kv
