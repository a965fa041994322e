// Which event led to which, as a host can follow it.

#include "core/causes.h"

#include <memory>
#include <utility>

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

// Node 1, 2 and 3 lead shards; 11 is a replica of 1.
struct Stream {
  explicit Stream(uint8_t self) : view(ViewBuilder(3).Replica(11, 1).As(self)) {}

  // The cause of the event; a new input before it, unless it follows.
  uint64_t Next(Event event) {
    causes.BeginInput();
    return Follows(std::move(event));
  }
  uint64_t Follows(Event event) {
    const StampedEvent stamped = causes.Stamp(std::move(event), *view, At(absl::ZeroDuration()));
    CHECK(stamped.number == causes.last());
    CHECK(stamped.cause < stamped.number);
    return stamped.cause;
  }

  std::shared_ptr<const ClusterView> view;
  Causes causes;
};

HealthChanged Becomes(uint8_t node, Health to) {
  HealthChanged change;
  change.id = TestNode(node);
  change.to = to;
  return change;
}

RoleChanged Elected(uint8_t node) {
  RoleChanged change;
  change.cause = RoleChanged::Cause::kElected;
  change.id = TestNode(node);
  return change;
}

SlotsRebound Moves(uint16_t slot, uint8_t from, uint8_t to) {
  return {{{SlotId{slot}, TestNode(from), TestNode(to)}}};
}

TEST_CASE("events are numbered without gaps, from one") {
  Stream stream(1);
  CHECK(stream.causes.last() == 0);
  for (uint64_t n = 1; n <= 5; ++n) {
    stream.Next(MeetFailed{});
    CHECK(stream.causes.last() == n);
  }
}

TEST_CASE("what comes from outside has no cause") {
  Stream stream(1);
  CHECK(stream.Next(Becomes(2, Health::kPfail)) == 0);
  CHECK(stream.Follows(SuspicionHeard{TestNode(3), TestNode(2), true}) == 0);
  CHECK(stream.Follows(NodeAdded{}) == 0);
  CHECK(stream.Follows(PeerRefused{}) == 0);
}

TEST_CASE("a replica's promotion follows from the suspicion of its primary") {
  Stream stream(11);
  CHECK(stream.Next(Becomes(1, Health::kPfail)) == 0);                                  // 1
  CHECK(stream.Next(Becomes(2, Health::kPfail)) == 0);                                  // 2
  CHECK(stream.Next(Becomes(1, Health::kFail)) == 1);                                   // 3
  CHECK(stream.Follows(ElectionScheduled{}) == 3);                                      // 4
  CHECK(stream.Next(ElectionStarted{{7}, 2}) == 4);                                     // 5
  CHECK(stream.Next(VoteDenied{TestNode(2), {7}, VoteRefusal::kPrimaryAnswers}) == 5);  // 6
  CHECK(stream.Next(ElectionEnded{ElectionEnded::How::kRefused, {7}, 0, 2}) == 5);      // 7
  CHECK(stream.Next(ElectionStarted{{8}, 2}) == 7);                                     // 8
  CHECK(stream.Next(ElectionEnded{ElectionEnded::How::kWon, {8}, 2, 2}) == 8);          // 9
  CHECK(stream.Follows(ConfigEpochChanged{ConfigEpochChanged::Cause::kElection, {6}, {8}, {}}) ==
        9);                                        // 10
  CHECK(stream.Follows(Elected(11)) == 9);         // 11
  CHECK(stream.Follows(Moves(100, 1, 11)) == 11);  // 12
  CHECK(stream.Follows(ClusterStateChanged{ClusterState::kOk}) == 12);
}

TEST_CASE("a voter sees a promotion follow from its vote") {
  Stream stream(2);
  stream.Next(Becomes(1, Health::kPfail));                                                     // 1
  CHECK(stream.Next(Becomes(1, Health::kFail)) == 1);                                          // 2
  CHECK(stream.Next(VoteCast{TestNode(11), TestShard(1), {7}, VoteRefusal::kOldEpoch}) == 2);  // 3
  CHECK(stream.Next(VoteCast{TestNode(11), TestShard(1), {8}}) == 2);                          // 4
  CHECK(stream.Next(Elected(11)) == 4);                                                        // 5
  CHECK(stream.Follows(Moves(100, 1, 11)) == 5);                                               // 6
  RoleChanged demoted;
  demoted.cause = RoleChanged::Cause::kReplaced;
  demoted.id = TestNode(1);
  demoted.to = Role::kReplica;
  demoted.primary = TestNode(11);
  CHECK(stream.Next(Becomes(1, Health::kOnline)) == 2);
  CHECK(stream.Next(demoted) == 5);
}

TEST_CASE("a vote explains one promotion, not the next") {
  Stream stream(2);
  stream.Next(VoteCast{TestNode(11), TestShard(1), {8}});  // 1
  CHECK(stream.Next(Elected(11)) == 1);
  CHECK(stream.Next(Elected(11)) == 0);
}

TEST_CASE("without a vote a promotion follows from the failure of the primary") {
  Stream stream(3);
  CHECK(stream.Next(Becomes(1, Health::kFail)) == 0);
  CHECK(stream.Next(Elected(11)) == 1);
}

TEST_CASE("slots that are heard of before the role follow from the failure, too") {
  Stream stream(3);
  stream.Next(Becomes(1, Health::kFail));
  CHECK(stream.Next(Moves(100, 1, 11)) == 1);
  CHECK(stream.Next(Moves(200, 2, 3)) == 0);
}

TEST_CASE("an old promotion explains no later change of slots") {
  Stream stream(3);
  stream.Next(Elected(11));
  CHECK(stream.Next(Moves(100, 1, 11)) == 1);
  CHECK(stream.Next(Moves(200, 2, 11)) == 0);
}

TEST_CASE("a new suspicion begins a new story") {
  Stream stream(3);
  stream.Next(Becomes(1, Health::kPfail));
  CHECK(stream.Next(Becomes(1, Health::kOnline)) == 1);
  CHECK(stream.Next(Becomes(1, Health::kPfail)) == 0);
  CHECK(stream.Next(Becomes(1, Health::kFail)) == 3);
}

TEST_CASE("a change of state follows from what the same input brought, or from time alone") {
  Stream stream(3);
  stream.Next(Becomes(1, Health::kFail));
  CHECK(stream.Follows(ClusterStateChanged{}) == 1);
  CHECK(stream.Next(ClusterStateChanged{ClusterState::kOk}) == 0);
}

TEST_CASE("a failover by command is followed step by step") {
  Stream stream(11);
  using Step = FailoverProgress::Step;
  CHECK(stream.Next(FailoverProgress{Step::kStarted, {}}) == 0);                // 1
  CHECK(stream.Next(FailoverProgress{Step::kPaused, {}}) == 1);                 // 2
  CHECK(stream.Next(FailoverProgress{Step::kCaughtUp, {}}) == 2);               // 3
  CHECK(stream.Follows(ElectionScheduled{}) == 3);                              // 4
  CHECK(stream.Follows(ElectionStarted{{8}, 2}) == 4);                          // 5
  CHECK(stream.Next(ElectionEnded{ElectionEnded::How::kWon, {8}, 2, 2}) == 5);  // 6
  // What happens later has to do with it no more.
  CHECK(stream.Next(ElectionScheduled{}) == 0);
}

TEST_CASE("the primary's part of a handover is followed, too") {
  Stream stream(1);
  CHECK(stream.Next(WritePauseChanged{1, TestNode(11), absl::Seconds(1)}) == 0);  // 1
  CHECK(stream.Next(VoteCast{TestNode(11), TestShard(1), {8}}) == 1);             // 2
  CHECK(stream.Next(Elected(11)) == 2);                                           // 3
  CHECK(stream.Follows(Moves(100, 1, 11)) == 3);                                  // 4
  RoleChanged own;
  own.cause = RoleChanged::Cause::kReplaced;
  own.id = TestNode(1);
  own.to = Role::kReplica;
  own.primary = TestNode(11);
  CHECK(stream.Follows(own) == 4);                  // 5
  CHECK(stream.Follows(WritePauseChanged{}) == 1);  // 6
  CHECK(stream.Follows(Departed{}) == 6);
}

TEST_CASE("a move of slots is followed from the mark to the new owner") {
  Stream stream(1);
  SlotMigrationChanged opened;
  opened.cause = SlotMigrationChanged::Cause::kMove;
  opened.slots = SlotSet::Of({SlotId{100}, SlotId{101}});
  opened.mark = OpenSlots::Mark{SlotMigration::kExporting, TestNode(2)};
  CHECK(stream.Next(opened) == 0);                                         // 1
  CHECK(stream.Next(SlotTransferDue{1, opened.slots, TestNode(2)}) == 1);  // 2
  CHECK(stream.Next(Moves(100, 1, 2)) == 1);                               // 3
  SlotMigrationChanged closed;
  closed.cause = SlotMigrationChanged::Cause::kOwnerMoved;
  closed.slots = opened.slots;
  CHECK(stream.Follows(closed) == 3);                               // 4
  CHECK(stream.Follows(SlotMoveProgress{TestNode(2), 2, 0}) == 3);  // 5
  CHECK(stream.Follows(SlotMoveEnded{}) == 5);
  CHECK(stream.Next(Moves(100, 2, 3)) == 0);
}

TEST_CASE("what was begun is the cause of its end") {
  Stream stream(1);
  stream.Next(HostStalled{true});
  CHECK(stream.Next(HostStalled{false}) == 1);
  stream.Next(DataGuardChanged{true, {}});
  CHECK(stream.Next(DataGuardChanged{false, {}}) == 3);
}

TEST_CASE("a node that was forgotten leaves nothing behind") {
  Stream stream(2);
  stream.Next(Becomes(1, Health::kFail));
  stream.Next(NodeRemoved{TestNode(1), {}});
  CHECK(stream.Next(Becomes(1, Health::kFail)) == 0);
}

}  // namespace
}  // namespace clusterkit
