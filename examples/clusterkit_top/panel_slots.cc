// The 16384 slots as a map of four rows: what has the most slots of a cell gives it its letter.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clusterkit_top/panels.h"

namespace clusterkit_top {
namespace {

constexpr size_t kRows = 4;
constexpr size_t kLabel = 7;
constexpr size_t kFewestCells = 8;  // In a row.
constexpr size_t kMostCells = 128;
constexpr size_t kMostLegendLines = 3;

using Owners = std::array<const Node*, clusterkit::kSlotCount>;

template <typename Fn>
void ForEachSlot(const std::vector<clusterkit::SlotRange>& ranges, Fn fn) {
  for (const clusterkit::SlotRange& range : ranges) {
    for (size_t slot = range.first.value; slot <= range.last.value; ++slot) fn(slot);
  }
}

const Node* OwnerOfMost(const Owners& owners, size_t first, size_t end) {
  std::map<const Node*, size_t> count;
  const Node* most = owners[first];
  for (size_t slot = first; slot < end; ++slot) {
    if (++count[owners[slot]] > count[most]) most = owners[slot];
  }
  return most;
}

Cell CellOf(const Scene& scene, const Node* owner, char open) {
  if (owner == nullptr) return {'.', kSoft};
  Style style{.solid = true, .shard = scene.shards.IndexOf(owner->shard)};
  if (open != 0) {
    style.bold = true;
    return {open, style};
  }
  switch (owner->health) {
    case Health::kOnline:
      return {scene.shards.LetterOf(owner->shard), style};
    case Health::kPfail:
      return {'?', kWarn};
    case Health::kFail:
      return {'!', kBad};
  }
  return {'.', kSoft};
}

// Of each shard: its letter, and who owns its slots.
Lines Legend(const Scene& scene, const Status& status, size_t width) {
  Lines lines(1);
  for (const Node* node : Sorted(status, Sort::kShard, scene.shards)) {
    if (node->slot_count == 0) continue;
    const Cell cell = CellOf(scene, node, 0);
    Line entry;
    entry.Add(std::string(1, cell.glyph), cell.style)
        .Add(absl::StrCat(" ", NameOf(*node), " ", node->slot_count), kSoft);
    if (lines.back().size() > 0) {
      if (lines.back().size() + 3 + entry.size() <= width) {
        lines.back().Add("   ");
      } else if (lines.size() == kMostLegendLines) {
        break;
      } else {
        lines.emplace_back();
      }
    }
    lines.back().Append(entry);
  }
  return lines;
}

}  // namespace

Lines SlotsPanel(const Scene& scene, const Status& status, size_t width) {
  Owners owners{};
  for (const Node& node : status.nodes) {
    ForEachSlot(node.slots, [&](size_t slot) { owners[slot] = &node; });
  }
  std::array<char, clusterkit::kSlotCount> open{};
  for (const OpenSlots& group : status.open) {
    ForEachSlot(group.slots, [&](size_t slot) { open[slot] = group.exporting ? '>' : '<'; });
  }
  size_t cells = kMostCells;
  while (cells > kFewestCells && kLabel + cells > width) cells /= 2;
  const size_t slots_of_cell = clusterkit::kSlotCount / kRows / cells;

  Lines lines = {Heading("SLOTS", absl::StrCat(slots_of_cell,
                                               " in each cell;  . nobody's"
                                               "  ? pfail  ! fail  > leaving  < arriving"))};
  for (size_t row = 0; row < kRows; ++row) {
    Line line;
    line.AddRight(absl::StrCat(row * cells * slots_of_cell), kLabel - 1, kSoft).Add(" ");
    for (size_t i = 0; i < cells; ++i) {
      const size_t first = (row * cells + i) * slots_of_cell;
      const char* const opened = std::find_if(&open[first], &open[first] + slots_of_cell,
                                              [](char mark) { return mark != 0; });
      const bool any = opened != &open[first] + slots_of_cell;
      const Node* owner = OwnerOfMost(owners, first, first + slots_of_cell);
      const Cell cell = CellOf(scene, owner, any ? *opened : '\0');
      line.Add(std::string(1, cell.glyph), cell.style);
    }
    lines.push_back(line);
  }
  const Lines legend = Legend(scene, status, width);
  lines.insert(lines.end(), legend.begin(), legend.end());
  return lines;
}

}  // namespace clusterkit_top
