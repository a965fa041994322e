// /metrics.

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "clusterkit/metrics.h"
#include "kvserver/json_writer.h"
#include "kvserver/status_text.h"

namespace kv {
namespace {

using clusterkit::Histogram;
using clusterkit::NamedMetric;

// Label values of the library are plain words.
class MetricsPage {
 public:
  // Once for each name, before its samples.
  void Name(std::string name, std::string_view help, NamedMetric::Type type) {
    constexpr const char* kTypes[] = {"counter", "gauge", "histogram"};
    if (name == name_) return;
    name_ = std::move(name);
    absl::StrAppend(&text_, "# HELP ", name_, " ", std::string(help), "\n# TYPE ", name_, " ",
                    kTypes[static_cast<size_t>(type)], "\n");
  }
  void Sample(std::string_view suffix, std::string_view label, std::string_view value_of_label,
              double value) {
    absl::StrAppend(&text_, name_, std::string(suffix));
    if (!label.empty()) {
      absl::StrAppend(&text_, "{", std::string(label), "=\"", std::string(value_of_label), "\"}");
    }
    absl::StrAppend(&text_, " ", NumberText(value), "\n");
  }
  void Times(const Histogram& histogram) {
    uint64_t below = 0;
    for (size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      below += histogram.counts[i];
      Sample("_bucket", "le", NumberText(static_cast<double>(Histogram::kBounds[i]) / 1e9),
             static_cast<double>(below));
    }
    Sample("_bucket", "le", "+Inf", static_cast<double>(histogram.count));
    Sample("_sum", "", "", static_cast<double>(histogram.sum) / 1e9);
    Sample("_count", "", "", static_cast<double>(histogram.count));
  }
  void Single(std::string name, std::string_view help, NamedMetric::Type type, double value) {
    Name(std::move(name), help, type);
    Sample("", "", "", value);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_, name_;
};

}  // namespace

std::string MetricsText(const StatusReport& report) {
  using Type = NamedMetric::Type;
  MetricsPage page;
  const ServerFigures& server = report.server;
  page.Single("kvserver_uptime_seconds", "Age of the process.", Type::kGauge,
              static_cast<double>(report.time_ms - server.started_ms) / 1000);
  page.Single("kvserver_clients", "Connected clients.", Type::kGauge,
              static_cast<double>(server.clients));
  page.Single("kvserver_keys", "Keys.", Type::kGauge, static_cast<double>(server.keys));
  page.Single("kvserver_commands_total", "Commands executed.", Type::kCounter,
              static_cast<double>(server.commands));
  if (!report.cluster.has_value()) return page.Take();
  for (const NamedMetric& metric : clusterkit::ListMetrics(report.cluster->metrics)) {
    const bool counter = metric.type == Type::kCounter;
    page.Name(absl::StrCat("clusterkit_", std::string(metric.name), counter ? "_total" : ""),
              metric.help, metric.type);
    if (metric.histogram != nullptr) {
      page.Times(*metric.histogram);
    } else {
      page.Sample("", metric.label, metric.label_value, metric.value);
    }
  }
  return page.Take();
}

}  // namespace kv
