#ifndef KVSERVER_EVENT_RING_H_
#define KVSERVER_EVENT_RING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/event.h"

namespace kv {

// The latest events of the cluster, for readers in any thread.
class EventRing {
 public:
  static constexpr size_t kCapacity = 2000;

  struct Entry {
    uint64_t number = 0, cause = 0;
    int64_t time_ms = 0;  // Wall clock.
    std::string_view kind;
    std::string text;
    std::vector<clusterkit::NodeId> nodes;  // That it is about, the foremost first.
  };
  // Numbers of the oldest and the newest that are here; zeros: none.
  struct Range {
    uint64_t first = 0, last = 0;
  };

  void Add(const clusterkit::StampedEvent& stamped, int64_t time_ms);
  Range range() const;
  // Those with numbers above, oldest first.
  std::vector<Entry> After(uint64_t number, size_t at_most) const;

 private:
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

}  // namespace kv

#endif  // KVSERVER_EVENT_RING_H_
