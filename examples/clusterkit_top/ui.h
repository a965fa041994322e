// What the user has chosen, and what keys change of it. Without a terminal.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_UI_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_UI_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit_top/view.h"
#include "clusterkit_top/words.h"

namespace clusterkit_top {

enum class Sort { kShard, kAddress, kHealth, kLag };
std::string Word(Sort sort);

struct Ui {
  std::optional<size_t> view;  // Whose view is shown; none: the first that answers.
  std::string node;            // The selected one's id; empty: none.
  Sort sort = Sort::kShard;
  bool paused = false, help = false, all_events = false, bus = false, quit = false;
};

enum class Key {
  kOther,
  kQuit,
  kUp,
  kDown,
  kNext,
  kPrevious,
  kSort,
  kPause,
  kHelp,
  kEvents,
  kBus,
  kBack
};
Key KeyOf(char typed);

// Which one is shown. REQUIRES: there is one.
size_t ShownView(const std::vector<View>& views, const Ui& ui);
// In the order in which they are shown.
std::vector<const Node*> Sorted(const Status& status, Sort sort, const ShardNames& shards);
// How much of its primary's data a replica lacks, as far as this node has heard.
std::optional<uint64_t> Lag(const Status& status, const Node& node);

void Press(Key key, const std::vector<View>& views, const ShardNames& shards, Ui& ui);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_UI_H_
