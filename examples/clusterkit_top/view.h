// What one address has told so far: the last status, recent events, samples to take rates from. A
// value without I/O or clock.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_VIEW_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "clusterkit_top/status.h"

namespace clusterkit_top {

struct View {
  static constexpr size_t kMostEvents = 1000;
  // Rates are means of so long.
  static constexpr int64_t kWindowMs = 10'000;
  static constexpr size_t kMostSamples = 100;

  struct Sample {
    int64_t time_ms = 0;
    std::map<std::string, Traffic> traffic;
  };

  std::string address;           // As it was given.
  std::optional<Status> status;  // The last one, if it ever answered.
  bool asked = false;
  std::string fault;           // Why there was no answer to the last question; empty: there was.
  int64_t answered_at_ms = 0;  // By the asker's clock.
  std::deque<Event> events;    // Ascending by number, of one run of the process.
  std::deque<Sample> samples;  // Ascending by time, of that run.

  bool Answers() const { return asked && fault.empty(); }
  // After which number events are wanted.
  uint64_t Since() const { return events.empty() ? 0 : events.back().number; }
  bool WantsEvents() const { return status.has_value() && status->last_event > Since(); }

  // A new run of the process begins anew.
  void Take(Status answer, int64_t now_ms);
  // Nothing if the process was restarted between the answers.
  void Take(const EventPage& page);
  void Take(const absl::Status& failed);

  // By kind of message, each second; empty until there are two samples.
  std::map<std::string, Traffic> Rates() const;
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_VIEW_H_
