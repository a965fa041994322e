// clusterkit-top: a cluster of kvserver in a terminal, as one or more of its nodes see it over
// HTTP.
//   clusterkit-top 127.0.0.1:9121                     the view of this node
//   clusterkit-top 127.0.0.1:9121 127.0.0.1:9122      and where another's differs
//   clusterkit-top --once 9121                        one frame as plain text

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "clusterkit_top/arguments.h"
#include "clusterkit_top/layout.h"
#include "clusterkit_top/poller.h"
#include "clusterkit_top/terminal.h"

namespace clusterkit_top {
namespace {

constexpr size_t kWidthUnlessSet = 120, kNarrowest = 20, kWidest = 1000;
// So that ages grow while nothing comes in.
constexpr int64_t kRedrawMs = 1000;

size_t WidthOfText() {
  const char* const columns = std::getenv("COLUMNS");
  size_t width = 0;
  const bool set = columns != nullptr && absl::SimpleAtoi(columns, &width);
  return set && width >= kNarrowest && width <= kWidest ? width : kWidthUnlessSet;
}

void Learn(const std::vector<View>& views, ShardNames& shards) {
  for (const View& view : views) {
    if (view.status.has_value()) shards.Learn(*view.status);
  }
}

int PrintOnce(const Poller& poller) {
  poller.WaitForAll();
  const std::vector<View> views = poller.Views();
  ShardNames shards;
  Learn(views, shards);
  const Ui ui;
  const Scene scene{views, shards, ui, Poller::NowMs(), absl::LocalTimeZone()};
  for (const Line& line : LayoutWhole(scene, WidthOfText())) std::cout << line.Text() << "\n";
  std::cout.flush();
  return views[ShownView(views, ui)].Answers() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int Show(const Poller& poller, bool color) {
  const absl::StatusOr<std::unique_ptr<Terminal>> terminal = Terminal::Open(color);
  if (!terminal.ok()) {
    std::cerr << "clusterkit-top: " << terminal.status().message() << "\n";
    return EXIT_FAILURE;
  }
  ShardNames shards;
  Ui ui;
  std::vector<View> views = poller.Views();
  uint64_t drawn_version = 0;
  int64_t drawn_ms = 0;
  bool changed = true;
  while (!ui.quit) {
    const uint64_t version = poller.version();
    const int64_t now_ms = Poller::NowMs();
    if (version != drawn_version && !ui.paused) {
      views = poller.Views();
      Learn(views, shards);
      drawn_version = version;
      changed = true;
    }
    if (changed || now_ms - drawn_ms >= kRedrawMs) {
      const Scene scene{views, shards, ui, now_ms, absl::LocalTimeZone()};
      (*terminal)->Draw(Layout(scene, (*terminal)->width(), (*terminal)->height()));
      drawn_ms = now_ms;
    }
    const std::optional<Key> key = (*terminal)->ReadKey();
    if (key.has_value()) Press(*key, views, shards, ui);
    changed = key.has_value();
  }
  return EXIT_SUCCESS;
}

int Main(const std::vector<std::string>& words) {
  const absl::StatusOr<Arguments> arguments = ParseArguments(words);
  if (!arguments.ok()) {
    std::cerr << "clusterkit-top: " << arguments.status().message() << "\n" << kUsage;
    return 2;
  }
  if (arguments->help) {
    std::cout << kUsage;
    return EXIT_SUCCESS;
  }
  const Poller poller(arguments->addresses, arguments->interval);
  if (arguments->once) return PrintOnce(poller);
  const char* const no_color = std::getenv("NO_COLOR");
  return Show(poller, arguments->color && (no_color == nullptr || *no_color == '\0'));
}

}  // namespace
}  // namespace clusterkit_top

int main(int argc, char** argv) {
  return clusterkit_top::Main(std::vector<std::string>(argv + 1, argv + argc));
}
