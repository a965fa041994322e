#include "clusterkit_top/ui.h"

#include <algorithm>
#include <tuple>

namespace clusterkit_top {
namespace {

std::optional<size_t> FirstThat(const std::vector<View>& views, bool (*is)(const View&)) {
  const auto found = std::find_if(views.begin(), views.end(), is);
  if (found == views.end()) return std::nullopt;
  return static_cast<size_t>(found - views.begin());
}

void Select(int step, const std::vector<View>& views, const ShardNames& shards, Ui& ui) {
  const std::optional<Status>& status = views[ShownView(views, ui)].status;
  if (!status.has_value() || status->nodes.empty()) return;
  const std::vector<const Node*> nodes = Sorted(*status, ui.sort, shards);
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&ui](const Node* node) { return node->id == ui.node; });
  const auto last = static_cast<int>(nodes.size()) - 1;
  const int at =
      found == nodes.end() ? (step > 0 ? -1 : last + 1) : static_cast<int>(found - nodes.begin());
  ui.node = nodes[static_cast<size_t>(std::clamp(at + step, 0, last))]->id;
}

}  // namespace

std::string Word(Sort sort) {
  switch (sort) {
    case Sort::kShard:
      return "shard";
    case Sort::kAddress:
      return "address";
    case Sort::kHealth:
      return "health";
    case Sort::kLag:
      return "lag";
  }
  return "shard";
}

Key KeyOf(char typed) {
  switch (typed) {
    case 'q':
    case 'Q':
      return Key::kQuit;
    case 'k':
      return Key::kUp;
    case 'j':
      return Key::kDown;
    case '\t':
      return Key::kNext;
    case 's':
      return Key::kSort;
    case 'p':
    case ' ':
      return Key::kPause;
    case '?':
    case 'h':
      return Key::kHelp;
    case 'e':
      return Key::kEvents;
    case 'b':
      return Key::kBus;
    case '\x1b':
      return Key::kBack;
    default:
      return Key::kOther;
  }
}

size_t ShownView(const std::vector<View>& views, const Ui& ui) {
  if (ui.view.has_value()) return std::min(*ui.view, views.size() - 1);
  return FirstThat(views, [](const View& view) { return view.Answers(); })
      .value_or(
          FirstThat(views, [](const View& view) { return view.status.has_value(); }).value_or(0));
}

std::optional<uint64_t> Lag(const Status& status, const Node& node) {
  if (!node.replica || !node.primary.has_value() || !node.synced) return std::nullopt;
  const Node* primary = Find(status, *node.primary);
  if (primary == nullptr || primary->history != node.history) return std::nullopt;
  return primary->offset - std::min(node.offset, primary->offset);
}

std::vector<const Node*> Sorted(const Status& status, Sort sort, const ShardNames& shards) {
  // Less comes first.
  const auto rank = [&](const Node& node) -> int64_t {
    if (sort == Sort::kHealth) return -static_cast<int64_t>(node.health);
    if (sort != Sort::kLag) return 0;
    const std::optional<uint64_t> lag = Lag(status, node);
    return lag.has_value() ? -static_cast<int64_t>(std::min<uint64_t>(*lag, INT64_MAX)) : 1;
  };
  const auto key_of = [&](const Node& node) {
    const bool by_shard = sort != Sort::kAddress;
    // Nodes that are not members yet come last.
    return std::tuple(node.handshake, rank(node), by_shard ? shards.IndexOf(node.shard) : 0,
                      by_shard && node.replica, by_shard && node.health == Health::kFail, node.host,
                      node.port, node.id, &node);
  };
  std::vector<decltype(key_of(status.nodes.front()))> keys;
  for (const Node& node : status.nodes) keys.push_back(key_of(node));
  std::sort(keys.begin(), keys.end());
  std::vector<const Node*> nodes;
  nodes.reserve(keys.size());
  for (const auto& key : keys) nodes.push_back(std::get<const Node*>(key));
  return nodes;
}

void Press(Key key, const std::vector<View>& views, const ShardNames& shards, Ui& ui) {
  const size_t shown = ShownView(views, ui);
  switch (key) {
    case Key::kOther:
      return;
    case Key::kQuit:
      ui.quit = true;
      return;
    case Key::kUp:
      return Select(-1, views, shards, ui);
    case Key::kDown:
      return Select(1, views, shards, ui);
    case Key::kNext:
      ui.view = (shown + 1) % views.size();
      return;
    case Key::kPrevious:
      ui.view = (shown + views.size() - 1) % views.size();
      return;
    case Key::kSort:
      ui.sort = static_cast<Sort>((static_cast<int>(ui.sort) + 1) % 4);
      return;
    case Key::kPause:
      ui.paused = !ui.paused;
      return;
    case Key::kHelp:
      ui.help = !ui.help;
      return;
    case Key::kEvents:
      ui.all_events = !ui.all_events;
      return;
    case Key::kBus:
      ui.bus = !ui.bus;
      return;
    case Key::kBack:
      if (!ui.help) ui.node.clear();
      ui.help = false;
      return;
  }
}

}  // namespace clusterkit_top
