// What stands at the top: the state, and what is under way.

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "clusterkit_top/panels.h"

namespace clusterkit_top {
namespace {

constexpr size_t kLetterLines = 5;
// So far to the right begins what stands beside the large letters.
constexpr size_t kBesideLetters = 24;

struct Letter {
  char letter;
  std::array<std::string_view, kLetterLines> lines;
};
constexpr Letter kLetters[] = {
    {'A', {" ### ", "#   #", "#####", "#   #", "#   #"}},
    {'F', {"#####", "#    ", "#### ", "#    ", "#    "}},
    {'I', {"###", " # ", " # ", " # ", "###"}},
    {'K', {"#   #", "#  # ", "###  ", "#  # ", "#   #"}},
    {'L', {"#    ", "#    ", "#    ", "#    ", "#####"}},
    {'O', {" ### ", "#   #", "#   #", "#   #", " ### "}},
    {'?', {" ### ", "#   #", "  ## ", "     ", "  #  "}},
};

Lines InLargeLetters(std::string_view word, Style style) {
  Lines lines(kLetterLines, Line(" ", kText));
  Style solid = style;
  solid.solid = true;
  for (const char wanted : word) {
    const auto letter = std::find_if(std::begin(kLetters), std::end(kLetters),
                                     [wanted](const Letter& l) { return l.letter == wanted; });
    if (letter == std::end(kLetters)) continue;
    for (size_t i = 0; i < kLetterLines; ++i) {
      for (const char dot : letter->lines[i]) {
        lines[i].Add(std::string(1, dot), dot == '#' ? solid : kText);
      }
      lines[i].Add(" ");
    }
  }
  for (Line& line : lines) line.Fit(kBesideLetters);
  return lines;
}

double Total(const Status& status, const std::string& name) {
  const auto found = status.totals.find(name);
  return found == status.totals.end() ? 0 : found->second;
}

std::string Lease(const Cluster& cluster) {
  if (!cluster.lease_ms.has_value()) return "no lease";
  if (*cluster.lease_ms < 0) return "lease lapsed";
  return absl::StrCat("lease ", Span(*cluster.lease_ms));
}

Line StateLine(const Cluster& cluster) {
  if (cluster.ok) return Line("cluster ok", kGood);
  return Line(absl::StrCat("cluster fail: ", cluster.reason), kBad);
}

Line SlotsLine(const Cluster& cluster) {
  const uint64_t served =
      cluster.slots_assigned - std::min(cluster.slots_fail, cluster.slots_assigned);
  Line line;
  line.Add(absl::StrCat(served, " of ", clusterkit::kSlotCount, " slots have a live owner"),
           served == clusterkit::kSlotCount ? kText : kBad);
  if (cluster.slots_pfail > 0) line.Add(absl::StrCat(", ", cluster.slots_pfail, " pfail"), kWarn);
  if (cluster.slots_fail > 0) line.Add(absl::StrCat(", ", cluster.slots_fail, " fail"), kBad);
  return line;
}

Line NodesLine(const Cluster& cluster) {
  Line line(
      absl::StrCat(Counted(cluster.nodes_known, "node"), ", ", cluster.quorum, " of ",
                   Counted(cluster.voters, "voter"), " decide, epoch ", cluster.current_epoch),
      kText);
  if (cluster.nodes_pfail > 0) line.Add(absl::StrCat(", ", cluster.nodes_pfail, " pfail"), kWarn);
  if (cluster.nodes_fail > 0) line.Add(absl::StrCat(", ", cluster.nodes_fail, " fail"), kBad);
  return line;
}

Line SelfLine(const Scene& scene, const Status& status) {
  const Node* self = Self(status);
  if (self == nullptr) return Line();
  const Cluster& cluster = *status.cluster;
  return Line(
      absl::StrCat("this node: ", self->replica ? "replica" : "primary", " of shard ",
                   std::string(1, scene.shards.LetterOf(self->shard)), ", epoch ", cluster.my_epoch,
                   ", voted in ", cluster.last_vote_epoch, ", ", Lease(cluster)),
      kText);
}

Line ServerLine(const Status& status) {
  const Server& server = status.server;
  return Line(
      absl::StrCat("up ", Span(server.uptime_ms), ", ", Counted(server.clients, "client"), ", ",
                   Counted(server.keys, "key"), ", ", server.commands_per_second,
                   " commands/s, elections won ", Total(status, "elections_won"), ", votes given ",
                   Total(status, "votes_granted"), " refused ", Total(status, "votes_refused")),
      kSoft);
}

}  // namespace

Line Heading(std::string_view text, std::string_view more) {
  Line line(text, kBold);
  if (!more.empty()) line.Add("  ").Add(more, kSoft);
  return line;
}

Line TitleLine(const Scene& scene, size_t width) {
  const View& view = scene.views[ShownView(scene.views, scene.ui)];
  Line line("clusterkit-top", kBold);
  line.Add("  ");
  line.Add(view.status.has_value() && Self(*view.status) != nullptr
               ? absl::StrCat(NameOf(*Self(*view.status)), " by ", view.address)
               : view.address);
  if (!view.asked) {
    line.Add("  asking", kSoft);
  } else if (!view.Answers()) {
    line.Add(absl::StrCat("  no answer: ", view.fault), kBad);
    if (view.status.has_value()) {
      line.Add(absl::StrCat(" (below: ", Span(scene.now_ms - view.answered_at_ms), " ago)"), kWarn);
    }
  }
  std::string right;
  if (scene.ui.paused) right = "PAUSED  ";
  if (scene.views.size() > 1) {
    const auto answer = std::count_if(scene.views.begin(), scene.views.end(),
                                      [](const View& each) { return each.Answers(); });
    absl::StrAppend(&right, answer, " of ", scene.views.size(), " answer  ");
  }
  if (view.status.has_value()) {
    absl::StrAppend(&right,
                    absl::FormatTime("%H:%M:%S", absl::FromUnixMillis(view.status->server.time_ms),
                                     scene.zone));
  }
  if (line.size() + 2 + right.size() <= width) line.Fit(width - right.size()).Add(right, kSoft);
  return line;
}

Lines StatePanel(const Scene& scene, const Status& status, bool large) {
  Lines lines;
  std::string_view word = "?";
  Style style = kWarn;
  if (status.cluster.has_value()) {
    const Cluster& cluster = *status.cluster;
    lines = {StateLine(cluster), SlotsLine(cluster), NodesLine(cluster), SelfLine(scene, status),
             ServerLine(status)};
    if (scene.views[ShownView(scene.views, scene.ui)].Answers()) {
      word = cluster.ok ? "OK" : "FAIL";
      style = cluster.ok ? kGood : kBad;
    }
  } else {
    lines = {Line("cluster support is off", kWarn), ServerLine(status)};
  }
  if (!large) return lines;
  Lines letters = InLargeLetters(word, style);
  for (size_t i = 0; i < lines.size(); ++i) letters[i].Append(lines[i]);
  return letters;
}

Lines NowPanel(const Scene&, const Status& status) {
  Lines lines;
  if (!status.cluster.has_value()) return lines;
  for (const Node& node : status.nodes) {
    if (node.health == Health::kFail && node.slot_count > 0) {
      lines.emplace_back(absl::StrCat(NameOf(node), " has failed; ",
                                      Counted(static_cast<uint64_t>(node.slot_count), "slot"),
                                      " without a live owner"),
                         kBad);
    } else if (node.health == Health::kPfail) {
      lines.emplace_back(absl::StrCat(NameOf(node), " is suspected, also by ",
                                      Counted(node.failure_reports, "other voter")),
                         kWarn);
    }
  }
  if (Total(status, "campaigning") > 0) {
    lines.emplace_back("election: this node asks for votes", kInfo);
  }
  if (status.cluster->data_missing) {
    lines.emplace_back("the data of this node's slots is missing: it does not serve them", kBad);
  }
  if (status.move.has_value()) {
    lines.emplace_back(absl::StrCat("slots move to ", NameOf(status, status.move->target), ": ",
                                    status.move->left, " left"),
                       kInfo);
  }
  for (const OpenSlots& open : status.open) {
    lines.emplace_back(absl::StrCat("slot ", Ranges(open.slots),
                                    open.exporting ? " on the way to " : " arriving from ",
                                    NameOf(status, open.peer)),
                       kInfo);
  }
  return lines;
}

}  // namespace clusterkit_top
