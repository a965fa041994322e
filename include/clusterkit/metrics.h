// Figures of one node, as plain values: counters since its start, gauges, histograms.
//
// Take them with Node::Measure() on the loop thread. A reader in another thread posts there and
// gets a copy; docs/observability.md shows how. Nothing is allocated for what is counted, and its
// size does not depend on the cluster's.

#ifndef CLUSTERKIT_METRICS_H_
#define CLUSTERKIT_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/types.h"

namespace clusterkit {

// How often something took how long.
struct Histogram {
  // Upper bounds of the buckets in nanoseconds, inclusive: 100 us to 1 min, each 2 to 2.5 times
  // the one before.
  static constexpr std::array<uint64_t, 18> kBounds = {
      100'000,       250'000,       500'000,       1'000'000,      2'500'000,      5'000'000,
      10'000'000,    25'000'000,    50'000'000,    100'000'000,    250'000'000,    500'000'000,
      1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000, 30'000'000'000, 60'000'000'000,
  };
  // One for each bound, and the last for what is above them all. Not cumulated.
  std::array<uint64_t, kBounds.size() + 1> counts{};
  uint64_t count = 0;  // Of all of them.
  uint64_t sum = 0;    // Nanoseconds. Stays at its maximum.

  void Add(uint64_t nanoseconds);
  friend bool operator==(const Histogram&, const Histogram&) = default;
};

// A count for each value of an enum.
template <typename Enum, size_t kSize>
class CountBy {
 public:
  uint64_t& operator[](Enum value) { return counts_[static_cast<size_t>(value)]; }
  uint64_t operator[](Enum value) const { return counts_[static_cast<size_t>(value)]; }
  static constexpr size_t size() { return kSize; }
  uint64_t Total() const {
    uint64_t total = 0;
    for (const uint64_t count : counts_) total += count;
    return total;
  }
  friend bool operator==(const CountBy&, const CountBy&) = default;

 private:
  std::array<uint64_t, kSize> counts_{};
};

// Kinds of frames: those of messages, in their order, and the first and last frame of a link.
enum class FrameKind : uint8_t { kHello = kMessageKinds, kGoodbye };
inline constexpr size_t kFrameKinds = kMessageKinds + 2;
FrameKind KindOf(const Frame& frame);
std::string_view FrameKindName(FrameKind kind);

// Why a frame that arrived was not listened to.
enum class FrameRefusal : uint8_t {
  kFraming,           // The bytes are no frame: empty or over-long.
  kMalformed,         // The codec cannot read it,
  kUnknownKind,       // does not know such frames,
  kOverLimit,         // or finds too much in it.
  kUnknownLink,       // The link was closed meanwhile.
  kNoHello,           // It was to be the first on its link.
  kWrongSender,       // Not who said hello, or one that contradicts itself.
  kImplausibleEpoch,  // So far above ours that it is damage or malice.
  kStranger,          // We do not know the sender, or have forgotten it.
  kTooManyNodes,      // Options::max_nodes.
  kInjected,          // By Node::InjectFaults.
};
inline constexpr size_t kFrameRefusals = 11;

// Why a frame that was to be sent was not.
enum class FrameDrop : uint8_t {
  kNoLink,    // There is none to the node, or it is not greeted yet.
  kOutdated,  // It waited for the disk for so long that newer ones took its place.
  kHalted,    // Saving failed while it waited.
};
inline constexpr size_t kFrameDrops = 3;

struct Metrics {
  struct Traffic {
    uint64_t frames = 0, bytes = 0;  // Bytes as encoded, without the transport's framing.
    friend bool operator==(const Traffic&, const Traffic&) = default;
  };

  // --- Traffic: by Node; NodeCore leaves these at zero, for it sees no bytes -----------------
  std::array<Traffic, kFrameKinds> sent{}, received{};  // By FrameKind.
  uint64_t bytes_unreadable = 0;                        // Of frames that the codec refused.

  // --- What was not listened to, or not sent -------------------------------------------------
  CountBy<FrameRefusal, kFrameRefusals> frames_refused;
  CountBy<FrameDrop, kFrameDrops> frames_dropped;

  // --- Links ---------------------------------------------------------------------------------
  uint64_t links_dialled = 0, links_accepted = 0;
  uint64_t links_closed = 0;                  // By us.
  CountBy<LinkDownCause, 5> links_ended;      // By others; failed dials included.
  CountBy<Goodbye::Reason, 5> links_refused;  // With a reason, by either side.

  // --- Failure detection ---------------------------------------------------------------------
  Histogram ping_round_trip;  // Of answered pings.
  CountBy<HealthChanged::Cause, 5> health_changes;
  uint64_t suspicions_heard = 0, suspicions_retracted = 0;  // Of voters, told to us directly.
  Histogram pfail_to_fail;  // From our own suspicion to the agreement.

  // --- Elections, as candidate ---------------------------------------------------------------
  CountBy<ElectionStarted::Cause, 3> elections_started, elections_won;
  CountBy<ElectionEnded::How, 5> elections_ended;  // kWon: of all causes.
  CountBy<VoteRefusal, 13> votes_denied;           // By voters, in answer to us.
  Histogram fail_to_election;  // From FAIL of the primary to the first request for votes.
  Histogram election;          // From a request to the majority of votes for it.
  // From the beginning to when this node had won: the beginning is FAIL of the primary, as it came
  // to be known here, or for changes by command the command.
  Histogram failover;
  // From the same beginning to when a majority of voters, or all nodes that have not failed, had
  // said that they hold the slots to be ours. They say so when they next speak, so this is an upper
  // bound; it counts only if nothing replaced this node meanwhile.
  Histogram convergence_majority, convergence_all;

  // --- Elections, as voter; requests to ourselves included -----------------------------------
  uint64_t votes_granted = 0;
  CountBy<VoteRefusal, 13> votes_refused;

  // --- Configuration -------------------------------------------------------------------------
  CountBy<ConfigEpochChanged::Cause, 4> epoch_bumps;  // Of our config epoch.
  uint64_t slots_gained = 0, slots_lost = 0;          // By this node, in whatever way.
  uint64_t slots_moved_away = 0;                      // By MoveSlots.
  uint64_t role_changes = 0;                          // Of this node.
  uint64_t state_failures = 0;                        // The cluster went to state fail.
  uint64_t events = 0;

  // --- Saving: by Node -----------------------------------------------------------------------
  uint64_t saves = 0, saves_synced = 0;  // Completed.
  Histogram save;

  // --- As it is now --------------------------------------------------------------------------
  struct Gauges {
    uint64_t nodes_known = 0, nodes_pfail = 0, nodes_fail = 0;
    uint64_t nodes_linked = 0;  // To which our link is up.
    uint64_t links_up = 0;      // Greeted, in either direction.
    uint64_t voters = 0, quorum = 0;
    uint64_t slots_owned = 0, slots_covered = 0;  // By this node; by any that has not failed.
    uint64_t slots_open = 0;                      // On their way, to or from here.
    uint64_t current_epoch = 0, config_epoch = 0, last_vote_epoch = 0;
    uint64_t view_version = 0;
    int64_t lease_left = 0;  // Nanoseconds; negative: lapsed for so long.
    bool has_lease = false;  // False: there has been none in this term; left is 0.
    bool primary = false, voter = false, abstaining = false, state_ok = false;
    bool campaigning = false;  // Votes are being asked for.
    bool host_stalled = false, data_missing = false;
    // By Node.
    uint64_t queued_bytes = 0;                  // On all links, as far as the transport knows.
    uint64_t held_frames = 0, held_events = 0;  // They wait for the disk.
    friend bool operator==(const Gauges&, const Gauges&) = default;
  };
  Gauges now;

  friend bool operator==(const Metrics&, const Metrics&) = default;
};

// One figure with its name, for exporters: whoever goes through the list needs no change when there
// is another. Times are in seconds.
struct NamedMetric {
  enum class Type : uint8_t { kCounter, kGauge, kHistogram } type = Type::kCounter;
  std::string_view name;  // Lower case and underscores. Those of one name follow each other.
  std::string_view help;  // One line.
  std::string_view label, label_value;   // Empty: none.
  double value = 0;                      // Of a counter or a gauge.
  const Histogram* histogram = nullptr;  // Of the Metrics that the list was made from.
};
// In a fixed order, all of them, whether zero or not.
std::vector<NamedMetric> ListMetrics(const Metrics& metrics);

}  // namespace clusterkit

#endif  // CLUSTERKIT_METRICS_H_
