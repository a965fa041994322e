// CLUSTER NODES and CLUSTER REPLICAS.

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kvserver/cluster_report.h"

namespace kv {
namespace {

using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::NodeStatus;
using clusterkit::Role;
using clusterkit::SlotId;

using SlotTexts = std::map<NodeId, std::string>;  // " 0-5460 7000"

SlotTexts TextsByOwner(const clusterkit::SlotMap& slots) {
  SlotTexts texts;
  for (const auto& [range, owner] : OwnedRanges(slots)) {
    std::string& text = texts[owner];
    absl::StrAppend(&text, " ", range.first.value);
    if (range.last != range.first) absl::StrAppend(&text, "-", range.last.value);
  }
  return texts;
}

bool HasAddress(const NodeStatus& node) { return node.self || !node.view.client.host.empty(); }

std::string AddressText(const NodeStatus& node) {
  if (!HasAddress(node)) return ":0@0";
  // Our own host is empty until a peer has told it to us.
  const std::string& hostname = node.view.details.hostname;
  return absl::StrCat(node.view.client.host, ":", node.view.client.port, "@", node.view.bus.port,
                      hostname.empty() ? "" : ",", hostname);
}

std::string FlagsText(const NodeStatus& node) {
  std::string flags;
  const auto add = [&flags](const char* flag) {
    absl::StrAppend(&flags, flags.empty() ? "" : ",", flag);
  };
  if (node.self) add("myself");
  if (node.handshake) {
    add("handshake");
  } else {
    add(node.view.role == Role::kPrimary ? "master" : "slave");
  }
  if (node.view.health == Health::kPfail) add("fail?");
  if (node.view.health == Health::kFail) add("fail");
  if (!HasAddress(node)) add("noaddr");
  if (node.view.no_failover) add("nofailover");
  return flags;
}

int64_t TimeOf(const std::optional<absl::Duration>& age, int64_t unix_ms) {
  return age.has_value() ? unix_ms - absl::ToInt64Milliseconds(*age) : 0;
}

std::string NodeLine(const NodeStatus& node, const SlotTexts& slots, int64_t unix_ms) {
  const bool replica = node.view.role == Role::kReplica && node.view.primary.has_value();
  std::string line = absl::StrCat(node.view.id.ToHex(), " ", AddressText(node), " ",
                                  FlagsText(node), " ", replica ? node.view.primary->ToHex() : "-",
                                  " ", TimeOf(node.ping_age, unix_ms), " ");
  absl::StrAppend(&line, node.self ? 0 : TimeOf(node.pong_age, unix_ms), " ",
                  node.shown_epoch.value, " ",
                  node.self || node.view.linked ? "connected" : "disconnected");
  const auto owned = slots.find(node.view.id);
  if (owned != slots.end()) line += owned->second;
  return line;
}

// Only on the line of this node; those of others are known to their replicas alone.
void AppendOpenSlots(const clusterkit::OpenSlots& open, std::string* line) {
  for (const auto& [slot, mark] : open.marks()) {
    const bool importing = mark.direction == clusterkit::SlotMigration::kImporting;
    absl::StrAppend(line, " [", slot.value, importing ? "-<-" : "->-", mark.peer.ToHex(), "]");
  }
}

}  // namespace

std::vector<OwnedRange> OwnedRanges(const clusterkit::SlotMap& slots) {
  std::vector<OwnedRange> ranges;
  const NodeId* previous = nullptr;
  for (uint16_t value = 0; value < clusterkit::kSlotCount; ++value) {
    const SlotId slot{value};
    const NodeId* owner = slots.OwnerOf(slot);
    if (owner != nullptr && previous != nullptr && *owner == *previous) {
      ranges.back().range.last = slot;
    } else if (owner != nullptr) {
      ranges.push_back({{slot, slot}, *owner});
    }
    previous = owner;
  }
  return ranges;
}

std::string NodesText(const ClusterReport& report, int64_t unix_ms) {
  const SlotTexts slots = TextsByOwner(report.view->slots());
  std::string text;
  for (const NodeStatus& node : report.status.nodes) {
    text += NodeLine(node, slots, unix_ms);
    if (node.self) AppendOpenSlots(report.view->open_slots(), &text);
    text += '\n';
  }
  return text;
}

std::vector<std::string> ReplicaLines(const ClusterReport& report, const NodeId& primary,
                                      int64_t unix_ms) {
  std::vector<std::string> lines;
  for (const NodeStatus& node : report.status.nodes) {
    if (node.view.role != Role::kReplica || node.view.primary != primary) continue;
    lines.push_back(NodeLine(node, {}, unix_ms));
  }
  return lines;
}

}  // namespace kv
