// Events with their causes, and the traffic on the bus.

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clusterkit_top/panels.h"

namespace clusterkit_top {
namespace {

// Not shown unless something that is shown follows from it.
constexpr std::array<std::string_view, 3> kQuiet = {"SuspicionHeard", "NodeDetailsChanged",
                                                    "SlotTransferDue"};

Style StyleOf(const Event& event) {
  const auto says = [&event](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(),
                       [&event](const char* word) { return absl::StrContains(event.text, word); });
  };
  if (says({" won ", "state ok", "is primary", "online", " done"})) return kGood;
  if (says({"PFAIL", "timeout", "given up", "timed out", "denied"})) return kWarn;
  if (says({"FAIL", "state fail", "halted", "refused", "stalled", "missing"})) return kBad;
  return kText;
}

// The newest, oldest of them first.
std::vector<const Event*> Shown(const View& view, bool all, size_t most) {
  std::set<uint64_t> causes;
  std::vector<const Event*> shown;
  for (auto event = view.events.rbegin(); event != view.events.rend(); ++event) {
    const bool quiet = std::find(kQuiet.begin(), kQuiet.end(), event->kind) != kQuiet.end();
    if (quiet && !all && causes.count(event->number) == 0) continue;
    if (shown.size() == most) break;
    shown.push_back(&*event);
    causes.insert(event->cause);
  }
  std::reverse(shown.begin(), shown.end());
  return shown;
}

}  // namespace

Lines EventsPanel(const Scene& scene, const View& view, size_t height) {
  if (height < 2 || !view.status.has_value()) return {};
  Lines lines = {Heading("EVENTS", scene.ui.all_events ? "all" : "")};
  const std::vector<const Event*> events = Shown(view, scene.ui.all_events, height - 1);
  const auto width = [&events](uint64_t Event::*number) {
    size_t most = 1;
    for (const Event* event : events) {
      most = std::max(most, absl::StrCat(event->*number).size());
    }
    return most + 1;
  };
  const size_t number_width = width(&Event::number), cause_width = width(&Event::cause);
  for (const Event* event : events) {
    Line line;
    line.Add(absl::FormatTime("  %H:%M:%E3S  ", absl::FromUnixMillis(event->time_ms), scene.zone),
             kSoft)
        .AddLeft(absl::StrCat("#", event->number), number_width, kSoft)
        .Add(event->cause == 0 ? "    " : " <- ", kSoft)
        .AddLeft(event->cause == 0 ? "" : absl::StrCat("#", event->cause), cause_width, kSoft)
        .Add("  ");
    Style style = StyleOf(*event);
    style.bold = !scene.ui.node.empty() &&
                 std::count(event->nodes.begin(), event->nodes.end(), scene.ui.node) > 0;
    line.Add(WithNames(event->text, *view.status), style);
    lines.push_back(line);
  }
  if (events.empty()) lines.emplace_back("  nothing yet", kSoft);
  return lines;
}

Lines TrafficPanel(const View& view, size_t height) {
  constexpr size_t kKind = 20, kNumber = 10;
  constexpr size_t kHeads = 2;
  if (height <= kHeads || !view.status.has_value()) return {};
  // Those that came up, the most frequent first.
  std::vector<std::pair<std::string, Traffic>> kinds;
  for (const auto& [kind, traffic] : view.status->traffic) {
    if (traffic.frames_sent + traffic.frames_received > 0) kinds.emplace_back(kind, traffic);
  }
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) {
    return a.second.frames_sent + a.second.frames_received >
           b.second.frames_sent + b.second.frames_received;
  });
  Line head;
  head.AddLeft("  messages", kKind, kSoft);
  for (const std::string_view column :
       {"sent", "received", "sent/s", "recv/s", "B sent/s", "B recv/s"}) {
    head.AddRight(column, kNumber, kSoft);
  }
  Lines lines = {Heading("BUS"), head};
  const std::map<std::string, Traffic> rates = view.Rates();
  for (const auto& [kind, traffic] : kinds) {
    if (lines.size() == height) break;
    Line line;
    line.AddLeft(absl::StrCat("  ", kind), kKind)
        .AddRight(Amount(traffic.frames_sent), kNumber)
        .AddRight(Amount(traffic.frames_received), kNumber);
    const auto rate = rates.find(kind);
    for (double Traffic::*field : {&Traffic::frames_sent, &Traffic::frames_received,
                                   &Traffic::bytes_sent, &Traffic::bytes_received}) {
      line.AddRight(rate == rates.end() ? "-" : Rate(rate->second.*field), kNumber);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace clusterkit_top
