// The parts of a picture. Each takes as many lines as it is allowed, or fewer.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PANELS_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PANELS_H_

#include <cstddef>
#include <string_view>

#include "clusterkit_top/layout.h"

namespace clusterkit_top {

// Whose view it is, and how many answer.
Line TitleLine(const Scene& scene, size_t width);
// The state, in large letters and in words.
Lines StatePanel(const Scene& scene, const Status& status, bool large);
// What is under way or wrong; nothing if nothing is.
Lines NowPanel(const Scene& scene, const Status& status);
// What the views say differently; nothing if there is one view only.
Lines DifferencesPanel(const Scene& scene, size_t height);
Lines SlotsPanel(const Scene& scene, const Status& status, size_t width);
// The selected node is among the lines, whatever their number.
Lines NodesPanel(const Scene& scene, const Status& status, size_t height);
// All about the selected node; nothing if none is.
Lines DetailPanel(const Scene& scene, const Status& status);
Lines TrafficPanel(const View& view, size_t height);
// The newest events, oldest of them first.
Lines EventsPanel(const Scene& scene, const View& view, size_t height);
Lines HelpPanel();

Line Heading(std::string_view text, std::string_view more = "");

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_PANELS_H_
