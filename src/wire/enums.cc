#include "wire/enums.h"

#include <cstddef>

namespace clusterkit::wire {
namespace {

template <typename Ours, typename Theirs>
struct Pair {
  Ours ours;
  Theirs theirs;
};

constexpr Pair<Role, v1::Role> kRoles[] = {
    {Role::kPrimary, v1::ROLE_PRIMARY},
    {Role::kReplica, v1::ROLE_REPLICA},
};
constexpr Pair<Voting, v1::Voting> kVotings[] = {
    {Voting::kWithSlots, v1::VOTING_WITH_SLOTS},
    {Voting::kAlways, v1::VOTING_ALWAYS},
    {Voting::kWitness, v1::VOTING_WITNESS},
};
constexpr Pair<Health, v1::Health> kHealths[] = {
    {Health::kOnline, v1::HEALTH_ONLINE},
    {Health::kPfail, v1::HEALTH_PFAIL},
    {Health::kFail, v1::HEALTH_FAIL},
};
constexpr Pair<ClusterState, v1::ClusterState> kStates[] = {
    {ClusterState::kOk, v1::CLUSTER_STATE_OK},
    {ClusterState::kFail, v1::CLUSTER_STATE_FAIL},
};
constexpr Pair<Goodbye::Reason, v1::Goodbye::Reason> kGoodbyes[] = {
    {Goodbye::Reason::kProtocol, v1::Goodbye::PROTOCOL},
    {Goodbye::Reason::kClusterName, v1::Goodbye::CLUSTER_NAME},
    {Goodbye::Reason::kVersion, v1::Goodbye::VERSION},
    {Goodbye::Reason::kLimit, v1::Goodbye::LIMIT},
    {Goodbye::Reason::kLeaving, v1::Goodbye::LEAVING},
};
constexpr Pair<Heartbeat::Kind, v1::Heartbeat::Kind> kHeartbeats[] = {
    {Heartbeat::Kind::kPing, v1::Heartbeat::PING},
    {Heartbeat::Kind::kPong, v1::Heartbeat::PONG},
    {Heartbeat::Kind::kMeet, v1::Heartbeat::MEET},
};
constexpr Pair<SlotMoveStep::Step, v1::SlotMoveStep::Step> kMoveSteps[] = {
    {SlotMoveStep::Step::kOpen, v1::SlotMoveStep::OPEN},
    {SlotMoveStep::Step::kTake, v1::SlotMoveStep::TAKE},
    {SlotMoveStep::Step::kDrop, v1::SlotMoveStep::DROP},
};
using PbRefusal = v1::FailoverAuthRefusal;
constexpr Pair<VoteRefusal, PbRefusal::Reason> kRefusals[] = {
    {VoteRefusal::kNone, PbRefusal::NONE},
    {VoteRefusal::kNotVoter, PbRefusal::NOT_VOTER},
    {VoteRefusal::kAbstaining, PbRefusal::ABSTAINING},
    {VoteRefusal::kUnknownCandidate, PbRefusal::UNKNOWN_CANDIDATE},
    {VoteRefusal::kPrimaryNotFailed, PbRefusal::PRIMARY_NOT_FAILED},
    {VoteRefusal::kPrimaryAnswers, PbRefusal::PRIMARY_ANSWERS},
    {VoteRefusal::kOldEpoch, PbRefusal::OLD_EPOCH},
    {VoteRefusal::kStaleClaim, PbRefusal::STALE_CLAIM},
    {VoteRefusal::kRoundOpen, PbRefusal::ROUND_OPEN},
    {VoteRefusal::kNeverSynced, PbRefusal::NEVER_SYNCED},
    {VoteRefusal::kFresherSibling, PbRefusal::FRESHER_SIBLING},
    {VoteRefusal::kRoundTooLong, PbRefusal::ROUND_TOO_LONG},
    {VoteRefusal::kNotConfirmed, PbRefusal::NOT_CONFIRMED},
};

template <typename Ours, typename Theirs, size_t n>
Theirs Find(const Pair<Ours, Theirs> (&table)[n], Ours value) {
  for (const auto& pair : table) {
    if (pair.ours == value) return pair.theirs;
  }
  return table[0].theirs;
}

template <typename Ours, typename Theirs, size_t n>
bool Find(const Pair<Ours, Theirs> (&table)[n], Theirs value, Ours& out) {
  for (const auto& pair : table) {
    if (pair.theirs != value) continue;
    out = pair.ours;
    return true;
  }
  return false;
}

}  // namespace

v1::Role ToWire(Role value) { return Find(kRoles, value); }
v1::Voting ToWire(Voting value) { return Find(kVotings, value); }
v1::Health ToWire(Health value) { return Find(kHealths, value); }
v1::ClusterState ToWire(ClusterState value) { return Find(kStates, value); }
v1::Goodbye::Reason ToWire(Goodbye::Reason value) { return Find(kGoodbyes, value); }
v1::Heartbeat::Kind ToWire(Heartbeat::Kind value) { return Find(kHeartbeats, value); }
v1::FailoverAuthRefusal::Reason ToWire(VoteRefusal value) { return Find(kRefusals, value); }
v1::SlotMoveStep::Step ToWire(SlotMoveStep::Step value) { return Find(kMoveSteps, value); }

bool FromWire(v1::Role value, Role& out) { return Find(kRoles, value, out); }
bool FromWire(v1::Voting value, Voting& out) { return Find(kVotings, value, out); }
bool FromWire(v1::Health value, Health& out) { return Find(kHealths, value, out); }
bool FromWire(v1::ClusterState value, ClusterState& out) { return Find(kStates, value, out); }
bool FromWire(v1::Goodbye::Reason value, Goodbye::Reason& out) {
  return Find(kGoodbyes, value, out);
}
bool FromWire(v1::Heartbeat::Kind value, Heartbeat::Kind& out) {
  return Find(kHeartbeats, value, out);
}
bool FromWire(v1::FailoverAuthRefusal::Reason value, VoteRefusal& out) {
  return Find(kRefusals, value, out);
}
bool FromWire(v1::SlotMoveStep::Step value, SlotMoveStep::Step& out) {
  return Find(kMoveSteps, value, out);
}

}  // namespace clusterkit::wire
