// JSON of a node, good and bad.

#include "clusterkit_top/parse.h"

#include <string>

#include "support/catch.h"

namespace clusterkit_top {
namespace {

// In the schema of docs/observability.md.
const std::string kStatus = R"({
  "schema": 1, "later": {"a": [1]},
  "server": {"run_id": "r", "pid": 4711, "port": 7000, "time_ms": 1700000000000,
    "uptime_ms": 65000, "clients": 3, "keys": 1200, "commands": 99812, "commands_per_second": 412},
  "cluster": {"enabled": true, "self": "id", "view_version": 42, "state": "fail",
    "reason": "minority", "current_epoch": 7, "my_epoch": 3, "last_vote_epoch": 6, "voters": 3,
    "quorum": 2, "nodes_known": 6, "nodes_pfail": 1, "nodes_fail": 2, "slots_assigned": 16384,
    "slots_pfail": 5, "slots_fail": 6, "lease_ms": null, "data_missing": true},
  "nodes": [{"id": "aa", "name": "first", "hostname": "", "shard": "ss", "self": true,
    "host": "127.0.0.1", "port": 7000, "bus_port": 17000, "role": "replica", "primary": "bb",
    "voting": "always", "health": "pfail", "handshake": false, "linked": true, "config_epoch": 3,
    "no_failover": true, "replica_priority": 100, "history": 18446744073709551615,
    "offset": 12345, "synced": true, "ping_ms": null, "pong_ms": 120, "failure_reports": 2,
    "links": {"to": true, "from": false, "queued_bytes": 9}, "slot_count": 3,
    "slots": [[0, 1], [16383, 16383]]}],
  "open_slots": [{"direction": "exporting", "peer": "bb", "slots": [[100, 103]]}],
  "move": {"target": "bb", "left": 12},
  "metrics": [
    {"name": "frames_sent", "type": "counter", "labels": {"kind": "ping"}, "value": 812},
    {"name": "votes_refused", "type": "counter", "labels": {"reason": "a"}, "value": 2},
    {"name": "votes_refused", "type": "counter", "labels": {"reason": "b"}, "value": 3},
    {"name": "save_seconds", "type": "histogram", "labels": {}, "bounds": [0.1],
     "counts": [1, 2], "count": 3, "sum": 0.5}],
  "events": {"first": 1, "last": 218}})";

const std::string kEvents = R"({"schema": 1, "run_id": "r", "first": 16, "last": 17, "events": [
  {"number": 16, "cause": 0, "time_ms": 1, "kind": "A", "text": "a", "nodes": []},
  {"number": 17, "cause": 16, "time_ms": 2, "kind": "B", "text": "b", "nodes": ["aa", "bb"]}]})";

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string FaultOf(const std::string& from, const std::string& to) {
  return std::string(ParseStatus(Replaced(kStatus, from, to)).status().message());
}

TEST_CASE("a status is read in whole") {
  const auto status = ParseStatus(kStatus);
  REQUIRE(status.ok());
  CHECK(status->server.run_id == "r");
  CHECK(status->server.time_ms == 1700000000000);
  CHECK(status->server.commands_per_second == 412);
  REQUIRE(status->cluster.has_value());
  CHECK_FALSE(status->cluster->ok);
  CHECK(status->cluster->reason == "minority");
  CHECK(status->cluster->quorum == 2);
  CHECK(status->cluster->lease_ms == std::nullopt);
  CHECK(status->cluster->data_missing);
  REQUIRE(status->nodes.size() == 1);
  const Node& node = status->nodes[0];
  CHECK(node.self);
  CHECK(node.replica);
  CHECK(node.primary == "bb");
  CHECK(node.health == Health::kPfail);
  CHECK(node.history == UINT64_MAX);
  CHECK(node.ping_ms == std::nullopt);
  CHECK(node.pong_ms == 120);
  CHECK(node.link_to);
  CHECK_FALSE(node.link_from);
  CHECK(node.queued_bytes == 9);
  REQUIRE(node.slots.size() == 2);
  CHECK(node.slots[1].last.value == 16383);
  CHECK(status->open[0].exporting);
  CHECK(status->move->left == 12);
  CHECK(status->traffic.at("ping").frames_sent == 812);
  CHECK(status->totals.at("votes_refused") == 5);
  CHECK(status->last_event == 218);
}

TEST_CASE("events are read in whole") {
  const auto page = ParseEvents(kEvents);
  REQUIRE(page.ok());
  CHECK(page->run_id == "r");
  REQUIRE(page->events.size() == 2);
  CHECK(page->events[1].cause == 16);
  CHECK(page->events[1].text == "b");
  CHECK(page->events[1].nodes == std::vector<std::string>{"aa", "bb"});
}

TEST_CASE("a status without cluster support needs none of its fields") {
  const auto status = ParseStatus(R"({"schema": 1, "server": {"run_id": "r", "port": 1,
    "time_ms": 1, "uptime_ms": 1, "clients": 0, "keys": 0, "commands_per_second": 0},
    "cluster": {"enabled": false}, "nodes": [], "open_slots": [], "move": null, "metrics": [],
    "events": {"first": 0, "last": 0}})");
  REQUIRE(status.ok());
  CHECK_FALSE(status->cluster.has_value());
}

TEST_CASE("another schema number is refused as such") {
  const auto status = ParseStatus(R"({"schema": 2})");
  CHECK(status.status().code() == absl::StatusCode::kUnimplemented);
  CHECK(status.status().message() == "the answer has schema 2; this program reads 1");
  CHECK(ParseEvents(R"({"schema": 2})").status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("a field that is missing, of another type or out of bounds is named by its path") {
  CHECK(FaultOf("\"schema\": 1,", "") == "schema is missing");
  CHECK(FaultOf("\"keys\": 1200", "\"key\": 1200") == "server.keys is missing");
  CHECK(FaultOf("\"keys\": 1200", "\"keys\": -1") == "server.keys is not a number, not negative");
  CHECK(FaultOf("\"port\": 7000", "\"port\": 65536") == "server.port is above 65535");
  CHECK(FaultOf("1700000000000", "18446744073709551615") == "server.time_ms is too great");
  CHECK(FaultOf("\"role\": \"replica\"", "\"role\": \"boss\"") ==
        "nodes[0].role is none that is known");
  CHECK(FaultOf("\"to\": true", "\"to\": 1") == "nodes[0].links.to is not true or false");
  CHECK(FaultOf("[16383, 16383]", "[16383, 16384]") == "nodes[0].slots[1] is no range of slots");
  CHECK(FaultOf("[0, 1]", "[1, 0]") == "nodes[0].slots[0] is no range of slots");
  CHECK(FaultOf("[100, 103]", "[100]") == "open_slots[0].slots[0] is no range of slots");
  CHECK(FaultOf("\"value\": 812", "\"value\": \"812\"") == "metrics[0].value is not a number");
  CHECK(FaultOf("\"nodes\": [{", "\"nodes\": [7, {") == "nodes[0] is no object");
}

TEST_CASE("what is no JSON object is refused, wherever it ends") {
  for (const char* bad : {"", "null", "[]", "7", "{", "not json", "{\"schema\": 1e999}",
                          "{\"schema\": \"\xff\"}", "<html></html>"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseStatus(bad).ok());
    CHECK_FALSE(ParseEvents(bad).ok());
  }
  for (size_t size = 0; size < kStatus.size(); ++size) {
    REQUIRE_FALSE(ParseStatus(kStatus.substr(0, size)).ok());
  }
}

TEST_CASE("any damaged byte gives a value or an error") {
  for (const std::string* text : {&kStatus, &kEvents}) {
    for (size_t at = 0; at < text->size(); ++at) {
      for (const char byte : {'\0', '"', '[', '}', '9', '-'}) {
        std::string damaged = *text;
        damaged[at] = byte;
        if (const auto status = ParseStatus(damaged); status.ok()) {
          REQUIRE(status->nodes.size() <= 1);
        }
        if (const auto page = ParseEvents(damaged); page.ok()) REQUIRE(page->events.size() <= 2);
      }
    }
  }
}

TEST_CASE("nesting of any depth is refused without being kept") {
  const std::string deep(1'000'000, '[');
  CHECK_FALSE(ParseStatus(deep).ok());
  CHECK_FALSE(ParseStatus("{\"schema\": " + deep).ok());
  const std::string closed = deep + std::string(deep.size(), ']');
  CHECK(ParseStatus("{\"schema\": 1, \"server\": " + closed + "}").status().message() ==
        "server is not an object");
}

TEST_CASE("more nodes or events than any answer has are refused") {
  std::string many = "[{}";
  for (int i = 0; i < 5000; ++i) many += ", {}";
  CHECK(FaultOf("\"metrics\": [", "\"metrics\": " + many + ", ") ==
        "metrics has more than 4096 elements");
  CHECK(
      ParseEvents(R"({"schema": 1, "run_id": "r", "events": )" + many + "]}").status().message() ==
      "events has more than 2000 elements");
}

TEST_CASE("what a node says cannot control the terminal") {
  const auto status =
      ParseStatus(Replaced(kStatus, "\"first\"", R"("\u001b[2J\u0007\n\u007f\u00e4")"));
  REQUIRE(status.ok());
  CHECK(status->nodes[0].name ==
        "?[2J??"
        "???");
  const auto long_name =
      ParseStatus(Replaced(kStatus, "\"first\"", "\"" + std::string(100'000, 'x') + "\""));
  REQUIRE(long_name.ok());
  CHECK(long_name->nodes[0].name.size() == 1024);
}

TEST_CASE("events that do not ascend are refused") {
  CHECK(ParseEvents(Replaced(kEvents, "\"number\": 17", "\"number\": 16")).status().message() ==
        "events[1].number does not ascend");
}

}  // namespace
}  // namespace clusterkit_top
