#include "clusterkit/vote_ledger.h"

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

constexpr absl::Duration kRound = absl::Milliseconds(250);

TEST_CASE("a ledger remembers the last epoch of each shard and not of others") {
  VoteLedger ledger({}, 10);
  ledger.Grant(TestShard(1), Epoch{5}, TestNode(7), At(kRound));
  CHECK(ledger.LastEpoch(TestShard(1)) == Epoch{5});
  CHECK(ledger.LastEpoch(TestShard(2)) == Epoch{0});
  CHECK(ledger.LastVoteEpoch() == Epoch{5});
}

TEST_CASE("a vote blocks other candidates until its round is over, but not the same one") {
  VoteLedger ledger({}, 10);
  ledger.Grant(TestShard(1), Epoch{5}, TestNode(7), At(kRound));
  CHECK(ledger.BlockedFor(TestShard(1), TestNode(8), At(kRound / 2)) == kRound / 2);
  CHECK_FALSE(ledger.BlockedFor(TestShard(1), TestNode(7), At(kRound / 2)));
  CHECK_FALSE(ledger.BlockedFor(TestShard(2), TestNode(8), At(kRound / 2)));
  CHECK_FALSE(ledger.BlockedFor(TestShard(1), TestNode(8), At(kRound)));
}

TEST_CASE("a withdrawal ends the round of that candidate and epoch only") {
  VoteLedger ledger({}, 10);
  ledger.Grant(TestShard(1), Epoch{5}, TestNode(7), At(kRound));
  ledger.Withdraw(TestShard(1), Epoch{4}, TestNode(7));
  ledger.Withdraw(TestShard(1), Epoch{5}, TestNode(8));
  CHECK(ledger.RoundOpen(TestShard(1), At(absl::ZeroDuration())));
  ledger.Withdraw(TestShard(1), Epoch{5}, TestNode(7));
  CHECK_FALSE(ledger.RoundOpen(TestShard(1), At(absl::ZeroDuration())));
  CHECK(ledger.LastEpoch(TestShard(1)) == Epoch{5});
}

TEST_CASE("what a full ledger forgets stays promised through its floor") {
  VoteLedger ledger({}, 2);
  ledger.Grant(TestShard(1), Epoch{3}, TestNode(7), At(kRound));
  ledger.Grant(TestShard(2), Epoch{9}, TestNode(7), At(kRound * 2));
  ledger.Grant(TestShard(3), Epoch{10}, TestNode(7), At(kRound * 3));
  CHECK(ledger.state().votes.size() == 2);
  CHECK(ledger.LastEpoch(TestShard(1)) == Epoch{3});
  CHECK(ledger.LastEpoch(TestShard(4)) == Epoch{3});
}

TEST_CASE("a ledger restored from its state keeps every promise, with no round open") {
  VoteLedger before({}, 10);
  before.RaiseFloor(Epoch{2});
  before.SetSettled(true);
  before.Grant(TestShard(1), Epoch{5}, TestNode(7), At(kRound));
  VoteLedger after(before.state(), 10);
  CHECK(after.state() == before.state());
  CHECK(after.LastEpoch(TestShard(1)) == Epoch{5});
  CHECK(after.LastEpoch(TestShard(2)) == Epoch{2});
  CHECK_FALSE(after.RoundOpen(TestShard(1), At(absl::ZeroDuration())));
}

}  // namespace
}  // namespace clusterkit
