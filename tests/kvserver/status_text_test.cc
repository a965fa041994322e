// What is shown over HTTP, as functions of what the threads publish.

#include <memory>
#include <string>
#include <utility>

#include "kvserver/event_ring.h"
#include "kvserver/json_writer.h"
#include "kvserver/status_text.h"
#include "support/catch.h"

namespace kv {
namespace {

using clusterkit::NodeId;
using clusterkit::StampedEvent;

NodeId Id(char digit) { return *NodeId::FromHex(std::string(40, digit)); }

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One node that owns all slots, and gives two of them away.
StatusReport Report() {
  clusterkit::NodeView node;
  node.id = Id('a');
  node.client = {"127.0.0.1", 7000};
  node.bus = {"127.0.0.1", 17000};
  node.slot_count = 16384;
  node.details.name = "the \"first\"";
  const auto view = std::make_shared<clusterkit::NodeView>(node);
  clusterkit::SlotMap slots;
  slots.Bind(clusterkit::SlotSet::Of({clusterkit::SlotId{0}, clusterkit::SlotId{16383}}), node.id);
  auto open = std::make_shared<clusterkit::OpenSlots>();
  const auto moving = clusterkit::SlotSet::Of({clusterkit::SlotId{5}, clusterkit::SlotId{6}});
  open->Open(moving, {clusterkit::SlotMigration::kExporting, Id('b')});
  open->SetPlan(clusterkit::SlotMovePlan{Id('b'), moving});

  StatusReport report;
  report.server.run_id = "run";
  report.server.started_ms = 1000;
  report.time_ms = 3500;
  ClusterReport& cluster = report.cluster.emplace();
  cluster.view = std::make_shared<clusterkit::ClusterView>(
      3, node.id, clusterkit::ClusterView::Nodes{view},
      std::make_shared<clusterkit::SlotMap>(slots),
      clusterkit::OwnSituation{clusterkit::ClusterState::kFail, clusterkit::DownReason::kMinority,
                               false, false, std::make_shared<clusterkit::ServeLease>(), open});
  clusterkit::NodeStatus& self = cluster.status.nodes.emplace_back();
  self.view = node;
  self.self = true;
  cluster.metrics.ping_round_trip.Add(200'000);
  cluster.metrics.ping_round_trip.Add(300'000);
  cluster.metrics.votes_granted = 4;
  return report;
}

StampedEvent Numbered(uint64_t number, uint64_t cause, clusterkit::Event event) {
  StampedEvent stamped;
  stamped.event = std::move(event);
  stamped.number = number;
  stamped.cause = cause;
  return stamped;
}

TEST_CASE("JSON separates and quotes by itself") {
  JsonWriter json;
  json.BeginObject().Key("a").BeginArray().Number(-1).Unsigned(2).Real(0.1).EndArray();
  json.Key("b").BeginObject().EndObject().Key("c").Null().Key("d").Bool(true);
  json.Key("e").String("line\n\"quoted\" \\ \x01").EndObject();
  CHECK(json.Take() ==
        R"({"a":[-1,2,0.1],"b":{},"c":null,"d":true,"e":"line\u000a\"quoted\" \\ \u0001"})");
}

TEST_CASE("JSON has no bytes that are no UTF-8") {
  const auto quoted = [](std::string_view text) { return JsonWriter().String(text).Take(); };
  CHECK(quoted("gr\xc3\xbc\xc3\x9f") == "\"gr\xc3\xbc\xc3\x9f\"");
  CHECK(quoted("\xff") == "\"\\ufffd\"");
  CHECK(quoted("a\xc3") == "\"a\\ufffd\"");
  CHECK(quoted("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");
  CHECK(quoted("\xf0\x9f\x98\x80") == "\"\xf0\x9f\x98\x80\"");
}

TEST_CASE("numbers have the fewest digits that mean the same, and are never infinite") {
  CHECK(NumberText(0.0001) == "0.0001");
  CHECK(NumberText(0.00025) == "0.00025");
  CHECK(NumberText(16384) == "16384");
  CHECK(NumberText(1e300 * 1e300) == "0");
}

TEST_CASE("the status tells of server, cluster, nodes and moves") {
  const std::string json = StatusJson(Report());
  for (const char* part : {
           R"("schema":1)",
           R"("uptime_ms":2500)",
           R"("state":"fail","reason":"minority")",
           R"("name":"the \"first\"")",
           R"("slot_count":16384,"slots":[[0,16383]])",
           R"("open_slots":[{"direction":"exporting")",
           R"("slots":[[5,6]])",
           R"("left":2})",
           R"({"name":"votes_granted","type":"counter","labels":{},"value":4})",
           R"({"name":"frames_sent","type":"counter","labels":{"kind":"ping"},"value":0})",
       }) {
    INFO(json);
    INFO(part);
    CHECK(Contains(json, part));
  }
}

TEST_CASE("a server without a cluster says so") {
  StatusReport report;
  CHECK(Contains(StatusJson(report), R"("cluster":{"enabled":false},"nodes":[])"));
  CHECK_FALSE(Contains(MetricsText(report), "clusterkit_"));
  CHECK(Contains(MetricsText(report), "\nkvserver_keys 0\n"));
}

TEST_CASE("Prometheus gets cumulated buckets in seconds") {
  const std::string text = MetricsText(Report());
  const std::string name = "clusterkit_ping_round_trip_seconds";
  CHECK(Contains(text, "# TYPE " + name + " histogram\n"));
  INFO(text);
  CHECK(Contains(text, name + "_bucket{le=\"0.0001\"} 0\n"));
  CHECK(Contains(text, name + "_bucket{le=\"0.00025\"} 1\n"));
  CHECK(Contains(text, name + "_bucket{le=\"0.0005\"} 2\n"));
  CHECK(Contains(text, name + "_bucket{le=\"+Inf\"} 2\n"));
  CHECK(Contains(text, name + "_sum 0.0005\n"));
  CHECK(Contains(text, name + "_count 2\n"));
  CHECK(Contains(text, "clusterkit_votes_granted_total 4\n"));
}

TEST_CASE("events are shown with cause, kind and nodes, the foremost first") {
  EventRing ring;
  clusterkit::HealthChanged failed;
  failed.id = Id('c');
  failed.reporters = {Id('a'), Id('b')};
  failed.to = clusterkit::Health::kFail;
  failed.cause = clusterkit::HealthChanged::Cause::kReports;
  ring.Add(Numbered(7, 6, failed), 1234);
  const std::string json = EventsJson("run", ring.range(), ring.After(0, 10));
  CHECK(Contains(json, R"("first":7,"last":7)"));
  CHECK(Contains(json, R"({"number":7,"cause":6,"time_ms":1234,"kind":"HealthChanged","text":")"));
  CHECK(Contains(json, "\"nodes\":[\"" + std::string(40, 'c') + "\",\"" + std::string(40, 'a')));
}

TEST_CASE("the ring keeps the latest events, and gives those after a number") {
  EventRing ring;
  CHECK(ring.range().last == 0);
  CHECK(ring.After(0, 10).empty());
  const uint64_t count = EventRing::kCapacity + 5;
  for (uint64_t n = 1; n <= count; ++n) ring.Add(Numbered(n, 0, clusterkit::MeetFailed{}), 0);
  CHECK(ring.range().first == 6);
  CHECK(ring.range().last == count);
  const auto oldest = ring.After(0, 3);
  REQUIRE(oldest.size() == 3);
  CHECK(oldest.front().number == 6);
  CHECK(ring.After(count - 2, 10).size() == 2);
  CHECK(ring.After(count, 10).empty());
  CHECK(ring.After(UINT64_MAX, 10).empty());
}

}  // namespace
}  // namespace kv
