// Facts for the host, each with its cause, in the order in which they happened.

#ifndef CLUSTERKIT_EVENT_H_
#define CLUSTERKIT_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/message.h"
#include "clusterkit/open_slots.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// How a node goes.
enum class Departure : uint8_t {
  kHandOver,  // It stays, as a replica.
  kStop,      // Its process ends; it remains a member.
  kLeave,     // For good: the others forget it.
};

// A node is known from now on.
struct NodeAdded {
  enum class By : uint8_t { kMeet, kGossip } by = By::kMeet;
  NodeId id;
  Endpoint bus;
  friend bool operator==(const NodeAdded&, const NodeAdded&) = default;
};
struct NodeRemoved {
  NodeId id;
  std::optional<NodeId> told_by;  // The peer whose word it was; empty: Forget or Reset, here.
  friend bool operator==(const NodeRemoved&, const NodeRemoved&) = default;
};

// A peer says that it was told to forget this node, and refuses to know it for so long. Others
// follow it. What this node serves it serves only until its lease ends.
struct ForgottenByPeer {
  NodeId by;
  absl::Duration remaining;
  friend bool operator==(const ForgottenByPeer&, const ForgottenByPeer&) = default;
};

// A node has other names or tags.
struct NodeDetailsChanged {
  enum class Cause : uint8_t {
    kSaidSo,   // The node's own word.
    kCommand,  // Ours, by Reconfigure.
  } cause = Cause::kSaidSo;
  NodeId id;
  NodeDetails details;
  friend bool operator==(const NodeDetailsChanged&, const NodeDetailsChanged&) = default;
};

// A node is reached elsewhere from now on: who replicates from it or redirects to it looks again.
struct AddressChanged {
  enum class Cause : uint8_t {
    kSaidSo,   // The node's own word.
    kGossip,   // A third node's, while it failed here.
    kLearned,  // Ours, as a peer sees us.
    kCommand,  // Ours, by Reconfigure.
    kFound,    // It answered there, when we looked for another node.
  } cause = Cause::kSaidSo;
  NodeId id;
  Endpoint bus, client;
  friend bool operator==(const AddressChanged&, const AddressChanged&) = default;
};

struct HealthChanged {
  enum class Cause : uint8_t {
    kSilence,        // PFAIL: nothing heard for node_timeout.
    kCrashEvidence,  // PFAIL: link broken, reconnects refused.
    kReports,        // FAIL: a majority of voters suspects it; `reporters` names them.
    kNotice,         // FAIL: a peer's notice with the same proof.
    kAnswered,       // Online: it answers.
  } cause = Cause::kSilence;
  NodeId id;
  Health from = Health::kOnline, to = Health::kOnline;
  std::vector<NodeId> reporters;
  int needed = 0;  // Size of a majority when FAIL was concluded.
  friend bool operator==(const HealthChanged&, const HealthChanged&) = default;
};

// A voter told us that it suspects a node, or that it no longer does.
struct SuspicionHeard {
  NodeId reporter, subject;
  bool suspected = true;
  friend bool operator==(const SuspicionHeard&, const SuspicionHeard&) = default;
};

struct RoleChanged {
  enum class Cause : uint8_t {
    kElected,          // Won an election: serve. config_epoch begins a new history.
    kReplaced,         // Another node took all slots: follow it.
    kPrimaryReplaced,  // Our primary was replaced: follow its successor.
    kOrphan,           // A primary without any replica needs this one more than ours does.
    kCommand,          // Replicate, Reset or Failover with kTakeover was called.
  } cause = Cause::kCommand;
  NodeId id;  // This node, or another one.
  Role to = Role::kPrimary;
  std::optional<NodeId> primary;  // Of a replica. The host replicates from its client endpoint.
  // The data held so far belongs to another shard: it is worthless, and progress starts anew.
  bool shard_changed = false;
  Epoch config_epoch;
  friend bool operator==(const RoleChanged&, const RoleChanged&) = default;
};

// Slots changed hands. The host drops the keys of slots that this node lost, but for slots that are
// open in the view: one that was just received may go back for a moment, and returns.
struct SlotsRebound {
  std::vector<SlotRebind> changes;  // Ascending by slot.
  friend bool operator==(const SlotsRebound&, const SlotsRebound&) = default;
};

// Slots of this node began or ceased to travel. The host needs to do nothing: Route() follows.
struct SlotMigrationChanged {
  enum class Cause : uint8_t {
    kCommand,     // BeginExport, BeginImport, EndMigration, BindSlots, Reset.
    kMove,        // MoveSlots, at either end.
    kPromoted,    // We were elected and go on where our primary was.
    kReplaced,    // The node at the other end was replaced by one of its shard.
    kOwnerMoved,  // The slots have another owner now.
    kPeerGone,    // The node at the other end was forgotten.
    kDemoted,     // We are a replica now.
  } cause = Cause::kCommand;
  SlotSet slots;
  std::optional<OpenSlots::Mark> mark;  // Empty: they are stable again.
  friend bool operator==(const SlotMigrationChanged&, const SlotMigrationChanged&) = default;
};

// A move needs the host: send every key of these slots to the target, with its value, and delete
// it here once the target has it; then call Node::ReportSlotsTransferred with this number. Told
// again, under another number, for what is left after a restart and after a change of either end;
// what was sent may be sent again. The transfer of a slot ends early, and nothing more is to be
// sent or deleted for it, when SlotMigrationChanged gives the slot another mark or none, and with
// SlotMoveEnded.
struct SlotTransferDue {
  uint64_t number = 0;
  SlotSet slots;
  NodeId target;
  friend bool operator==(const SlotTransferDue&, const SlotTransferDue&) = default;
};
struct SlotMoveProgress {
  NodeId target;
  int moved = 0;  // Slots, since the last such event.
  int left = 0;
  friend bool operator==(const SlotMoveProgress&, const SlotMoveProgress&) = default;
};
struct SlotMoveEnded {
  enum class How : uint8_t {
    kDone,       // The target owns them all.
    kCancelled,  // By CancelMove; what was under way is the target's, the rest is ours.
    // Otherwise: what was open stays open, with keys perhaps on both sides, until somebody ends the
    // migration or moves the slots.
    kTargetGone,  // It was forgotten; the slots are stable again.
    kLost,        // Somebody else owns slots of the plan now, or we are a replica.
    kRefused,     // The target cannot take them: see `text`.
  } how = How::kDone;
  NodeId target;
  std::string text;
  friend bool operator==(const SlotMoveEnded&, const SlotMoveEnded&) = default;
};

struct ClusterStateChanged {
  ClusterState to = ClusterState::kFail;
  DownReason reason = DownReason::kNone;
  friend bool operator==(const ClusterStateChanged&, const ClusterStateChanged&) = default;
};

// This node's config epoch grew.
struct ConfigEpochChanged {
  enum class Cause : uint8_t { kElection, kCollision, kImport, kCommand } cause = Cause::kCommand;
  Epoch from, to;
  std::optional<NodeId> other;  // The node collided with.
  friend bool operator==(const ConfigEpochChanged&, const ConfigEpochChanged&) = default;
};

// A node has come to vote without slots, or ceased to. First seen so, or by its own word.
struct VotingChanged {
  NodeId id;
  Voting from = Voting::kWithSlots, to = Voting::kWithSlots;
  friend bool operator==(const VotingChanged&, const VotingChanged&) = default;
};

// Why a replica does not stand although its primary failed.
enum class Ineligible : uint8_t {
  kNone,
  kNoFailover,
  kNeverSynced,
  kDataTooOld,
  kPrimaryHasNoSlots
};

struct ElectionNotEligible {
  Ineligible reason = Ineligible::kNone;
  friend bool operator==(const ElectionNotEligible&, const ElectionNotEligible&) = default;
};
struct ElectionScheduled {
  absl::Duration delay;
  int rank = 0;  // Siblings known to be fresher.
  Progress progress;
  friend bool operator==(const ElectionScheduled&, const ElectionScheduled&) = default;
};
struct ElectionStarted {
  Epoch epoch;
  int needed = 0;
  enum class Cause : uint8_t {
    kPrimaryFailed,
    kDataLost,  // The primary lacks its data and asked for it.
    kCommand,   // Of an operator, or a handover.
  } cause = Cause::kPrimaryFailed;
  friend bool operator==(const ElectionStarted&, const ElectionStarted&) = default;
};
struct ElectionEnded {
  enum class How : uint8_t { kWon, kTimeout, kRefused, kPrimaryBack, kOvertaken } how = How::kWon;
  Epoch epoch;
  int votes = 0, needed = 0;
  friend bool operator==(const ElectionEnded&, const ElectionEnded&) = default;
};
// A voter refused us.
struct VoteDenied {
  NodeId voter;
  Epoch epoch;
  VoteRefusal reason = VoteRefusal::kNone;
  friend bool operator==(const VoteDenied&, const VoteDenied&) = default;
};
// We decided on a request; reason kNone means granted.
struct VoteCast {
  NodeId candidate;
  ShardId shard;
  Epoch epoch;
  VoteRefusal reason = VoteRefusal::kNone;
  friend bool operator==(const VoteCast&, const VoteCast&) = default;
};

// A link was refused or cut for a reason an operator should see.
struct PeerRefused {
  std::string peer;  // Host, or host and id, as far as known.
  Goodbye::Reason reason = Goodbye::Reason::kProtocol;
  std::string text;
  friend bool operator==(const PeerRefused&, const PeerRefused&) = default;
};
// A MEET got no answer in time.
struct MeetFailed {
  Endpoint bus;
  friend bool operator==(const MeetFailed&, const MeetFailed&) = default;
};

// The host must execute no write from now on, or may again. What it obeys it says with
// ReplicationStatus::obeys_pause.
struct WritePauseChanged {
  uint64_t number = 0;              // Of this pause; 0: writes may go on.
  std::optional<NodeId> successor;  // The replica that is to catch up meanwhile.
  absl::Duration at_most;           // The node ends the pause by itself after this.
  friend bool operator==(const WritePauseChanged&, const WritePauseChanged&) = default;
};
// A planned change of the primary of our shard, at its replica: Node::Failover.
struct FailoverProgress {
  enum class Step : uint8_t {
    kStarted,   // The primary was asked to pause its writes.
    kPaused,    // It has, at `target`.
    kCaughtUp,  // We have all of it, and stand.
    kTimedOut,  // Nothing has changed; the primary goes on.
  } step = Step::kStarted;
  std::optional<Progress> target;
  friend bool operator==(const FailoverProgress&, const FailoverProgress&) = default;
};
// HandOver, Leave or Stop has come to its end. OK: this node owns no slots. FailedPrecondition: no
// replica could take over. DeadlineExceeded. Nothing more is heard of a node that stopped, whatever
// the status, or that left with OK.
struct Departed {
  Departure kind = Departure::kHandOver;
  absl::Status status;
  friend bool operator==(const Departed&, const Departed&) = default;
};

// The host stopped reporting its liveness (true), or is back (false).
struct HostStalled {
  bool stalled = true;
  friend bool operator==(const HostStalled&, const HostStalled&) = default;
};
// We own slots but not their content (true): not serving, `successor` was asked to stand. Or the
// guard ended (false): replaced, overruled, or no replica has the data either.
struct DataGuardChanged {
  bool active = true;
  std::optional<NodeId> successor;
  friend bool operator==(const DataGuardChanged&, const DataGuardChanged&) = default;
};

// Saving failed. Nothing depends on an unsaved state, so the node sends and changes nothing more.
struct Halted {
  absl::Status cause;
  friend bool operator==(const Halted&, const Halted&) = default;
};

using Event =
    std::variant<NodeAdded, NodeRemoved, ForgottenByPeer, AddressChanged, NodeDetailsChanged,
                 HealthChanged, SuspicionHeard, RoleChanged, SlotsRebound, ClusterStateChanged,
                 ConfigEpochChanged, VotingChanged, ElectionNotEligible, ElectionScheduled,
                 ElectionStarted, ElectionEnded, VoteDenied, VoteCast, PeerRefused, MeetFailed,
                 HostStalled, DataGuardChanged, Halted, SlotMigrationChanged, SlotTransferDue,
                 SlotMoveProgress, SlotMoveEnded, WritePauseChanged, FailoverProgress, Departed>;

// The name of its type.
std::string_view EventName(const Event& event);

// An event and its place in the stream of its node. Following the causes tells a story: PFAIL,
// FAIL, ElectionScheduled, ElectionStarted, ElectionEnded, RoleChanged, SlotsRebound,
// ClusterStateChanged.
struct StampedEvent {
  Event event;
  // 1, 2, 3, ... within a process. A gap means that events were lost when the node halted.
  uint64_t number = 0;
  // The number of the event that led to this one, always a smaller one. 0: none did, but something
  // from outside: a command, silence, a peer's word.
  uint64_t cause = 0;
  // When it was decided. Observers hear of it when it is durable.
  Instant at;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_EVENT_H_
