#include "clusterkit_top/layout.h"

#include <algorithm>

#include "clusterkit_top/panels.h"

namespace clusterkit_top {
namespace {

constexpr size_t kEventsOfAWhole = 20;
constexpr size_t kDifferencesOfAWhole = 40;
constexpr size_t kEndless = 100'000;
// Lines that events have before there are messages, too.
constexpr size_t kFewestEvents = 8;
// From so many lines on there is room for large letters.
constexpr size_t kHighEnoughForLetters = 18;

class Picture {
 public:
  Picture(size_t width, size_t height) : width_(width), height_(height) {}

  size_t left() const { return height_ - lines_.size(); }
  void Add(const Line& line) {
    if (left() > 0) lines_.push_back(line);
    if (!lines_.empty() && lines_.back().size() > width_) lines_.back().Fit(width_);
  }
  // With an empty line before, if there is room for it.
  void Add(const Lines& lines, bool apart = true) {
    if (lines.empty()) return;
    if (apart && left() > lines.size()) Add(Line());
    for (const Line& line : lines) Add(line);
  }
  Lines Take() { return std::move(lines_); }

 private:
  const size_t width_, height_;
  Lines lines_;
};

Line Footer() {
  return Line("q quit  tab view  arrows node  s sort  e events  b bus  p pause  ? help", kSoft);
}

Lines LayoutHelp(size_t width, size_t height) {
  Picture picture(width, height);
  picture.Add(HelpPanel(), /*apart=*/false);
  return picture.Take();
}

// How high the parts that can be of any height may be.
struct Heights {
  size_t differences, nodes, traffic, events;
};

void AddPanels(const Scene& scene, size_t width, bool large, bool detail, const Heights& heights,
               Picture& picture) {
  const View& view = scene.views[ShownView(scene.views, scene.ui)];
  picture.Add(TitleLine(scene, width));
  if (view.status.has_value()) {
    picture.Add(StatePanel(scene, *view.status, large), large);
    picture.Add(NowPanel(scene, *view.status), large);
  }
  picture.Add(DifferencesPanel(scene, heights.differences));
  if (!view.status.has_value() || !view.status->cluster.has_value()) return;
  picture.Add(SlotsPanel(scene, *view.status, width));
  picture.Add(NodesPanel(scene, *view.status, std::min(heights.nodes, picture.left())));
  if (detail) picture.Add(DetailPanel(scene, *view.status));
  if (scene.ui.bus) return picture.Add(TrafficPanel(view, picture.left()));
  // Messages below the events if there is room for both.
  const Lines traffic = TrafficPanel(view, heights.traffic);
  const size_t apart = traffic.size() + 1;
  const bool both = picture.left() >= apart + kFewestEvents;
  const size_t room = both ? picture.left() - apart : picture.left();
  picture.Add(EventsPanel(scene, view, std::min(heights.events, room)));
  if (both) picture.Add(traffic);
}

}  // namespace

Lines HelpPanel() {
  return {Line("clusterkit-top: a cluster of kvserver, as one of its nodes sees it", kBold),
          Line(),
          Line("q           quit", kText),
          Line("tab         the view of the next node that was named", kText),
          Line("up, down    select a node; what events say of it is bold", kText),
          Line("escape      select none", kText),
          Line("s           sort nodes by shard, address, health, lag", kText),
          Line("e           show all events, or those that matter", kText),
          Line("b           show messages in place of events", kText),
          Line("p           pause, and go on", kText),
          Line("?           this, and back", kText),
          Line(),
          Line("epoch    version of a shard's claim to its slots; the greater one wins", kText),
          Line("pfail    this node's suspicion;  FAIL: a majority of voters agrees", kText),
          Line("lag      bytes that a replica has yet to get, as last heard", kText),
          Line("links    -> ours to the node is up, <- its link to us is up", kText),
          Line("#9 <- #8 event 9 follows from event 8", kText)};
}

Lines Layout(const Scene& scene, size_t width, size_t height) {
  if (scene.ui.help) return LayoutHelp(width, height);
  if (height == 0) return {};
  Picture picture(width, height - 1);
  // Half of what is below the slots is for nodes, so that events are seen, too.
  const size_t some = std::max<size_t>(height / 4, 3);
  const Heights heights{some, std::max<size_t>(height / 3, 5), std::max<size_t>(height / 5, 4),
                        kEndless};
  AddPanels(scene, width, height >= kHighEnoughForLetters, true, heights, picture);
  while (picture.left() > 0) picture.Add(Line());
  Lines lines = picture.Take();
  lines.push_back(Footer());
  if (lines.back().size() > width) lines.back().Fit(width);
  return lines;
}

Lines LayoutWhole(const Scene& scene, size_t width) {
  Picture picture(width, kEndless);
  AddPanels(scene, width, /*large=*/true, /*detail=*/false,
            {kDifferencesOfAWhole, kEndless, kEndless, kEventsOfAWhole + 1}, picture);
  return picture.Take();
}

}  // namespace clusterkit_top
