// /status.json and /events.

#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "clusterkit/describe.h"
#include "clusterkit/metrics.h"
#include "kvserver/json_writer.h"
#include "kvserver/status_text.h"

namespace kv {
namespace {

using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::NodeStatus;
using clusterkit::SlotRange;
using clusterkit::SlotSet;

constexpr int64_t kSchema = 1;

std::string_view HealthText(Health health) {
  switch (health) {
    case Health::kOnline:
      return "online";
    case Health::kPfail:
      return "pfail";
    case Health::kFail:
      return "fail";
  }
  return "online";
}

std::string_view VotingText(clusterkit::Voting voting) {
  switch (voting) {
    case clusterkit::Voting::kWithSlots:
      return "with slots";
    case clusterkit::Voting::kAlways:
      return "always";
    case clusterkit::Voting::kWitness:
      return "witness";
  }
  return "with slots";
}

void WriteId(const std::optional<NodeId>& id, JsonWriter& json) {
  if (id.has_value()) {
    json.String(id->ToHex());
  } else {
    json.Null();
  }
}

void WriteAge(const std::optional<absl::Duration>& age, JsonWriter& json) {
  if (age.has_value()) {
    json.Number(absl::ToInt64Milliseconds(*age));
  } else {
    json.Null();
  }
}

void WriteSlots(const SlotSet& slots, JsonWriter& json) {
  json.BeginArray();
  for (const SlotRange& range : slots.Ranges()) {
    json.BeginArray().Number(range.first.value).Number(range.last.value).EndArray();
  }
  json.EndArray();
}

void WriteServer(const StatusReport& report, JsonWriter& json) {
  const ServerFigures& server = report.server;
  json.Key("server").BeginObject();
  json.Key("run_id").String(server.run_id);
  json.Key("pid").Number(server.pid);
  json.Key("port").Number(server.port);
  json.Key("time_ms").Number(report.time_ms);
  json.Key("uptime_ms").Number(report.time_ms - server.started_ms);
  json.Key("clients").Unsigned(server.clients);
  json.Key("keys").Unsigned(server.keys);
  json.Key("commands").Unsigned(server.commands);
  json.Key("commands_per_second").Unsigned(server.commands_per_second);
  json.EndObject();
}

struct SlotsByHealth {
  int assigned = 0, pfail = 0, fail = 0;
};

SlotsByHealth CountSlots(const clusterkit::ClusterView& view) {
  SlotsByHealth slots;
  for (const clusterkit::NodeView* owner : view.slot_owners()) {
    slots.assigned += owner->slot_count;
    if (owner->health == Health::kPfail) slots.pfail += owner->slot_count;
    if (owner->health == Health::kFail) slots.fail += owner->slot_count;
  }
  return slots;
}

void WriteCluster(const ClusterReport& report, JsonWriter& json) {
  const clusterkit::ClusterView& view = *report.view;
  const clusterkit::Metrics::Gauges& now = report.metrics.now;
  const bool ok = view.state() == clusterkit::ClusterState::kOk;
  const SlotsByHealth slots = CountSlots(view);
  json.Key("enabled").Bool(true);
  json.Key("self").String(view.self().id.ToHex());
  json.Key("view_version").Unsigned(view.version());
  json.Key("state").String(ok ? "ok" : "fail");
  json.Key("reason");
  if (ok) {
    json.Null();
  } else {
    json.String(clusterkit::Describe(view.down_reason()));
  }
  json.Key("current_epoch").Unsigned(now.current_epoch);
  json.Key("my_epoch").Unsigned(now.config_epoch);
  json.Key("last_vote_epoch").Unsigned(now.last_vote_epoch);
  json.Key("voters").Unsigned(now.voters);
  json.Key("quorum").Unsigned(now.quorum);
  json.Key("nodes_known").Unsigned(now.nodes_known);
  json.Key("nodes_pfail").Unsigned(now.nodes_pfail);
  json.Key("nodes_fail").Unsigned(now.nodes_fail);
  json.Key("slots_assigned").Number(slots.assigned);
  json.Key("slots_pfail").Number(slots.pfail);
  json.Key("slots_fail").Number(slots.fail);
  json.Key("lease_ms");
  if (now.has_lease) {
    json.Number(now.lease_left / 1'000'000);
  } else {
    json.Null();
  }
  json.Key("data_missing").Bool(view.data_missing());
}

// What the links with a node are like.
struct LinksWithNode {
  bool to = false, from = false;
  uint64_t queued_bytes = 0;
};

void WriteNode(const NodeStatus& status, const LinksWithNode& links, const SlotSet& slots,
               JsonWriter& json) {
  const clusterkit::NodeView& node = status.view;
  json.BeginObject();
  json.Key("id").String(node.id.ToHex());
  json.Key("name").String(node.details.name);
  json.Key("hostname").String(node.details.hostname);
  json.Key("shard").String(node.shard.ToHex());
  json.Key("self").Bool(status.self);
  json.Key("host").String(node.client.host.empty() ? node.bus.host : node.client.host);
  json.Key("port").Number(node.client.port);
  json.Key("bus_port").Number(node.bus.port);
  json.Key("role").String(node.role == clusterkit::Role::kPrimary ? "primary" : "replica");
  json.Key("primary");
  WriteId(node.primary, json);
  json.Key("voting").String(VotingText(node.voting));
  json.Key("health").String(HealthText(node.health));
  json.Key("handshake").Bool(status.handshake);
  json.Key("linked").Bool(node.linked);
  json.Key("config_epoch").Unsigned(status.shown_epoch.value);
  json.Key("no_failover").Bool(node.no_failover);
  json.Key("replica_priority").Number(node.replica_priority);
  json.Key("history").Unsigned(status.progress.history.value);
  json.Key("offset").Unsigned(status.progress.offset);
  json.Key("synced").Bool(status.progress.synced);
  json.Key("ping_ms");
  WriteAge(status.ping_age, json);
  json.Key("pong_ms");
  WriteAge(status.pong_age, json);
  json.Key("failure_reports").Number(status.failure_reports);
  json.Key("links").BeginObject();
  json.Key("to").Bool(links.to);
  json.Key("from").Bool(links.from);
  json.Key("queued_bytes").Unsigned(links.queued_bytes);
  json.EndObject();
  json.Key("slot_count").Number(node.slot_count);
  json.Key("slots");
  WriteSlots(slots, json);
  json.EndObject();
}

void WriteNodes(const ClusterReport& report, JsonWriter& json) {
  std::map<NodeId, LinksWithNode> links;
  for (const clusterkit::LinkStatus& link : report.status.links) {
    LinksWithNode& with = links[link.node];
    (link.outbound ? with.to : with.from) = true;
    with.queued_bytes += link.queued_bytes;
  }
  std::map<NodeId, SlotSet> slots;
  for (const OwnedRange& owned : OwnedRanges(report.view->slots())) {
    slots[owned.owner].Add(owned.range);
  }
  for (const NodeStatus& status : report.status.nodes) {
    WriteNode(status, links[status.view.id], slots[status.view.id], json);
  }
}

void WriteOpenSlots(const clusterkit::OpenSlots& open, JsonWriter& json) {
  for (const clusterkit::OpenSlots::Group& group : open.Groups()) {
    const bool exporting = group.mark.direction == clusterkit::SlotMigration::kExporting;
    json.BeginObject();
    json.Key("direction").String(exporting ? "exporting" : "importing");
    json.Key("peer").String(group.mark.peer.ToHex());
    json.Key("slots");
    WriteSlots(group.slots, json);
    json.EndObject();
  }
}

void WriteMove(const std::optional<clusterkit::SlotMovePlan>& plan, JsonWriter& json) {
  if (!plan.has_value()) {
    json.Null();
    return;
  }
  json.BeginObject();
  json.Key("target").String(plan->target.ToHex());
  json.Key("left").Number(plan->slots.Count());
  json.EndObject();
}

void WriteMetric(const clusterkit::NamedMetric& metric, JsonWriter& json) {
  using Type = clusterkit::NamedMetric::Type;
  constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
  json.BeginObject();
  json.Key("name").String(metric.name);
  json.Key("type").String(kTypes[static_cast<size_t>(metric.type)]);
  json.Key("labels").BeginObject();
  if (!metric.label.empty()) json.Key(metric.label).String(metric.label_value);
  json.EndObject();
  if (metric.type == Type::kHistogram) {
    json.Key("bounds").BeginArray();
    for (const uint64_t bound : clusterkit::Histogram::kBounds) {
      json.Real(static_cast<double>(bound) / 1e9);
    }
    json.EndArray().Key("counts").BeginArray();
    for (const uint64_t count : metric.histogram->counts) json.Unsigned(count);
    json.EndArray();
    json.Key("count").Unsigned(metric.histogram->count);
    json.Key("sum").Real(static_cast<double>(metric.histogram->sum) / 1e9);
  } else {
    json.Key("value").Real(metric.value);
  }
  json.EndObject();
}

void WriteRange(EventRing::Range range, JsonWriter& json) {
  json.Key("first").Unsigned(range.first);
  json.Key("last").Unsigned(range.last);
}

}  // namespace

std::string StatusJson(const StatusReport& report) {
  const std::optional<ClusterReport>& cluster = report.cluster;
  JsonWriter json;
  json.BeginObject();
  json.Key("schema").Number(kSchema);
  WriteServer(report, json);
  json.Key("cluster").BeginObject();
  if (cluster.has_value()) {
    WriteCluster(*cluster, json);
  } else {
    json.Key("enabled").Bool(false);
  }
  json.EndObject();
  json.Key("nodes").BeginArray();
  if (cluster.has_value()) WriteNodes(*cluster, json);
  json.EndArray().Key("open_slots").BeginArray();
  if (cluster.has_value()) WriteOpenSlots(cluster->view->open_slots(), json);
  json.EndArray().Key("move");
  WriteMove(cluster.has_value() ? cluster->view->open_slots().plan() : std::nullopt, json);
  json.Key("metrics").BeginArray();
  if (cluster.has_value()) {
    for (const auto& metric : clusterkit::ListMetrics(cluster->metrics)) WriteMetric(metric, json);
  }
  json.EndArray().Key("events").BeginObject();
  WriteRange(report.events, json);
  return json.EndObject().EndObject().Take();
}

std::string EventsJson(const std::string& run_id, EventRing::Range range,
                       const std::vector<EventRing::Entry>& events) {
  JsonWriter json;
  json.BeginObject();
  json.Key("schema").Number(kSchema);
  json.Key("run_id").String(run_id);
  WriteRange(range, json);
  json.Key("events").BeginArray();
  for (const EventRing::Entry& event : events) {
    json.BeginObject();
    json.Key("number").Unsigned(event.number);
    json.Key("cause").Unsigned(event.cause);
    json.Key("time_ms").Number(event.time_ms);
    json.Key("kind").String(event.kind);
    json.Key("text").String(event.text);
    json.Key("nodes").BeginArray();
    for (const NodeId& id : event.nodes) json.String(id.ToHex());
    json.EndArray().EndObject();
  }
  return json.EndArray().EndObject().Take();
}

}  // namespace kv
