#include "clusterkit_top/view.h"

#include <algorithm>
#include <utility>

namespace clusterkit_top {

void View::Take(Status answer, int64_t now_ms) {
  asked = true;
  fault.clear();
  answered_at_ms = now_ms;
  if (status.has_value() && status->server.run_id != answer.server.run_id) {
    events.clear();
    samples.clear();
  }
  const int64_t time_ms = answer.server.time_ms;
  // The node's clock may have been set back.
  if (!samples.empty() && time_ms <= samples.back().time_ms) samples.clear();
  samples.push_back({time_ms, answer.traffic});
  while (samples.size() > kMostSamples ||
         (samples.size() > 2 && samples.front().time_ms < time_ms - kWindowMs)) {
    samples.pop_front();
  }
  status = std::move(answer);
}

void View::Take(const EventPage& page) {
  if (!status.has_value() || page.run_id != status->server.run_id) return;
  for (const Event& event : page.events) {
    if (event.number > Since()) events.push_back(event);
  }
  while (events.size() > kMostEvents) events.pop_front();
}

void View::Take(const absl::Status& failed) {
  asked = true;
  fault = std::string(failed.message());
}

std::map<std::string, Traffic> View::Rates() const {
  std::map<std::string, Traffic> rates;
  if (samples.size() < 2) return rates;
  const Sample& first = samples.front();
  const Sample& last = samples.back();
  const double seconds = static_cast<double>(last.time_ms - first.time_ms) / 1000;
  for (const auto& entry : last.traffic) {
    const std::string& kind = entry.first;
    const Traffic& now = entry.second;
    const auto found = first.traffic.find(kind);
    const Traffic before = found == first.traffic.end() ? Traffic() : found->second;
    const auto rate = [&](double Traffic::*field) {
      return std::max(0.0, now.*field - before.*field) / seconds;
    };
    rates[kind] = {rate(&Traffic::frames_sent), rate(&Traffic::frames_received),
                   rate(&Traffic::bytes_sent), rate(&Traffic::bytes_received)};
  }
  return rates;
}

}  // namespace clusterkit_top
