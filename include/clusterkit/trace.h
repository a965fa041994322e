// Why a node did what it did: each decision with what it rested on, also those that change nothing.
//
// Events tell what happened; a trace tells what was considered, and costs accordingly. Give
// Node::Deps a TraceSink to get it. docs/observability.md shows a use.

#ifndef CLUSTERKIT_TRACE_H_
#define CLUSTERKIT_TRACE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/metrics.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// A frame came, before anything follows from it; or was not listened to, and why.
struct FrameHeard {
  LinkId link{};
  std::optional<NodeId> from;  // As far as the link is greeted.
  std::shared_ptr<const Frame> frame;
};
struct FrameRefused {
  LinkId link{};
  std::optional<NodeId> from;
  FrameRefusal reason = FrameRefusal::kMalformed;
};
// A message is on its way; `after_save`: once what it rests on is durable.
struct FrameSaid {
  LinkId link{};
  std::optional<NodeId> to;
  MessageKind kind = MessageKind::kPing;
  bool after_save = false;
};

// Is a node alive?
struct HealthJudged {
  NodeId subject;
  Health from = Health::kOnline, to = Health::kOnline;
  absl::Duration silence;                  // Since it was heard.
  std::optional<absl::Duration> ping_age;  // Of a ping it has not answered.
  bool process_gone = false;               // The crash evidence is complete.
  std::vector<NodeId> reporters;           // Others whose unexpired reports count.
  int needed = 0;                          // Majority of the voters.
  bool vote_open = false;                  // Our vote in its shard may count: FAIL stays.
};

// Does a candidate get our vote? Our own request is asked alike.
struct VoteJudged {
  NodeId candidate;
  ShardId shard;
  FailoverAuthRequest request;
  Progress progress;              // The candidate's.
  std::optional<Health> primary;  // Of whom it would replace, as far as known.
  bool primary_answers = false;   // It does, to us.
  bool confirmed = false;         // A majority sees us as a voter.
  Epoch last_voted;               // In this shard.
  VoteRefusal result = VoteRefusal::kNone;
  absl::Duration retry_after;
};

// Is it time to stand, and have we won? Asked while the primary of a replica is not well.
struct ElectionJudged {
  NodeId primary;
  Health health = Health::kOnline;
  Progress progress;  // Ours.
  bool link_up = false;
  Epoch current_epoch;
  std::vector<const char*> steps;  // What follows, by name; mostly nothing.
};

// A node says that it owns slots. Claims that are known to have no effect are not judged again.
struct ClaimJudged {
  NodeId owner;
  Epoch epoch;
  int claimed = 0, held = 0;        // Slots; held before.
  std::vector<SlotRebind> changes;  // What follows.
};

// Two primaries of one config epoch.
struct CollisionJudged {
  NodeId other;
  Epoch epoch;
  bool same_shard = false;
  bool we_move_on = false;
};

// May this node serve? Told when the answer is another one, and when the lease is renewed.
struct ServingJudged {
  ClusterState state = ClusterState::kFail;
  DownReason reason = DownReason::kNone;
  bool confirmed = false;                    // By a majority of voters, recently.
  std::optional<absl::Duration> lease_left;  // Empty: none in this term.
};

using TraceDetail = std::variant<FrameHeard, FrameRefused, FrameSaid, HealthJudged, VoteJudged,
                                 ElectionJudged, ClaimJudged, CollisionJudged, ServingJudged>;

struct TraceRecord {
  Instant at;
  // The number of the last event before this; what this decision leads to comes next.
  uint64_t after_event = 0;
  TraceDetail detail;
};

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  // Loop thread, before anything that was decided is carried out. Must not block, nor call the
  // node.
  virtual void OnTrace(const TraceRecord& record) = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TRACE_H_
