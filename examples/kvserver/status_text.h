#ifndef KVSERVER_STATUS_TEXT_H_
#define KVSERVER_STATUS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kvserver/cluster_report.h"
#include "kvserver/event_ring.h"

namespace kv {

// What the data thread publishes of itself.
struct ServerFigures {
  std::string run_id;
  int64_t pid = 0;
  int64_t port = 0;
  int64_t started_ms = 0;  // Wall clock, as below.
  uint64_t clients = 0;
  uint64_t keys = 0;
  uint64_t commands = 0;
  uint64_t commands_per_second = 0;
};

// All that is shown over HTTP, as copied at one moment. What follows are pure functions of it;
// docs/observability.md describes what they print.
struct StatusReport {
  ServerFigures server;
  int64_t time_ms = 0;
  std::optional<ClusterReport> cluster;
  EventRing::Range events;
};

std::string StatusJson(const StatusReport& report);
std::string EventsJson(const std::string& run_id, EventRing::Range range,
                       const std::vector<EventRing::Entry>& events);
// Prometheus's text format, version 0.0.4.
std::string MetricsText(const StatusReport& report);

}  // namespace kv

#endif  // KVSERVER_STATUS_TEXT_H_
