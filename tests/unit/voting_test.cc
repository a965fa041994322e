// The voter's side of FailoverCoordinator: one test for each reason to refuse.

#include "clusterkit/failover_coordinator.h"
#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Milliseconds;
// Just past the longest round with its margin.
constexpr absl::Duration kWaited = Milliseconds(2300);

// Voters 1, 2, 3; shard 1 has lost its primary 1 and has the replicas 8 and 9. We are voter 2.
struct Fixture {
  Options options = Options::Loopback();
  ViewBuilder nodes{3};
  FailoverCoordinator voter{options, std::nullopt};
  absl::Duration t = absl::Seconds(10);

  Fixture() {
    nodes.Replica(8, 1).Replica(9, 1).Set(1, Health::kFail);
    // Past the wait of a new voter.
    voter.OnView(*nodes.As(2), At(absl::ZeroDuration()));
    for (uint8_t n : {1, 3}) Answer(voter, n, Epoch{3}, kWaited);
    REQUIRE_FALSE(voter.Abstaining());
  }
  // Another voter answers what we sent at `t`.
  bool Answer(FailoverCoordinator& voter, uint8_t n, Epoch epoch, absl::Duration t,
              bool abstaining = false, bool confirms = true) {
    Header header;
    header.sender = TestNode(n);
    header.abstaining = abstaining;
    return voter.OnVoterAnswered(*nodes.As(2), header, confirms, At(t), epoch, At(t));
  }
  Header Candidate(uint8_t n, uint8_t shard = 1) {
    Header header;
    header.sender = TestNode(n);
    header.shard = TestShard(shard);
    header.role = Role::kReplica;
    header.primary = TestNode(1);
    header.progress = {Epoch{1}, 100, true};
    return header;
  }
  FailoverAuthRequest Request(uint64_t epoch) {
    FailoverAuthRequest request;
    request.epoch = Epoch{epoch};
    request.primary = TestNode(1);
    request.claim_epoch = Epoch{1};
    request.slots = ViewBuilder::SlotsOf(1);
    request.round = options.RoundLength();
    return request;
  }
  VoteRefusal Ask(uint8_t n, const FailoverAuthRequest& request, bool answers = false) {
    return voter.ConsiderVote(*nodes.As(2), Candidate(n), request, answers, true, At(t)).refusal;
  }
  VoteRefusal Ask(uint8_t n, uint64_t epoch) { return Ask(n, Request(epoch)); }
};

TEST_CASE("a voter grants a request for a failed primary's slots and remembers it") {
  Fixture f;
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
  CHECK(f.voter.ledger().LastEpoch(TestShard(1)) == Epoch{10});
  CHECK(f.voter.RoundOpen(TestShard(1), At(f.t)));
}

TEST_CASE("a voter votes once per shard and epoch") {
  Fixture f;
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
  CHECK(f.Ask(8, 10) == VoteRefusal::kOldEpoch);
  CHECK(f.Ask(9, 10) == VoteRefusal::kOldEpoch);
  CHECK(f.Ask(9, 9) == VoteRefusal::kOldEpoch);
}

TEST_CASE("the same epoch is free in another shard") {
  Fixture f;
  f.nodes.Replica(10, 3).Set(3, Health::kFail);
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
  FailoverAuthRequest request = f.Request(10);
  request.primary = TestNode(3);
  request.claim_epoch = Epoch{3};
  request.slots = ViewBuilder::SlotsOf(3);
  Header candidate = f.Candidate(10, 3);
  candidate.primary = TestNode(3);
  CHECK(f.voter.ConsiderVote(*f.nodes.As(2), candidate, request, false, true, At(f.t)).refusal ==
        VoteRefusal::kNone);
}

TEST_CASE("another candidate must wait until the round of the first is surely over") {
  Fixture f;
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
  VoteDecision decision =
      f.voter.ConsiderVote(*f.nodes.As(2), f.Candidate(9), f.Request(11), false, true, At(f.t));
  CHECK(decision.refusal == VoteRefusal::kRoundOpen);
  CHECK(decision.retry_after > f.options.RoundLength());
  f.t += decision.retry_after;
  CHECK(f.Ask(9, 11) == VoteRefusal::kNone);
}

TEST_CASE("the same candidate may be granted again, and a withdrawal frees the vote") {
  Fixture f;
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
  CHECK(f.Ask(8, 11) == VoteRefusal::kNone);
  f.voter.OnWithdraw(TestNode(8), {TestShard(1), Epoch{10}});
  CHECK(f.Ask(9, 12) == VoteRefusal::kRoundOpen);
  f.voter.OnWithdraw(TestNode(8), {TestShard(1), Epoch{11}});
  CHECK(f.Ask(9, 12) == VoteRefusal::kNone);
}

TEST_CASE("being below the voter's current epoch is no reason to refuse") {
  Fixture f;  // The voter's current epoch is no input at all: only ledger, floor and owners count.
  CHECK(f.Ask(8, 4) == VoteRefusal::kNone);
}

TEST_CASE("a primary that has not failed here, or that answers, is not replaced") {
  Fixture f;
  CHECK(f.Ask(8, f.Request(10), /*answers=*/true) == VoteRefusal::kPrimaryAnswers);
  f.nodes.Set(1, Health::kPfail);
  CHECK(f.Ask(8, 10) == VoteRefusal::kPrimaryNotFailed);
  FailoverAuthRequest request = f.Request(10);
  request.primary_consents = true;
  CHECK(f.Ask(8, request, /*answers=*/true) == VoteRefusal::kNone);
}

TEST_CASE("a claim that is older than what the voter knows is refused, naming the newer owner") {
  Fixture f;
  f.nodes[3].config_epoch = Epoch{7};
  FailoverAuthRequest request = f.Request(10);
  request.slots.Add(ViewBuilder::SlotsOf(3));
  VoteDecision decision =
      f.voter.ConsiderVote(*f.nodes.As(2), f.Candidate(8), request, false, true, At(f.t));
  CHECK(decision.refusal == VoteRefusal::kStaleClaim);
  CHECK(decision.newer_owner == TestNode(3));
}

TEST_CASE("the epoch must exceed the config epoch of every owner of the claimed slots") {
  Fixture f;
  f.nodes[1].config_epoch = Epoch{10};
  FailoverAuthRequest request = f.Request(10);
  request.claim_epoch = Epoch{10};
  CHECK(f.Ask(8, request) == VoteRefusal::kOldEpoch);
  request.epoch = Epoch{11};
  CHECK(f.Ask(8, request) == VoteRefusal::kNone);
}

TEST_CASE("strangers, other shards' replicas and never-synced ones get no vote") {
  Fixture f;
  f.nodes.Replica(10, 3);
  CHECK(f.Ask(77, 10) == VoteRefusal::kUnknownCandidate);
  CHECK(f.Ask(10, 10) == VoteRefusal::kUnknownCandidate);
  Header empty = f.Candidate(8);
  empty.progress.synced = false;
  CHECK(f.voter.ConsiderVote(*f.nodes.As(2), empty, f.Request(10), false, true, At(f.t)).refusal ==
        VoteRefusal::kNeverSynced);
}

TEST_CASE("only voters vote, and only in rounds of lawful length") {
  Fixture f;
  CHECK(f.voter.ConsiderVote(*f.nodes.As(9), f.Candidate(8), f.Request(10), false, true, At(f.t))
            .refusal == VoteRefusal::kNotVoter);
  FailoverAuthRequest request = f.Request(10);
  request.round = kLongestRound + Milliseconds(1);
  CHECK(f.Ask(8, request) == VoteRefusal::kRoundTooLong);
}

TEST_CASE("a fresher sibling is preferred for four rank units and one round, not for ever") {
  Fixture f;
  f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, TestNode(1));
  CHECK(f.Ask(8, 10) == VoteRefusal::kFresherSibling);
  f.t += f.options.RankUnit() * 4 + f.options.RoundLength();
  CHECK(f.Ask(8, 10) == VoteRefusal::kFresherSibling);
  f.t += Milliseconds(1);
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
}

TEST_CASE("a sibling counts as fresher only while it could stand and its progress is final") {
  Fixture f;
  auto fresher = [&] { f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, TestNode(1)); };
  SECTION("not final") { f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, std::nullopt); }
  SECTION("final, but under another primary") {
    f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, TestNode(3));
  }
  SECTION("never synced") { f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, false}, TestNode(1)); }
  SECTION("itself failing") {
    fresher();
    f.nodes.Set(9, Health::kPfail);
  }
  SECTION("not allowed to stand") {
    fresher();
    f.nodes[9].no_failover = true;
  }
  SECTION("taken back by later progress") {
    fresher();
    f.voter.OnProgress(TestNode(9), {Epoch{1}, 102, true}, std::nullopt);
  }
  CHECK(f.Ask(8, 10) == VoteRefusal::kNone);
}

TEST_CASE("an older statement on another link does not take a final word back") {
  Fixture f;
  f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, TestNode(1));
  f.voter.OnProgress(TestNode(9), {Epoch{1}, 90, true}, std::nullopt);
  CHECK(f.Ask(8, 10) == VoteRefusal::kFresherSibling);
}

TEST_CASE("patience with a fresher sibling begins anew with each failure") {
  Fixture f;
  auto fresher = [&] { f.voter.OnProgress(TestNode(9), {Epoch{1}, 101, true}, TestNode(1)); };
  fresher();
  CHECK(f.Ask(8, 10) == VoteRefusal::kFresherSibling);
  f.nodes.Set(1, Health::kOnline);
  f.voter.OnView(*f.nodes.As(2), At(f.t));
  f.nodes.Set(1, Health::kFail);
  f.t += absl::Hours(1);
  CHECK(f.Ask(8, 11) == VoteRefusal::kFresherSibling);
}

TEST_CASE("a later history beats a greater offset") {
  Fixture f;
  f.voter.OnProgress(TestNode(9), {Epoch{2}, 5, true}, TestNode(1));
  CHECK(f.Ask(8, 10) == VoteRefusal::kFresherSibling);
}

struct NewVoter : Fixture {
  FailoverCoordinator fresh{options, std::nullopt};
  VoteRefusal AskFresh(uint64_t epoch, absl::Duration t) {
    return fresh.ConsiderVote(*nodes.As(2), Candidate(8), Request(epoch), false, true, At(t))
        .refusal;
  }
};

TEST_CASE("a new voter abstains for the longest round and until it has since heard the others") {
  NewVoter f;
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  // Sent too early: rounds that a predecessor voted in may still be open.
  f.Answer(f.fresh, 3, Epoch{20}, absl::Seconds(1));
  f.Answer(f.fresh, 1, Epoch{20}, absl::Seconds(1));
  CHECK(f.AskFresh(30, kWaited) == VoteRefusal::kAbstaining);
  CHECK_FALSE(f.Answer(f.fresh, 3, Epoch{20}, kWaited));
  CHECK(f.AskFresh(30, kWaited) == VoteRefusal::kAbstaining);
  CHECK(f.Answer(f.fresh, 1, Epoch{20}, kWaited));
  CHECK(f.AskFresh(20, kWaited) == VoteRefusal::kOldEpoch);
  CHECK(f.AskFresh(21, kWaited) == VoteRefusal::kNone);
}

TEST_CASE("voters that wait themselves tell a new voter nothing, unless everybody is new") {
  NewVoter f;
  f.nodes = ViewBuilder(5);
  f.nodes.Replica(8, 1).Set(1, Health::kFail);
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  for (uint8_t n : {3, 4}) CHECK_FALSE(f.Answer(f.fresh, n, Epoch{9}, kWaited, true));
  CHECK_FALSE(f.Answer(f.fresh, 5, Epoch{9}, kWaited));
  CHECK(f.Answer(f.fresh, 1, Epoch{9}, kWaited, true));
}

TEST_CASE("a new voter that cannot hear enough others settles late, far above every known epoch") {
  NewVoter f;
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  CHECK_FALSE(f.Answer(f.fresh, 3, Epoch{20}, kWaited));
  CHECK(f.Answer(f.fresh, 3, Epoch{20}, kWaited + f.options.RoundLength()));
  CHECK(f.AskFresh(65556, kWaited + f.options.RoundLength()) == VoteRefusal::kOldEpoch);
  CHECK(f.AskFresh(65557, kWaited + f.options.RoundLength()) == VoteRefusal::kNone);
}

TEST_CASE("a new voter waits for the lease of the voter it replaced, unless that one is gone") {
  NewVoter f;
  auto everybody = [&](absl::Duration t, bool confirms = true) {
    for (uint8_t n : {1, 3}) f.Answer(f.fresh, n, Epoch{20}, t, false, confirms);
  };
  SECTION("alive, perhaps") {
    f.fresh.OnPromoted(TestNode(1), /*gone=*/false);
    f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
    everybody(absl::Seconds(1), /*confirms=*/false);
    CHECK(f.AskFresh(30, absl::Seconds(4)) == VoteRefusal::kAbstaining);
    everybody(Milliseconds(1500));
    everybody(Milliseconds(4600));
    CHECK(f.AskFresh(30, Milliseconds(4600)) == VoteRefusal::kAbstaining);
    everybody(Milliseconds(4700));
  }
  SECTION("surely dead") {
    f.fresh.OnPromoted(TestNode(1), /*gone=*/true);
    f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
    everybody(kWaited);
  }
  SECTION("it follows somebody now") {
    f.nodes.Replica(9, 2);
    f.fresh.OnPromoted(TestNode(9), /*gone=*/false);
    f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
    everybody(kWaited);
  }
  CHECK(f.AskFresh(30, absl::Seconds(15)) == VoteRefusal::kNone);
}

TEST_CASE("a new voter waits for a replaced one that it does not know any more") {
  NewVoter f;
  f.fresh.OnPromoted(TestNode(9), /*gone=*/false);
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  for (uint8_t n : {1, 3}) f.Answer(f.fresh, n, Epoch{20}, kWaited, false, false);
  CHECK(f.AskFresh(30, kWaited) == VoteRefusal::kAbstaining);
}

TEST_CASE("answers of voters that do not count it settle no new voter") {
  NewVoter f;
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  for (uint8_t n : {1, 3}) CHECK_FALSE(f.Answer(f.fresh, n, Epoch{20}, kWaited, false, false));
  CHECK(f.AskFresh(30, kWaited) == VoteRefusal::kAbstaining);
  CHECK_FALSE(f.Answer(f.fresh, 1, Epoch{20}, kWaited));
  CHECK(f.Answer(f.fresh, 3, Epoch{20}, kWaited));
}

TEST_CASE("a new voter does not wait for ever for confirmations that cannot come") {
  NewVoter f;
  f.fresh.OnPromoted(TestNode(1), /*gone=*/false);
  f.fresh.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  f.Answer(f.fresh, 3, Epoch{20}, absl::Seconds(1));
  f.Answer(f.fresh, 3, Epoch{20}, absl::Seconds(2));
  CHECK(f.AskFresh(70000, absl::Seconds(5)) == VoteRefusal::kAbstaining);
  CHECK(f.Answer(f.fresh, 3, Epoch{20}, absl::Seconds(6)));
  CHECK(f.AskFresh(65556, absl::Seconds(6)) == VoteRefusal::kOldEpoch);
  CHECK(f.AskFresh(65557, absl::Seconds(6)) == VoteRefusal::kNone);
}

TEST_CASE("a settled voter that restarts with its ledger abstains for the longest round only") {
  Fixture f;
  VoteLedgerState ledger{Epoch{2}, /*settled=*/true, {{TestShard(1), Epoch{10}, TestNode(8)}}};
  FailoverCoordinator restarted(f.options, ledger);
  auto view = f.nodes.As(2);
  auto ask = [&](uint64_t epoch, absl::Duration t) {
    return restarted.ConsiderVote(*view, f.Candidate(9), f.Request(epoch), false, true, At(t))
        .refusal;
  };
  restarted.OnView(*view, At(absl::ZeroDuration()));
  CHECK(ask(11, kLongestRound) == VoteRefusal::kAbstaining);
  CHECK(ask(10, absl::Seconds(3)) == VoteRefusal::kOldEpoch);
  CHECK(ask(11, absl::Seconds(3)) == VoteRefusal::kNone);
}

TEST_CASE("a voter that restarts before it has done its waiting waits anew") {
  Fixture f;
  FailoverCoordinator restarted(f.options, VoteLedgerState{Epoch{2}, /*settled=*/false, {}});
  restarted.OnView(*f.nodes.As(2), At(absl::ZeroDuration()));
  CHECK(restarted
            .ConsiderVote(*f.nodes.As(2), f.Candidate(8), f.Request(10), false, true,
                          At(absl::Seconds(9)))
            .refusal == VoteRefusal::kAbstaining);
}

TEST_CASE("a voter that no majority has confirmed recently does not vote") {
  Fixture f;
  CHECK(f.voter
            .ConsiderVote(*f.nodes.As(2), f.Candidate(8), f.Request(10), false,
                          /*confirmed=*/false, At(f.t))
            .refusal == VoteRefusal::kNotConfirmed);
}

TEST_CASE("a voter that was replaced and becomes one again waits as a new one") {
  Fixture f;
  f.nodes.slots().MoveAll(TestNode(2), TestNode(3));
  f.nodes[2].role = Role::kReplica;
  f.voter.OnView(*f.nodes.As(2), At(f.t));
  f.nodes[2].role = Role::kPrimary;
  f.nodes.slots().Bind(ViewBuilder::SlotsOf(2), TestNode(2));
  f.voter.OnView(*f.nodes.As(2), At(f.t));
  CHECK(f.Ask(8, 10) == VoteRefusal::kAbstaining);
}

}  // namespace
}  // namespace clusterkit
