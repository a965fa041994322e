#include "kvserver/monitor.h"

#include <unistd.h>

#include <chrono>
#include <mutex>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "kvserver/cluster_host.h"
#include "kvserver/server.h"

namespace kv {

// The source of the page at /, embedded by the build: status_page.html.
extern const std::string_view kStatusPage;

namespace {

constexpr std::chrono::milliseconds kPatience{2000};
constexpr size_t kMaxEvents = 500;  // In one answer.

}  // namespace

// What the data thread says of itself.
class Monitor::Figures {
 public:
  void Publish(Server& server) {
    const std::lock_guard lock(mutex_);
    figures_.run_id = server.run_id();
    figures_.pid = getpid();
    figures_.port = server.config().port;
    figures_.started_ms = server.started_ms();
    figures_.clients = server.client_count();
    figures_.keys = server.keyspace().size();
    figures_.commands = server.stats().commands;
    figures_.commands_per_second = server.stats().commands_per_second;
  }
  ServerFigures Get() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  ServerFigures figures_;
};

Monitor::Monitor(Server& server, ClusterHost* cluster)
    : cluster_(cluster), figures_(std::make_shared<Figures>()) {
  figures_->Publish(server);
  server.AddCron([figures = figures_, &server] { figures->Publish(server); });
}

absl::StatusOr<std::unique_ptr<Monitor>> Monitor::Start(Server& server, ClusterHost* cluster) {
  std::unique_ptr<Monitor> monitor(new Monitor(server, cluster));
  const Config& config = server.config();
  const absl::Status listening =
      monitor->Listen(config.metrics_bind, static_cast<int>(config.metrics_port));
  if (!listening.ok()) return listening;
  return monitor;
}

absl::Status Monitor::Listen(const std::string& address, int port) {
  const auto text_of = [this](std::string (*write)(const StatusReport&)) {
    return [this, write](uint64_t) -> std::optional<std::string> {
      const std::optional<StatusReport> report = Report();
      if (!report.has_value()) return std::nullopt;
      return write(*report);
    };
  };
  absl::StatusOr<std::unique_ptr<HttpEndpoint>> endpoint = HttpEndpoint::Start(
      address, port,
      {{"/", "text/html; charset=utf-8", [](uint64_t) { return std::string(kStatusPage); }},
       {"/metrics", "text/plain; version=0.0.4; charset=utf-8", text_of(MetricsText)},
       {"/status.json", "application/json", text_of(StatusJson)},
       {"/events", "application/json", [this](uint64_t since) { return Events(since); }}});
  if (!endpoint.ok()) return endpoint.status();
  endpoint_ = *std::move(endpoint);
  return absl::OkStatus();
}

std::optional<StatusReport> Monitor::Report() const {
  StatusReport report;
  report.server = figures_->Get();
  report.time_ms = absl::ToUnixMillis(absl::Now());
  if (cluster_ == nullptr) return report;
  report.cluster = cluster_->TakeReport(kPatience);
  if (!report.cluster.has_value()) return std::nullopt;
  report.events = cluster_->events().range();
  return report;
}

std::optional<std::string> Monitor::Events(uint64_t since) const {
  const std::string run_id = figures_->Get().run_id;
  if (cluster_ == nullptr) return EventsJson(run_id, {}, {});
  const EventRing& ring = cluster_->events();
  return EventsJson(run_id, ring.range(), ring.After(since, kMaxEvents));
}

}  // namespace kv
