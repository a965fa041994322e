// Time as the library knows it: a monotonic offset that the host supplies.

#ifndef CLUSTERKIT_TIME_H_
#define CLUSTERKIT_TIME_H_

#include <compare>

#include "absl/time/time.h"

namespace clusterkit {

// A point on the event loop's clock: an offset from an origin the loop chooses. It is not a wall
// clock and means nothing to another process. It must not run backwards and should include time
// spent suspended (CLOCK_BOOTTIME), so that a node that slept knows that it slept.
struct Instant {
  absl::Duration since_origin;

  static Instant InfiniteFuture() { return {absl::InfiniteDuration()}; }
  static Instant InfinitePast() { return {-absl::InfiniteDuration()}; }

  friend Instant operator+(Instant t, absl::Duration d) { return {t.since_origin + d}; }
  friend Instant operator-(Instant t, absl::Duration d) { return {t.since_origin - d}; }
  friend absl::Duration operator-(Instant a, Instant b) { return a.since_origin - b.since_origin; }
  friend bool operator==(Instant a, Instant b) { return a.since_origin == b.since_origin; }
  friend std::strong_ordering operator<=>(Instant a, Instant b) {
    if (a.since_origin < b.since_origin) return std::strong_ordering::less;
    if (a.since_origin > b.since_origin) return std::strong_ordering::greater;
    return std::strong_ordering::equal;
  }
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TIME_H_
