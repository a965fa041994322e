// Draws lines by ncurses, and reads keys.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_TERMINAL_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_TERMINAL_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "clusterkit_top/line.h"
#include "clusterkit_top/ui.h"

namespace clusterkit_top {

// There is one at most. The terminal is as it was before when it is destroyed, and after SIGINT and
// SIGTERM.
class Terminal {
 public:
  // FailedPrecondition if input or output is no terminal, or none that is known.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open(bool color);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  size_t width() const;
  size_t height() const;
  void Draw(const Lines& lines);
  // Waits for a while at most. A change of size is kOther; a terminal that is gone, kQuit.
  std::optional<Key> ReadKey();

 private:
  struct Screen;
  explicit Terminal(std::unique_ptr<Screen> screen);

  const std::unique_ptr<Screen> screen_;
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_TERMINAL_H_
