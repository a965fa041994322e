// The nodes as a table, the selected one in detail, and what several views say differently.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clusterkit_top/differences.h"
#include "clusterkit_top/panels.h"

namespace clusterkit_top {
namespace {

// Widths of the columns.
constexpr size_t kName = 22, kShard = 6, kRole = 9, kHealth = 7, kEpoch = 7, kSlots = 6,
                 kOffset = 11, kLinks = 7, kAnswered = 9;

Style StyleOf(Health health) {
  switch (health) {
    case Health::kOnline:
      return kGood;
    case Health::kPfail:
      return kWarn;
    case Health::kFail:
      return kBad;
  }
  return kText;
}

Line TableHead() {
  Line line;
  return line.AddLeft("  node", kName, kSoft)
      .AddLeft(" shard", kShard + 1, kSoft)
      .AddLeft("role", kRole, kSoft)
      .AddLeft("health", kHealth, kSoft)
      .AddRight("epoch", kEpoch, kSoft)
      .AddRight("slots", kSlots, kSoft)
      .AddRight("offset", kOffset, kSoft)
      .AddRight("lag", kOffset, kSoft)
      .AddRight("links", kLinks, kSoft)
      .AddRight("answered", kAnswered, kSoft);
}

std::string Links(const Node& node) {
  if (node.self) return "self";
  return absl::StrCat(node.link_to ? "->" : "..", " ", node.link_from ? "<-" : "..");
}

std::string LagText(const Status& status, const Node& node) {
  if (!node.replica) return "";
  if (!node.synced) return "not synced";
  const std::optional<uint64_t> lag = Lag(status, node);
  return lag.has_value() ? absl::StrCat(*lag) : "?";
}

Line Row(const Scene& scene, const Status& status, const Node& node) {
  Line line;
  line.Add(node.id == scene.ui.node ? "> " : node.self ? "* " : "  ");
  // A blank between columns, however long a name is.
  line.AddLeft(NameOf(node), kName - 2, node.self ? kBold : kText).Add(" ");
  if (node.handshake) return line.Add("being introduced", kSoft);
  const Style shard{.bold = true, .shard = scene.shards.IndexOf(node.shard)};
  const std::string role = node.voting == "witness" ? "witness"
                           : node.replica           ? "replica"
                                                    : "primary";
  line.AddLeft(std::string(1, scene.shards.LetterOf(node.shard)), kShard, shard)
      .AddLeft(role, kRole)
      .AddLeft(Word(node.health), kHealth, StyleOf(node.health))
      .AddRight(absl::StrCat(node.config_epoch), kEpoch)
      .AddRight(node.slot_count > 0 ? absl::StrCat(node.slot_count) : "", kSlots)
      .AddRight(absl::StrCat(node.offset), kOffset)
      .AddRight(LagText(status, node), kOffset, node.synced || !node.replica ? kText : kWarn)
      .AddRight(Links(node), kLinks, node.link_to || node.self ? kText : kWarn)
      .AddRight(node.self || !node.pong_ms.has_value() ? "" : Span(*node.pong_ms), kAnswered,
                kSoft);
  if (node.id == scene.ui.node) line.Mark();
  return line;
}

std::string YesOrNo(bool yes) { return yes ? "yes" : "no"; }

}  // namespace

Lines NodesPanel(const Scene& scene, const Status& status, size_t height) {
  constexpr size_t kHeads = 2;
  if (height <= kHeads) return {};
  const std::vector<const Node*> nodes = Sorted(status, scene.ui.sort, scene.shards);
  const size_t room = std::min(height - kHeads, nodes.size());
  const auto selected = std::find_if(nodes.begin(), nodes.end(),
                                     [&](const Node* node) { return node->id == scene.ui.node; });
  const size_t at = selected == nodes.end() ? 0 : static_cast<size_t>(selected - nodes.begin());
  const size_t first = at < room ? 0 : at + 1 - room;
  std::string more = absl::StrCat("by ", Word(scene.ui.sort));
  if (room < nodes.size()) {
    absl::StrAppend(&more, ", ", first + 1, " to ", first + room, " of ", nodes.size());
  }
  Lines lines = {Heading("NODES", more), TableHead()};
  for (size_t i = first; i < first + room; ++i) lines.push_back(Row(scene, status, *nodes[i]));
  return lines;
}

Lines DetailPanel(const Scene& scene, const Status& status) {
  const Node* node = scene.ui.node.empty() ? nullptr : Find(status, scene.ui.node);
  if (node == nullptr) return {};
  const auto age = [](const std::optional<int64_t>& ms) {
    return ms.has_value() ? absl::StrCat(Span(*ms), " ago") : std::string("none");
  };
  const std::string primary =
      node->primary.has_value() ? absl::StrCat("  of ", NameOf(status, *node->primary)) : "";
  return {
      Heading("NODE", NameOf(*node)),
      Line(absl::StrCat("id ", node->id, primary, "  bus port ", node->bus_port), kText),
      Line(absl::StrCat("shard ", node->shard, "  history ", node->history), kText),
      Line(absl::StrCat("votes ", node->voting, "  may be elected ", YesOrNo(!node->no_failover),
                        "  failure reports ", node->failure_reports, "  unanswered ping ",
                        age(node->ping_ms), "  queued ", Counted(node->queued_bytes, "byte")),
           kText),
      Line(absl::StrCat("slots ", node->slots.empty() ? "none" : Ranges(node->slots)), kText)};
}

Lines DifferencesPanel(const Scene& scene, size_t height) {
  if (scene.views.size() < 2 || height == 0) return {};
  Lines lines;
  for (const View& view : scene.views) {
    if (view.asked && !view.Answers()) {
      lines.emplace_back(absl::StrCat("  ", view.address, " does not answer: ", view.fault), kBad);
    }
  }
  const std::vector<Difference> differences = Compare(scene.views);
  for (const Difference& difference : differences) {
    Line line(absl::StrCat("  ", difference.about, ":"), kWarn);
    for (const auto& [what, views] : difference.said) {
      const std::string who = absl::StrJoin(
          views, ", ", [&](std::string* out, size_t view) { *out += scene.views[view].address; });
      line.Add(absl::StrCat("  ", what)).Add(absl::StrCat(" (", who, ")"), kSoft);
    }
    lines.push_back(line);
  }
  const std::string summary =
      differences.empty() ? "those that answer agree" : Counted(differences.size(), "difference");
  lines.insert(lines.begin(), Heading("VIEWS", summary));
  if (lines.size() > height) {
    const size_t left = lines.size() - height + 1;
    lines.resize(height);
    if (height > 1) lines.back() = Line(absl::StrCat("  and ", left, " more"), kSoft);
  }
  return lines;
}

}  // namespace clusterkit_top
