// What nodes say to each other, as plain values. codec.h turns them into bytes.

#ifndef CLUSTERKIT_MESSAGE_H_
#define CLUSTERKIT_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/node_details.h"
#include "clusterkit/open_slots.h"
#include "clusterkit/slot.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/types.h"

namespace clusterkit {

// --- The first frame of a link, in each direction --------------------------------------------

inline constexpr uint32_t kProtocolVersion = 1;

// Both sides understand heartbeats that carry only the digest of an unchanged slot claim.
inline constexpr uint64_t kFeatureDigestHeartbeat = uint64_t{1} << 0;
// Both sides understand NodeDetails.
inline constexpr uint64_t kFeatureNodeDetails = uint64_t{1} << 4;
// Both sides count voters without slots. Nodes that are such voters talk to no others.
inline constexpr uint64_t kFeatureVoting = uint64_t{1} << 5;
inline constexpr uint64_t kSupportedFeatures =
    kFeatureDigestHeartbeat | kFeatureNodeDetails | kFeatureVoting;

struct Hello {
  uint32_t min_version = kProtocolVersion, max_version = kProtocolVersion;
  uint64_t features = kSupportedFeatures;
  std::string cluster_name;
  NodeId sender;
  ShardId shard;
  // Drawn at each start of the sender. Tells a restarted process from a second link.
  uint64_t incarnation = 0;
  // The host under which the sender reaches or sees the receiver. This is how a node without an
  // announced host learns its own.
  std::string receiver_host;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Why a link is about to be closed; the last frame on it.
struct Goodbye {
  enum class Reason : uint8_t {
    kClusterName,
    kVersion,
    kLimit,
    kProtocol,
    kLeaving,  // The sender goes for good: forget it.
  } reason = Reason::kProtocol;
  std::string text;
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};

// --- Bodies --------------------------------------------------------------------------------

// What the sender thinks of a third node.
struct GossipEntry {
  NodeId id;
  Endpoint bus, client;
  Role role = Role::kPrimary;
  Health health = Health::kOnline;
  // Time since the sender last heard the node answer. An age, so peers need no common clock.
  absl::Duration pong_age;
  Voting voting = Voting::kWithSlots;
  friend bool operator==(const GossipEntry&, const GossipEntry&) = default;
};

// A node that the sender was told to forget.
struct ForgottenNode {
  NodeId id;
  absl::Duration remaining;  // For how long it is not to come back. Whole seconds.
  absl::Duration age;        // Since an operator said so, to whomever. Whole milliseconds.
  friend bool operator==(const ForgottenNode&, const ForgottenNode&) = default;
};

// Spec: "Heartbeat and gossip messages".
struct Heartbeat {
  enum class Kind : uint8_t { kPing, kPong, kMeet } kind = Kind::kPing;
  // PING, MEET: when it was sent, on the sender's own clock; the answer repeats it, so that the
  // sender knows which of its pings were heard. Zero in an unsolicited PONG.
  uint64_t stamp = 0;
  // Digest of the receiver's slot claim as the sender holds it. If it differs from the
  // receiver's own, the receiver's next heartbeat carries the claim in full.
  uint64_t known_claim_digest = 0;
  // Likewise of the receiver's NodeDetails.
  uint64_t known_details_digest = 0;
  // PONG: alive, but do not count this as confirmation that you are a voter, nor towards your
  // lease. Said while the receiver is no voter or failed in the sender's view, or the sender's
  // vote for another node of that shard may still count.
  bool withholds_lease = false;
  std::vector<GossipEntry> gossip;
  // Who knows such a node forgets it, too. The receiver may be among them.
  std::vector<ForgottenNode> forgotten;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

// A voter's suspicion, or its end, told at once to those who can act on it.
struct SuspicionReport {
  struct Item {
    NodeId subject;
    bool suspected = true;
    friend bool operator==(const Item&, const Item&) = default;
  };
  std::vector<Item> items;
  friend bool operator==(const SuspicionReport&, const SuspicionReport&) = default;
};

// "A majority of voters agreed that `subject` failed", with the proof.
struct FailNotice {
  NodeId subject;
  std::vector<NodeId> reporters;  // Ascending.
  friend bool operator==(const FailNotice&, const FailNotice&) = default;
};

// A replica's progress for its siblings and the voters.
struct ProgressReport {
  NodeId primary;  // Whom it replicates.
  // The replication link is gone: it will not grow any more under this primary.
  bool final = false;
  friend bool operator==(const ProgressReport&, const ProgressReport&) = default;
};

// A replica asks for votes. The header names its shard and carries its progress.
// Spec: "Replica election and promotion".
struct FailoverAuthRequest {
  Epoch epoch;                    // Of this election: greater than any the candidate has seen.
  NodeId primary;                 // Whom it would replace.
  Epoch claim_epoch;              // Config epoch of the claim below as the candidate knows it.
  SlotSet slots;                  // What it would serve.
  absl::Duration round;           // Votes count for this long after sending.
  bool primary_consents = false;  // It, or an operator, asked for it.
  // By a handover: the primary paused for this candidate. Only with its own vote can it be won.
  bool agreed = false;
  friend bool operator==(const FailoverAuthRequest&, const FailoverAuthRequest&) = default;
};

// A vote. It names shard and epoch, so that a stale one is never counted.
struct FailoverAuthAck {
  ShardId shard;
  Epoch epoch;
  // How many voters the voter knows. The candidate needs a majority of the greatest number it was
  // told, so that an outdated view of a smaller cluster does not make a majority.
  uint32_t voters = 0;
  friend bool operator==(const FailoverAuthAck&, const FailoverAuthAck&) = default;
};

// Why a voter did not vote for a candidate.
enum class VoteRefusal : uint8_t {
  kNone,              // Granted.
  kNotVoter,          // I have no vote.
  kAbstaining,        // I became a voter, or restarted, too recently.
  kUnknownCandidate,  // Not a replica of that shard as far as I know.
  kPrimaryNotFailed,  // The candidate's primary is not FAIL here.
  kPrimaryAnswers,    // It is, but it answers me.
  kOldEpoch,          // Not above what I promised for this shard.
  kStaleClaim,        // A slot is held under a greater config epoch.
  kRoundOpen,         // My vote for another candidate of this shard may still count.
  kNeverSynced,       // The candidate holds no complete copy.
  kFresherSibling,    // A sibling that can stand has more data.
  kNotConfirmed,      // I have not heard a majority recently; I may have been replaced myself.
  kRoundTooLong,      // Over kLongestRound.
};

struct FailoverAuthRefusal {
  ShardId shard;
  Epoch epoch;
  VoteRefusal reason = VoteRefusal::kNone;
  absl::Duration retry_after;  // Zero: no hint.
  friend bool operator==(const FailoverAuthRefusal&, const FailoverAuthRefusal&) = default;
};

// The candidate no longer counts votes for this epoch.
struct FailoverAuthWithdraw {
  ShardId shard;
  Epoch epoch;
  friend bool operator==(const FailoverAuthWithdraw&, const FailoverAuthWithdraw&) = default;
};

// "Somebody holds this under a greater config epoch than you think."
struct SlotUpdate {
  NodeId owner;
  ShardId shard;
  Epoch config_epoch;
  SlotSet slots;
  friend bool operator==(const SlotUpdate&, const SlotUpdate&) = default;
};

// A primary asks its replica to replace it.
struct StandRequest {
  // It still has its data: the replica first waits until the primary says that it has paused its
  // writes, and catches up. Otherwise the data is lost, and any copy is better.
  bool catch_up = false;
  friend bool operator==(const StandRequest&, const StandRequest&) = default;
};

// A replica asks its primary to pause its writes, so that it can catch up and replace it.
// Spec: "Manual failover".
struct PauseRequest {
  bool withdrawn = false;  // It has given up; the primary may go on.
  friend bool operator==(const PauseRequest&, const PauseRequest&) = default;
};

// The source of a move tells its target what to do for slots that travel. Each step may be
// repeated.
struct SlotMoveStep {
  enum class Step : uint8_t {
    kOpen,  // Expect the keys of these slots.
    kTake,  // The keys are all there: take the slots.
    kDrop,  // Nothing was sent: expect them no more.
  } step = Step::kOpen;
  SlotSet slots;
  friend bool operator==(const SlotMoveStep&, const SlotMoveStep&) = default;
};

// The target's answer. `slots` are those of which the step holds now; none, with a text, if it
// cannot be done.
struct SlotMoveAnswer {
  SlotMoveStep::Step step = SlotMoveStep::Step::kOpen;
  SlotSet slots;
  std::string refusal;
  friend bool operator==(const SlotMoveAnswer&, const SlotMoveAnswer&) = default;
};

// --- The message ---------------------------------------------------------------------------

// Who the sender is; in every message.
struct Header {
  NodeId sender;
  ShardId shard;
  // Grows with each change of what the sender says of itself, within one incarnation. A peer has
  // two links with us; this orders what arrives on them.
  uint64_t facts_version = 0;
  Role role = Role::kPrimary;
  Voting voting = Voting::kWithSlots;
  std::optional<NodeId> primary;  // A replica's, when known.
  Epoch current_epoch;
  Epoch config_epoch;  // A replica sends its primary's.
  // Of the sender's own slots; zero for a node without slots.
  uint64_t claim_digest = 0;
  // The slots themselves, when the receiver may not know them.
  std::optional<SlotSet> claim;
  // Slots that the sender gives away or receives, when the receiver may not know them: it is a
  // replica of the sender's, and goes on with the moves should it be promoted.
  std::optional<OpenSlots> open_slots;
  // Of the sender's NodeDetails; zero if there are none. And these, when the receiver may not know
  // them.
  uint64_t details_digest = 0;
  std::optional<NodeDetails> details;
  Progress progress;
  // A primary: its host executes no write any more, for the sake of a handover; `progress` is all
  // there will be.
  bool writes_paused = false;
  bool progress_unknown = false;  // The sender's host has not reported any since its start.
  Endpoint bus, client;           // Hosts may be empty: the receiver uses what it sees.
  bool no_failover = false;
  int replica_priority = kUsualReplicaPriority;
  bool data_missing = false;  // Owns slots but has lost their content.
  bool abstaining = false;    // Is a voter, but may not vote yet.
  ClusterState state = ClusterState::kFail;
  friend bool operator==(const Header&, const Header&) = default;
};

using MessageBody =
    std::variant<Heartbeat, SuspicionReport, FailNotice, ProgressReport, FailoverAuthRequest,
                 FailoverAuthAck, FailoverAuthRefusal, FailoverAuthWithdraw, SlotUpdate,
                 StandRequest, PauseRequest, SlotMoveStep, SlotMoveAnswer>;

struct Message {
  Header header;
  MessageBody body;
  friend bool operator==(const Message&, const Message&) = default;
};

// What travels on a link.
using Frame = std::variant<Hello, Goodbye, Message>;

// Message kinds, for the counters. The order of MessageBody, with heartbeats split by kind.
enum class MessageKind : uint8_t {
  kPing,
  kPong,
  kMeet,
  kSuspicion,
  kFail,
  kProgress,
  kAuthRequest,
  kAuthAck,
  kAuthRefusal,
  kAuthWithdraw,
  kUpdate,
  kStand,
  kPause,
  kSlotMove,
  kSlotMoveAnswer,
};
inline constexpr size_t kMessageKinds = 15;
std::string_view MessageKindName(MessageKind kind);
MessageKind KindOf(const Message& message);

}  // namespace clusterkit

#endif  // CLUSTERKIT_MESSAGE_H_
