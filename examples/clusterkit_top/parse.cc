// The only file that includes the JSON library.

#include "clusterkit_top/parse.h"

#include "absl/status/status.h"
#include "clusterkit_top/json_reader.h"

namespace clusterkit_top {
namespace {

using clusterkit::kSlotCount;
using clusterkit::SlotRange;
using Json = nlohmann::json;

constexpr uint64_t kSchema = 1;
constexpr int kMostNesting = 16;
constexpr size_t kMostNodes = 4096;
constexpr size_t kMostMetrics = 4096;
constexpr size_t kMostEvents = 2000;
constexpr int kMostPort = 65535;

absl::StatusOr<Json> Parse(std::string_view text) {
  // Nothing that is nested more deeply than any answer is kept.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kMostNesting; };
  Json value = Json::parse(text, shallow, /*allow_exceptions=*/false);
  if (!value.is_object()) return absl::InvalidArgumentError("the answer is no JSON object");
  return value;
}

absl::Status CheckSchema(const JsonReader& answer, std::string* fault) {
  const uint64_t schema = answer.Count("schema");
  if (!fault->empty()) return absl::InvalidArgumentError(*fault);
  if (schema == kSchema) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("the answer has schema ", schema, "; this program reads ", kSchema));
}

std::vector<SlotRange> ReadSlots(const JsonReader& reader) {
  std::vector<SlotRange> slots;
  reader.ForEach("slots", kSlotCount, [&](const Json& range, const std::string& path) {
    const auto is_slot = [](const Json& value) {
      return value.is_number_unsigned() && value.get<uint64_t>() < kSlotCount;
    };
    if (!range.is_array() || range.size() != 2 || !is_slot(range[0]) || !is_slot(range[1]) ||
        range[0] > range[1]) {
      return reader.Report(path, "is no range of slots");
    }
    slots.push_back({{range[0].get<uint16_t>()}, {range[1].get<uint16_t>()}});
  });
  return slots;
}

Health ReadHealth(const JsonReader& reader) {
  const std::string text = reader.Text("health");
  if (text == "pfail") return Health::kPfail;
  if (text == "fail") return Health::kFail;
  if (text != "online") reader.Fault("health", "is none that is known");
  return Health::kOnline;
}

Node ReadNode(const JsonReader& reader) {
  Node node;
  node.id = reader.Text("id");
  node.name = reader.Text("name");
  node.host = reader.Text("host");
  node.port = reader.Small("port", kMostPort);
  node.bus_port = reader.Small("bus_port", kMostPort);
  node.shard = reader.Text("shard");
  const std::string role = reader.Text("role");
  if (role != "primary" && role != "replica") reader.Fault("role", "is none that is known");
  node.replica = role == "replica";
  node.primary = reader.TextOrNull("primary");
  node.self = reader.Bool("self");
  node.handshake = reader.Bool("handshake");
  node.voting = reader.Text("voting");
  node.health = ReadHealth(reader);
  node.config_epoch = reader.Count("config_epoch");
  node.no_failover = reader.Bool("no_failover");
  node.history = reader.Count("history");
  node.offset = reader.Count("offset");
  node.synced = reader.Bool("synced");
  node.ping_ms = reader.IntegerOrNull("ping_ms");
  node.pong_ms = reader.IntegerOrNull("pong_ms");
  node.failure_reports = reader.Count("failure_reports");
  const JsonReader links = reader.Object("links");
  node.link_to = links.Bool("to");
  node.link_from = links.Bool("from");
  node.queued_bytes = links.Count("queued_bytes");
  node.slot_count = reader.Small("slot_count", kSlotCount);
  node.slots = ReadSlots(reader);
  return node;
}

Server ReadServer(const JsonReader& reader) {
  Server server;
  server.run_id = reader.Text("run_id");
  server.port = reader.Small("port", kMostPort);
  server.time_ms = reader.Integer("time_ms");
  server.uptime_ms = reader.Integer("uptime_ms");
  server.clients = reader.Count("clients");
  server.keys = reader.Count("keys");
  server.commands_per_second = reader.Count("commands_per_second");
  return server;
}

Cluster ReadCluster(const JsonReader& reader) {
  Cluster cluster;
  const std::string state = reader.Text("state");
  if (state != "ok" && state != "fail") reader.Fault("state", "is none that is known");
  cluster.ok = state == "ok";
  cluster.reason = reader.TextOrNull("reason").value_or("");
  cluster.current_epoch = reader.Count("current_epoch");
  cluster.my_epoch = reader.Count("my_epoch");
  cluster.last_vote_epoch = reader.Count("last_vote_epoch");
  cluster.voters = reader.Count("voters");
  cluster.quorum = reader.Count("quorum");
  cluster.nodes_known = reader.Count("nodes_known");
  cluster.nodes_pfail = reader.Count("nodes_pfail");
  cluster.nodes_fail = reader.Count("nodes_fail");
  cluster.slots_assigned = reader.Count("slots_assigned", kSlotCount);
  cluster.slots_pfail = reader.Count("slots_pfail", kSlotCount);
  cluster.slots_fail = reader.Count("slots_fail", kSlotCount);
  cluster.lease_ms = reader.IntegerOrNull("lease_ms");
  cluster.data_missing = reader.Bool("data_missing");
  return cluster;
}

OpenSlots ReadOpenSlots(const JsonReader& reader) {
  OpenSlots open;
  const std::string direction = reader.Text("direction");
  if (direction != "exporting" && direction != "importing") {
    reader.Fault("direction", "is none that is known");
  }
  open.exporting = direction == "exporting";
  open.peer = reader.Text("peer");
  open.slots = ReadSlots(reader);
  return open;
}

// Where the metrics of messages by kind belong; none of them: null.
double* FieldOf(std::string_view name, Traffic& traffic) {
  if (name == "frames_sent") return &traffic.frames_sent;
  if (name == "frames_received") return &traffic.frames_received;
  if (name == "bytes_sent") return &traffic.bytes_sent;
  if (name == "bytes_received") return &traffic.bytes_received;
  return nullptr;
}

void ReadMetric(const JsonReader& reader, Status& status) {
  if (reader.Text("type") == "histogram") return;
  const std::string name = reader.Text("name");
  const double value = reader.Real("value");
  Traffic other;
  if (FieldOf(name, other) == nullptr) {
    status.totals[name] += value;
  } else {
    *FieldOf(name, status.traffic[reader.Object("labels").Text("kind")]) += value;
  }
}

Event ReadEvent(const JsonReader& reader) {
  Event event;
  event.number = reader.Count("number");
  event.cause = reader.Count("cause");
  event.time_ms = reader.Integer("time_ms");
  event.kind = reader.Text("kind");
  event.text = reader.Text("text");
  reader.ForEach("nodes", kMostNodes, [&](const Json& id, const std::string& path) {
    if (!id.is_string()) return reader.Report(path, "is not a string");
    event.nodes.push_back(JsonReader::Printable(id.get_ref<const std::string&>()));
  });
  return event;
}

}  // namespace

absl::StatusOr<Status> ParseStatus(std::string_view json) {
  const absl::StatusOr<Json> value = Parse(json);
  if (!value.ok()) return value.status();
  std::string fault;
  const JsonReader answer(&*value, &fault);
  if (const absl::Status known = CheckSchema(answer, &fault); !known.ok()) return known;
  Status status;
  status.server = ReadServer(answer.Object("server"));
  const JsonReader cluster = answer.Object("cluster");
  if (cluster.Bool("enabled")) status.cluster = ReadCluster(cluster);
  answer.ForEachObject("nodes", kMostNodes,
                       [&](const JsonReader& reader) { status.nodes.push_back(ReadNode(reader)); });
  answer.ForEachObject("open_slots", kSlotCount, [&](const JsonReader& reader) {
    status.open.push_back(ReadOpenSlots(reader));
  });
  if (!answer.Is("move", Json::value_t::null)) {
    const JsonReader move = answer.Object("move");
    status.move = Move{move.Text("target"), move.Count("left")};
  }
  answer.ForEachObject("metrics", kMostMetrics,
                       [&](const JsonReader& reader) { ReadMetric(reader, status); });
  status.last_event = answer.Object("events").Count("last");
  if (!fault.empty()) return absl::InvalidArgumentError(fault);
  return status;
}

absl::StatusOr<EventPage> ParseEvents(std::string_view json) {
  const absl::StatusOr<Json> value = Parse(json);
  if (!value.ok()) return value.status();
  std::string fault;
  const JsonReader answer(&*value, &fault);
  if (const absl::Status known = CheckSchema(answer, &fault); !known.ok()) return known;
  EventPage page;
  page.run_id = answer.Text("run_id");
  answer.ForEachObject("events", kMostEvents, [&](const JsonReader& reader) {
    Event event = ReadEvent(reader);
    if (!page.events.empty() && event.number <= page.events.back().number) {
      return reader.Fault("number", "does not ascend");
    }
    page.events.push_back(std::move(event));
  });
  if (!fault.empty()) return absl::InvalidArgumentError(fault);
  return page;
}

}  // namespace clusterkit_top
