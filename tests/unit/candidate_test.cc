// The replica's side of FailoverCoordinator.

#include "clusterkit/failover_coordinator.h"
#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Milliseconds;

// Voters 1, 2, 3; we are replica 8 of primary 1; 9 is our sibling where it is added.
struct Fixture {
  Options options = Options::Loopback();
  ViewBuilder nodes{3};
  Rng rng{1};
  FailoverCoordinator self{options, std::nullopt};
  Epoch current{5};

  Fixture() {
    nodes.Replica(8, 1);
    Report({Epoch{1}, 100, true}, absl::ZeroDuration());
  }
  void Report(const Progress& progress, absl::Duration t) {
    self.OnOwnStatus({progress, false, absl::ZeroDuration()}, At(t));
  }
  std::vector<ElectionStep> Advance(absl::Duration t) {
    return self.Advance(*nodes.As(8), current, At(t), rng);
  }
  template <typename Step>
  static const Step* Find(const std::vector<ElectionStep>& steps) {
    for (const ElectionStep& step : steps) {
      if (const Step* found = std::get_if<Step>(&step)) return found;
    }
    return nullptr;
  }
  // Lets the primary fail and the election begin at time zero.
  Epoch Start() {
    nodes.Set(1, Health::kFail);
    auto steps = Advance(absl::ZeroDuration());
    const auto* start = Find<StartElection>(steps);
    REQUIRE(start != nullptr);
    return start->request.epoch;
  }
};

TEST_CASE("a replica does nothing while its primary is not FAIL") {
  Fixture f;
  CHECK(f.Advance(absl::ZeroDuration()).empty());
  f.nodes.Set(1, Health::kPfail);
  CHECK(f.Advance(absl::ZeroDuration()).empty());
}

TEST_CASE("a replica without siblings stands at once, with its primary's slots and claim") {
  Fixture f;
  f.nodes.Set(1, Health::kFail);
  auto steps = f.Advance(absl::ZeroDuration());
  const auto* start = Fixture::Find<StartElection>(steps);
  REQUIRE(start != nullptr);
  CHECK(start->request.epoch == Epoch{6});
  CHECK(start->request.primary == TestNode(1));
  CHECK(start->request.claim_epoch == Epoch{1});
  CHECK(start->request.slots == ViewBuilder::SlotsOf(1));
  CHECK(start->needed == 2);
}

TEST_CASE("shards that fail together ask for different epochs") {
  Fixture f;
  f.nodes.Replica(10, 3).Set(1, Health::kFail).Set(3, Health::kFail);
  FailoverCoordinator other(f.options, std::nullopt);
  other.OnOwnStatus({{Epoch{1}, 100, true}, false, {}}, At(absl::ZeroDuration()));
  auto mine = f.Advance(absl::ZeroDuration());
  auto theirs = other.Advance(*f.nodes.As(10), f.current, At(absl::ZeroDuration()), f.rng);
  CHECK(Fixture::Find<StartElection>(mine)->request.epoch == Epoch{6});
  CHECK(Fixture::Find<StartElection>(theirs)->request.epoch == Epoch{7});
}

TEST_CASE("the election is won with a majority of distinct voters, for its own epoch") {
  Fixture f;
  const Epoch epoch = f.Start();
  CHECK_FALSE(
      f.self.OnAck(TestNode(2), {TestShard(1), Epoch{epoch.value - 1}, 3}, At(Milliseconds(1))));
  CHECK(f.self.OnAck(TestNode(2), {TestShard(1), epoch, 3}, At(Milliseconds(1))));
  CHECK_FALSE(f.self.OnAck(TestNode(2), {TestShard(1), epoch, 3}, At(Milliseconds(2))));
  CHECK(f.Advance(Milliseconds(2)).empty());
  CHECK(f.self.OnAck(TestNode(8), {TestShard(1), epoch, 3}, At(Milliseconds(2))));
  CHECK(f.Advance(Milliseconds(2)).empty());  // We are no voter: not a vote.
  CHECK(f.self.OnAck(TestNode(3), {TestShard(1), epoch, 3}, At(Milliseconds(3))));
  auto steps = f.Advance(Milliseconds(3));
  const auto* promote = Fixture::Find<Promote>(steps);
  REQUIRE(promote != nullptr);
  CHECK(promote->epoch == epoch);
  CHECK(promote->primary == TestNode(1));
}

TEST_CASE("a voter that knows of more voters raises the majority that is needed") {
  Fixture f;
  const Epoch epoch = f.Start();
  CHECK(f.self.OnAck(TestNode(2), {TestShard(1), epoch, 5}, At(Milliseconds(1))));
  CHECK(f.self.OnAck(TestNode(3), {TestShard(1), epoch, 3}, At(Milliseconds(1))));
  CHECK(f.Advance(Milliseconds(2)).empty());
}

TEST_CASE("votes that arrive after the round do not count, and the next round has a new epoch") {
  Fixture f;
  const Epoch epoch = f.Start();
  const absl::Duration end = f.options.RoundLength();
  CHECK(f.self.OnAck(TestNode(2), {TestShard(1), epoch, 3}, At(Milliseconds(1))));
  CHECK_FALSE(f.self.OnAck(TestNode(3), {TestShard(1), epoch, 3}, At(end)));
  auto steps = f.Advance(end);
  REQUIRE(Fixture::Find<WithdrawElection>(steps) != nullptr);
  CHECK(Fixture::Find<WithdrawElection>(steps)->how == ElectionEnded::How::kTimeout);
  f.current = epoch;
  const Instant retry = f.self.NextDeadline();
  CHECK(retry >= At(end + f.options.RankUnit()));
  CHECK(retry <= At(end + f.options.RankUnit() * 3));
  steps = f.self.Advance(*f.nodes.As(8), f.current, retry, f.rng);
  REQUIRE(Fixture::Find<StartElection>(steps) != nullptr);
  CHECK(Fixture::Find<StartElection>(steps)->request.epoch > epoch);
}

TEST_CASE("rounds that time out grow, up to the longest round") {
  Fixture f;
  f.Start();
  absl::Duration t = f.options.RoundLength();
  for (int doubled = 2; doubled <= 64; doubled *= 2) {
    CHECK(Fixture::Find<WithdrawElection>(f.Advance(t)) != nullptr);
    t = f.self.NextDeadline() - At(absl::ZeroDuration());
    auto steps = f.Advance(t);
    REQUIRE(Fixture::Find<StartElection>(steps) != nullptr);
    const absl::Duration round = Fixture::Find<StartElection>(steps)->request.round;
    CHECK(round == std::min(f.options.RoundLength() * doubled, kLongestRound));
    t += round;
  }
}

TEST_CASE("a round that refusals have made hopeless ends at once and heeds the voters' hint") {
  Fixture f;
  const Epoch epoch = f.Start();
  FailoverAuthRefusal refusal{TestShard(1), epoch, VoteRefusal::kAbstaining, Milliseconds(700)};
  CHECK(f.Advance(Milliseconds(1)).empty());
  // Of three voters one has failed: one refusal is enough to know that two will not vote.
  CHECK(f.self.OnRefusal(TestNode(2), refusal, At(Milliseconds(1))));
  auto steps = f.Advance(Milliseconds(1));
  REQUIRE(Fixture::Find<WithdrawElection>(steps) != nullptr);
  CHECK(Fixture::Find<WithdrawElection>(steps)->how == ElectionEnded::How::kRefused);
  CHECK(f.self.NextDeadline() >= At(Milliseconds(701)));
}

TEST_CASE("a primary that comes back ends the election") {
  Fixture f;
  f.Start();
  f.nodes.Set(1, Health::kOnline);
  auto steps = f.Advance(Milliseconds(5));
  REQUIRE(Fixture::Find<WithdrawElection>(steps) != nullptr);
  CHECK(Fixture::Find<WithdrawElection>(steps)->how == ElectionEnded::How::kPrimaryBack);
  CHECK(f.self.NextDeadline() == Instant::InfiniteFuture());
}

TEST_CASE("a replica waits its rank while a sibling may be fresher") {
  Fixture f;
  f.nodes.Replica(9, 1).Set(1, Health::kFail);
  f.self.OnProgress(TestNode(9), {Epoch{1}, 200, true}, std::nullopt);
  auto steps = f.Advance(absl::ZeroDuration());
  REQUIRE(Fixture::Find<ScheduleElection>(steps) != nullptr);
  CHECK(Fixture::Find<ScheduleElection>(steps)->rank == 1);
  CHECK(Fixture::Find<ScheduleElection>(steps)->delay >= f.options.RankUnit());
  CHECK(Fixture::Find<StartElection>(steps) == nullptr);
  steps = f.self.Advance(*f.nodes.As(8), f.current, f.self.NextDeadline(), f.rng);
  CHECK(Fixture::Find<StartElection>(steps) != nullptr);
}

TEST_CASE("the freshest replica stands at once when every sibling's progress is final") {
  Fixture f;
  f.nodes.Replica(9, 1).Set(1, Health::kFail);
  f.self.OnProgress(TestNode(9), {Epoch{1}, 99, true}, TestNode(1));
  auto steps = f.Advance(absl::ZeroDuration());
  CHECK(Fixture::Find<StartElection>(steps) != nullptr);
}

TEST_CASE("equally fresh replicas are ordered by id") {
  Fixture f;
  f.nodes.Replica(9, 1).Replica(7, 1).Set(1, Health::kFail);
  f.self.OnProgress(TestNode(9), {Epoch{1}, 100, true}, TestNode(1));
  f.self.OnProgress(TestNode(7), {Epoch{1}, 100, true}, TestNode(1));
  auto steps = f.Advance(absl::ZeroDuration());
  CHECK(Fixture::Find<StartElection>(steps) == nullptr);
  CHECK(Fixture::Find<ScheduleElection>(steps)->rank == 1);
  f.nodes.Set(7, Health::kPfail);
  CHECK(Fixture::Find<StartElection>(f.Advance(Milliseconds(1))) != nullptr);
}

TEST_CASE("a replica says once why it may not stand") {
  Fixture f;
  f.nodes.Set(1, Health::kFail);
  Ineligible expected = Ineligible::kNone;
  absl::Duration t = absl::ZeroDuration();
  SECTION("never synced") {
    f.Report({Epoch{0}, 0, false}, absl::ZeroDuration());
    expected = Ineligible::kNeverSynced;
  }
  SECTION("forbidden by the operator") {
    f.options.no_failover = true;
    expected = Ineligible::kNoFailover;
  }
  SECTION("data too old") {
    t = f.options.replica_validity_base + f.options.node_timeout * 11 + Milliseconds(1);
    expected = Ineligible::kDataTooOld;
  }
  auto steps = f.Advance(t);
  REQUIRE(steps.size() == 1);
  CHECK(std::get<ReportIneligible>(steps[0]).reason == expected);
  CHECK(f.Advance(t).empty());
}

TEST_CASE("an empty replica that is synced may stand, and factor 0 allows data of any age") {
  Fixture f;
  f.Report({Epoch{0}, 0, true}, absl::ZeroDuration());
  f.options.replica_validity_factor = 0;
  f.nodes.Set(1, Health::kFail);
  CHECK(Fixture::Find<StartElection>(f.Advance(absl::Hours(5))) != nullptr);
}

TEST_CASE("a primary that asks is replaced although it has not failed") {
  Fixture f;
  f.self.OnStandRequest(TestNode(1), At(absl::ZeroDuration()));
  auto steps = f.Advance(absl::ZeroDuration());
  REQUIRE(Fixture::Find<StartElection>(steps) != nullptr);
  CHECK(Fixture::Find<StartElection>(steps)->request.primary_consents);
}

// We are told to replace a primary that is well.
struct CommandedFixture : Fixture {
  Epoch Command(bool agreed) {
    self.OnCommand(TestNode(1), agreed, At(absl::Seconds(5)));
    auto steps = Advance(absl::ZeroDuration());
    const auto* start = Find<StartElection>(steps);
    REQUIRE(start != nullptr);
    CHECK(start->request.primary_consents);
    return start->request.epoch;
  }
  bool WonWith(std::initializer_list<uint8_t> voters, Epoch epoch) {
    for (const uint8_t n : voters) {
      CHECK(self.OnAck(TestNode(n), {TestShard(1), epoch, 3}, At(Milliseconds(1))));
    }
    return Find<Promote>(Advance(Milliseconds(1))) != nullptr;
  }
};

TEST_CASE("a successor that was agreed on needs the vote of its primary among the majority") {
  CommandedFixture f;
  const Epoch epoch = f.Command(/*agreed=*/true);
  CHECK_FALSE(f.WonWith({2, 3}, epoch));
  CHECK(f.WonWith({1}, epoch));
}

TEST_CASE("a forced successor needs a majority, whoever that is") {
  CommandedFixture f;
  const Epoch epoch = f.Command(/*agreed=*/false);
  CHECK(f.WonWith({2, 3}, epoch));
}

TEST_CASE("an agreement that the primary does not keep ends the round") {
  CommandedFixture f;
  const Epoch epoch = f.Command(/*agreed=*/true);
  CHECK(f.self.OnRefusal(TestNode(1), {TestShard(1), epoch, VoteRefusal::kAbstaining, {}},
                         At(Milliseconds(1))));
  const auto steps = f.Advance(Milliseconds(1));
  const auto* withdraw = Fixture::Find<WithdrawElection>(steps);
  REQUIRE(withdraw != nullptr);
  CHECK(withdraw->how == ElectionEnded::How::kRefused);
}

TEST_CASE("a command is over at its time, even with votes enough") {
  CommandedFixture f;
  f.self.OnCommand(TestNode(1), /*agreed=*/false, At(Milliseconds(10)));
  auto steps = f.Advance(absl::ZeroDuration());
  const Epoch epoch = Fixture::Find<StartElection>(steps)->request.epoch;
  for (const uint8_t n : {2, 3}) {
    CHECK(f.self.OnAck(TestNode(n), {TestShard(1), epoch, 3}, At(Milliseconds(9))));
  }
  steps = f.Advance(Milliseconds(10));
  CHECK(Fixture::Find<Promote>(steps) == nullptr);
  REQUIRE(Fixture::Find<WithdrawElection>(steps) != nullptr);
  CHECK(Fixture::Find<WithdrawElection>(steps)->how == ElectionEnded::How::kPrimaryBack);
}

TEST_CASE("who commands knows: the age of the data and no_failover do not matter, a copy does") {
  CommandedFixture f;
  f.options.no_failover = true;
  f.self.OnOwnStatus({{Epoch{1}, 100, true}, false, absl::Hours(5)}, At(absl::ZeroDuration()));
  SECTION("complete") { f.Command(/*agreed=*/false); }
  SECTION("never finished") {
    f.Report({Epoch{1}, 100, false}, absl::ZeroDuration());
    f.self.OnCommand(TestNode(1), /*agreed=*/false, At(absl::Seconds(5)));
    const auto steps = f.Advance(absl::ZeroDuration());
    CHECK(Fixture::Find<StartElection>(steps) == nullptr);
    REQUIRE(Fixture::Find<ReportIneligible>(steps) != nullptr);
    CHECK(Fixture::Find<ReportIneligible>(steps)->reason == Ineligible::kNeverSynced);
  }
}

// As above, but that we, and a witness, vote always. Voters: 1, 2, 3, 8, 20.
struct VotingFixture : Fixture {
  VotingFixture() {
    nodes[8].voting = Voting::kAlways;
    NodeView& witness = nodes[20];
    witness.id = TestNode(20);
    witness.shard = TestShard(20);
    witness.voting = Voting::kWitness;
    nodes.Set(1, Health::kFail);
    self.OnView(*nodes.As(8), At(absl::ZeroDuration()));
  }
  std::vector<ElectionStep> AdvanceAs(absl::Duration t, const OwnVote& own) {
    return self.Advance(*nodes.As(8), current, At(t), rng, own);
  }
  // Answers of all others, late enough, end our abstention.
  void Settle() {
    for (uint8_t n : {2, 3, 20}) {
      Header header;
      header.sender = TestNode(n);
      const Instant at = At(Milliseconds(2250));
      self.OnVoterAnswered(*nodes.As(8), header, true, at, current, at);
    }
  }
};
constexpr auto kSettled = absl::Seconds(4);

TEST_CASE("a candidate that is a voter votes for itself, and its ledger knows") {
  VotingFixture f;
  f.Settle();
  auto steps = f.AdvanceAs(kSettled, {});
  const auto* start = Fixture::Find<StartElection>(steps);
  REQUIRE(start != nullptr);
  CHECK(start->own_vote == VoteRefusal::kNone);
  CHECK(start->needed == 3);
  const Epoch epoch = start->request.epoch;
  CHECK(f.self.ledger().LastEpoch(TestShard(1)) == epoch);
  CHECK(f.self.RoundOpen(TestShard(1), At(kSettled)));
  CHECK(f.self.OnAck(TestNode(20), {TestShard(1), epoch, 5}, At(kSettled)));
  CHECK(f.AdvanceAs(kSettled, {}).empty());
  CHECK(f.self.OnAck(TestNode(2), {TestShard(1), epoch, 5}, At(kSettled)));
  CHECK(Fixture::Find<Promote>(f.AdvanceAs(kSettled, {})) != nullptr);
}

TEST_CASE("a candidate has no vote of its own while a voter in its place would refuse") {
  VotingFixture f;
  std::optional<VoteRefusal> expected;
  OwnVote own;
  SECTION("it abstains") { expected = VoteRefusal::kAbstaining; }
  SECTION("nobody has confirmed it") {
    f.Settle();
    own.confirmed = false;
    expected = VoteRefusal::kNotConfirmed;
  }
  SECTION("its primary answers it") {
    f.Settle();
    own.primary_answers = true;
    expected = VoteRefusal::kPrimaryAnswers;
  }
  SECTION("its vote for a sibling may still count") {
    f.Settle();
    f.nodes.Replica(9, 1);
    Header sibling;
    sibling.sender = TestNode(9);
    sibling.shard = TestShard(1);
    sibling.progress = {Epoch{1}, 100, true};
    FailoverAuthRequest request;
    request.epoch = Epoch{9};
    request.primary = TestNode(1);
    request.claim_epoch = Epoch{1};
    request.round = absl::Seconds(2);
    REQUIRE(
        f.self.ConsiderVote(*f.nodes.As(8), sibling, request, false, true, At(kSettled)).refusal ==
        VoteRefusal::kNone);
    expected = VoteRefusal::kRoundOpen;
  }
  // Until it stands, a sibling may make it wait.
  std::vector<ElectionStep> steps;
  for (int i = 0; i < 100 && Fixture::Find<StartElection>(steps) == nullptr; ++i) {
    steps = f.AdvanceAs(kSettled + Milliseconds(i), own);
  }
  const auto* start = Fixture::Find<StartElection>(steps);
  REQUIRE(start != nullptr);
  CHECK(static_cast<int>(*start->own_vote) == static_cast<int>(*expected));
  CHECK(start->request.epoch > f.self.ledger().LastEpoch(TestShard(1)));
}

}  // namespace
}  // namespace clusterkit
