// What is known -> the lines of a picture. A pure function.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LAYOUT_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit_top/line.h"
#include "clusterkit_top/ui.h"
#include "clusterkit_top/view.h"
#include "clusterkit_top/words.h"

namespace clusterkit_top {

struct Scene {
  const std::vector<View>& views;  // One or more.
  const ShardNames& shards;
  const Ui& ui;
  int64_t now_ms = 0;   // By the clock of View::answered_at_ms.
  absl::TimeZone zone;  // For the times of events.
};

// No line is wider than `width`, and there are no more than `height`; what does not fit is left
// out, the least important first.
Lines Layout(const Scene& scene, size_t width, size_t height);
// All there is, but for older events: as many lines as it takes.
Lines LayoutWhole(const Scene& scene, size_t width);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LAYOUT_H_
