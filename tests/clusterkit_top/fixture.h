// A cluster of three shards as a node tells of it, and pictures as text.

#ifndef CLUSTERKIT_TESTS_CLUSTERKIT_TOP_FIXTURE_H_
#define CLUSTERKIT_TESTS_CLUSTERKIT_TOP_FIXTURE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "clusterkit_top/layout.h"

namespace clusterkit_top {

inline std::string Id(char digit) { return std::string(40, digit); }

inline Node MakeNode(char id, int port, char shard) {
  Node node;
  node.id = Id(id);
  node.host = "127.0.0.1";
  node.port = port;
  node.bus_port = port + 10000;
  node.shard = Id(shard);
  node.voting = "with slots";
  node.synced = true;
  node.link_to = node.link_from = true;
  node.pong_ms = 120;
  return node;
}

inline Node MakePrimary(char id, int port, char shard, uint16_t first, uint16_t last) {
  Node node = MakeNode(id, port, shard);
  node.slots = {{{first}, {last}}};
  node.slot_count = last - first + 1;
  node.config_epoch = static_cast<uint64_t>(id - '0');
  node.history = 3;
  node.offset = 1000;
  return node;
}

inline Node MakeReplica(char id, int port, const Node& primary, uint64_t offset) {
  Node node = MakeNode(id, port, primary.shard.front());
  node.replica = true;
  node.primary = primary.id;
  node.config_epoch = primary.config_epoch;
  node.history = primary.history;
  node.offset = offset;
  return node;
}

// Nodes 1 to 3, on ports 7001 to 7003, are primaries of shards a to c; 4 is a replica of 1. Node 1
// tells it.
inline Status Healthy() {
  Status status;
  status.server.run_id = "run";
  status.server.port = 7001;
  status.server.time_ms = 1'700'000'000'000;
  status.server.uptime_ms = 65'000;
  status.server.clients = 1;
  status.server.keys = 12;
  Cluster& cluster = status.cluster.emplace();
  cluster.ok = true;
  cluster.current_epoch = 7;
  cluster.my_epoch = 1;
  cluster.voters = 3;
  cluster.quorum = 2;
  cluster.nodes_known = 4;
  cluster.slots_assigned = 16384;
  cluster.lease_ms = 1500;
  status.nodes = {MakePrimary('1', 7001, 'a', 0, 4095), MakePrimary('2', 7002, 'b', 4096, 8191),
                  MakePrimary('3', 7003, 'c', 8192, 16383)};
  status.nodes.front().self = true;
  status.nodes.push_back(MakeReplica('4', 7004, status.nodes.front(), 990));
  return status;
}

// The same after node 1 died and 4 was elected, as 4 tells it.
inline Status FailedOver() {
  Status status = Healthy();
  Node& dead = status.nodes[0];
  Node& elected = status.nodes[3];
  elected.replica = false;
  elected.primary.reset();
  elected.self = true;
  elected.config_epoch = 8;
  elected.slots = std::exchange(dead.slots, {});
  elected.slot_count = std::exchange(dead.slot_count, 0);
  dead.self = false;
  dead.health = Health::kFail;
  dead.link_to = dead.link_from = false;
  status.cluster->current_epoch = 8;
  status.cluster->nodes_fail = 1;
  return status;
}

inline EventPage Events(std::string run_id, const std::vector<uint64_t>& numbers) {
  EventPage page;
  page.run_id = std::move(run_id);
  for (const uint64_t number : numbers) page.events.emplace_back().number = number;
  return page;
}

inline View Answering(std::string address, Status status) {
  View view;
  view.address = std::move(address);
  view.Take(std::move(status), 0);
  return view;
}

inline View Silent(std::string address) {
  View view;
  view.address = std::move(address);
  view.Take(absl::UnavailableError("cannot connect"));
  return view;
}

// Pictures of views, with whatever the user chose.
struct Picture {
  explicit Picture(std::vector<View> of) : views(std::move(of)) {
    for (const View& view : views) {
      if (view.status.has_value()) shards.Learn(*view.status);
    }
  }
  Scene scene() const { return {views, shards, ui, now_ms, absl::UTCTimeZone()}; }
  void Type(char key) { Press(KeyOf(key), views, shards, ui); }
  std::string Whole(size_t width = 120) const { return Joined(LayoutWhole(scene(), width)); }
  std::string Screen(size_t width = 120, size_t height = 50) const {
    return Joined(Layout(scene(), width, height));
  }
  static std::string Joined(const Lines& lines) {
    std::string text;
    for (const Line& line : lines) text += line.Text() + "\n";
    return text;
  }

  std::vector<View> views;
  ShardNames shards;
  Ui ui;
  int64_t now_ms = 0;
};

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The lines from this one on, up to an empty one.
inline std::string Part(const std::string& text, const std::string& heading) {
  const size_t at = text.find("\n" + heading);
  if (at == std::string::npos) return "";
  const size_t end = text.find("\n\n", at);
  return text.substr(at + 1, end == std::string::npos ? end : end - at);
}

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_TESTS_CLUSTERKIT_TOP_FIXTURE_H_
