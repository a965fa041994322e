// What a node says of itself over HTTP, as plain values: /status.json and /events of kvserver,
// whose schema is in docs/observability.md. Texts are printable ASCII, whatever the node sent.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_STATUS_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_STATUS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/slot.h"

namespace clusterkit_top {

enum class Health { kOnline, kPfail, kFail };

struct Node {
  std::string id, name, host;
  int port = 0, bus_port = 0;
  std::string shard;
  std::optional<std::string> primary;  // Of a replica.
  bool self = false, replica = false, handshake = false;
  std::string voting;
  Health health = Health::kOnline;
  uint64_t config_epoch = 0;
  bool no_failover = false;
  uint64_t history = 0, offset = 0;
  bool synced = false;
  std::optional<int64_t> ping_ms, pong_ms;
  uint64_t failure_reports = 0;
  bool link_to = false, link_from = false;
  uint64_t queued_bytes = 0;
  int slot_count = 0;
  std::vector<clusterkit::SlotRange> slots;
};

struct Server {
  std::string run_id;
  int port = 0;
  int64_t time_ms = 0, uptime_ms = 0;
  uint64_t clients = 0, keys = 0, commands_per_second = 0;
};

struct Cluster {
  bool ok = false;
  std::string reason;  // Why not.
  uint64_t current_epoch = 0, my_epoch = 0, last_vote_epoch = 0;
  uint64_t voters = 0, quorum = 0;
  uint64_t nodes_known = 0, nodes_pfail = 0, nodes_fail = 0;
  uint64_t slots_assigned = 0, slots_pfail = 0, slots_fail = 0;
  std::optional<int64_t> lease_ms;
  bool data_missing = false;
};

struct OpenSlots {
  bool exporting = false;
  std::string peer;
  std::vector<clusterkit::SlotRange> slots;
};

struct Move {
  std::string target;
  uint64_t left = 0;
};

struct Traffic {
  double frames_sent = 0, frames_received = 0, bytes_sent = 0, bytes_received = 0;
};

struct Status {
  Server server;
  std::optional<Cluster>
      cluster;  // None: cluster support is off, and so all that follows is empty.
  std::vector<Node> nodes;
  std::vector<OpenSlots> open;
  std::optional<Move> move;
  std::map<std::string, Traffic> traffic;  // By kind of message.
  std::map<std::string, double> totals;    // Other counters and gauges, over all their labels.
  uint64_t last_event = 0;
};

struct Event {
  uint64_t number = 0, cause = 0;  // Cause 0: none.
  int64_t time_ms = 0;
  std::string kind, text;
  std::vector<std::string> nodes;
};

struct EventPage {
  std::string run_id;
  std::vector<Event> events;  // Ascending by number.
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_STATUS_H_
