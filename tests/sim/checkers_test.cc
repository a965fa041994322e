// Each checker finds the violation planted for it, and nothing in what is allowed.

#include "clusterkit/sim/checkers.h"

#include "support/catch.h"

namespace clusterkit::sim {
namespace {

NodeId Node(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}
ShardId Shard(uint8_t n) {
  ShardId id;
  id.bytes[0] = n;
  return id;
}

PersistentState State(uint8_t self, uint64_t current, uint64_t config = 0,
                      std::vector<VoteRecord> votes = {}) {
  PersistentState state;
  state.self = Node(self);
  state.current_epoch = Epoch{current};
  NodeRecord record;
  record.id = state.self;
  record.config_epoch = Epoch{config};
  state.nodes.push_back(record);
  state.ledger.emplace();
  state.ledger->votes = std::move(votes);
  return state;
}

TEST_CASE("OneVotePerEpoch finds a second candidate in one shard and epoch") {
  OneVotePerEpoch checker;
  checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(7));
  checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(7));  // Repeated.
  checker.OnAck(Node(1), Shard(1), Epoch{6}, Node(8));  // The next epoch.
  checker.OnAck(Node(1), Shard(2), Epoch{5}, Node(8));  // Another shard.
  checker.OnAck(Node(2), Shard(1), Epoch{5}, Node(8));  // Another voter.
  CHECK(checker.violations().empty());

  checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(8));
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("OneWinner finds a second winner of one shard and epoch") {
  OneWinner checker;
  checker.OnWin(Node(1), Shard(1), Epoch{5});
  checker.OnWin(Node(2), Shard(1), Epoch{6});
  checker.OnWin(Node(2), Shard(2), Epoch{5});
  CHECK(checker.violations().empty());

  checker.OnWin(Node(2), Shard(1), Epoch{5});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("EpochsNeverGoBack finds each epoch that goes back") {
  EpochsNeverGoBack checker;
  checker.OnDurable(State(1, 5, 3, {{Shard(1), Epoch{4}, Node(2)}}));
  checker.OnDurable(State(1, 6, 3, {{Shard(1), Epoch{4}, Node(2)}}));
  checker.OnDurable(State(2, 1, 1));  // Another identity begins anew.
  CHECK(checker.violations().empty());

  SECTION("the current epoch") {
    checker.OnDurable(State(1, 5, 3, {{Shard(1), Epoch{4}, Node(2)}}));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("the config epoch of a primary") {
    checker.OnDurable(State(1, 6, 2, {{Shard(1), Epoch{4}, Node(2)}}));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("the config epoch of a replica is its primary's") {
    PersistentState state = State(1, 6, 0, {{Shard(1), Epoch{4}, Node(2)}});
    state.nodes[0].role = Role::kReplica;
    checker.OnDurable(state);
    CHECK(checker.violations().empty());
  }
  SECTION("a vote") {
    checker.OnDurable(State(1, 6, 3, {{Shard(1), Epoch{3}, Node(2)}}));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("a vote that is forgotten") {
    checker.OnDurable(State(1, 6, 3));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("not one for which the floor stands") {
    PersistentState state = State(1, 6, 3);
    state.ledger->floor = Epoch{4};
    checker.OnDurable(state);
    CHECK(checker.violations().empty());
  }
  SECTION("a ledger that is gone") {
    PersistentState state = State(1, 6, 3);
    state.ledger.reset();
    checker.OnDurable(state);
    CHECK(checker.violations().size() == 1);
  }
  SECTION("not what an operator took back") {
    checker.OnRestored(Node(1));
    checker.OnDurable(State(1, 5, 2));
    CHECK(checker.violations().empty());
  }
}

TEST_CASE("OneServer finds two nodes that serve one slot") {
  OneServer checker;
  const SlotSet low = SlotSet::Of({{0}, {99}}), high = SlotSet::Of({{99}, {200}});
  checker.OnServers(Instant(), {{Node(1), low}});
  checker.OnServers(Instant(), {{Node(2), high}});
  checker.OnServers(Instant(), {{Node(1), low}, {Node(2), SlotSet()}});
  CHECK(checker.violations().empty());

  checker.OnServers(Instant(), {{Node(1), low}, {Node(2), high}});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("DurableBeforeSent finds a vote that leaves too early") {
  DurableBeforeSent checker;
  SECTION("without any save") {
    checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(2));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("with a save that holds another vote") {
    checker.OnDurable(State(1, 5, 0, {{Shard(1), Epoch{5}, Node(3)}}));
    checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(2));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("with a save that holds an earlier vote") {
    checker.OnDurable(State(1, 5, 0, {{Shard(1), Epoch{4}, Node(2)}}));
    checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(2));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("not one that left after its save, or after the save of a later one") {
    checker.OnDurable(State(1, 5, 0, {{Shard(1), Epoch{5}, Node(2)}}));
    checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(2));
    checker.OnDurable(State(1, 6, 0, {{Shard(1), Epoch{6}, Node(3)}}));
    checker.OnAck(Node(1), Shard(1), Epoch{5}, Node(2));
    CHECK(checker.violations().empty());
  }
}

TEST_CASE("DurableBeforeSent finds an epoch that leaves too early") {
  DurableBeforeSent checker;
  Header header;
  header.sender = Node(1);
  checker.OnHeader(header);  // Epoch zero rests on nothing.
  checker.OnDurable(State(1, 5, 3));
  header.config_epoch = Epoch{3};
  header.current_epoch = Epoch{9};  // It promises nothing.
  checker.OnHeader(header);
  checker.OnRequest(Node(1), Epoch{5});
  CHECK(checker.violations().empty());

  SECTION("the config epoch of a primary") {
    header.config_epoch = Epoch{4};
    checker.OnHeader(header);
    CHECK(checker.violations().size() == 1);
  }
  SECTION("a replica shows its primary's") {
    header.config_epoch = Epoch{4};
    header.role = Role::kReplica;
    checker.OnHeader(header);
    CHECK(checker.violations().empty());
  }
  SECTION("the epoch of a candidate") {
    checker.OnRequest(Node(1), Epoch{6});
    CHECK(checker.violations().size() == 1);
  }
}

// --- Views -------------------------------------------------------------------------------------

struct Member {
  uint8_t node;
  uint64_t epoch = 0;
  Role role = Role::kPrimary;
  Health health = Health::kOnline;
  SlotSet slots = {};
  uint8_t shard = 0;  // Its own, if zero.
};

// What `self` sees.
ClusterView ViewOf(uint8_t self, const std::vector<Member>& members) {
  ClusterView::Nodes nodes;
  auto slots = std::make_shared<SlotMap>();
  for (const Member& member : members) {
    auto node = std::make_shared<NodeView>();
    node->id = Node(member.node);
    node->shard = Shard(member.shard == 0 ? member.node : member.shard);
    node->config_epoch = Epoch{member.epoch};
    node->role = member.role;
    node->health = member.health;
    node->slot_count = member.slots.Count();
    slots->Bind(member.slots, node->id);
    nodes.push_back(std::move(node));
  }
  return ClusterView(1, Node(self), std::move(nodes), std::move(slots),
                     OwnSituation{ClusterState::kOk, DownReason::kNone, false, false,
                                  std::make_shared<ServeLease>(), nullptr});
}

Instant At(double seconds) { return {absl::Seconds(seconds)}; }

const SlotSet kLow = SlotSet::Of({{0}, {99}}), kHigh = SlotSet::Of({{100}, {199}});

TEST_CASE("SlotsMoveUp finds a slot that moves to an epoch that is not greater") {
  SlotsMoveUp checker;
  const SlotsRebound rebound{{{SlotId{5}, Node(1), Node(2)}}};
  const ClusterView before =
      ViewOf(3, {{.node = 1, .epoch = 4, .slots = kLow}, {.node = 2, .epoch = 3}, {.node = 3}});
  const auto after = [](uint64_t epoch) {
    return ViewOf(
        3, {{.node = 1, .epoch = 4}, {.node = 2, .epoch = epoch, .slots = kLow}, {.node = 3}});
  };
  checker.OnRebound(Node(3), rebound, before, after(5));
  CHECK(checker.seen() == 1);
  CHECK(checker.violations().empty());

  SECTION("to a smaller one") { checker.OnRebound(Node(3), rebound, before, after(3)); }
  SECTION("to an equal one") { checker.OnRebound(Node(3), rebound, before, after(4)); }
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("SlotsMoveUp lets an unbound slot go anywhere, and one of a replica") {
  SlotsMoveUp checker;
  const SlotsRebound rebound{{{SlotId{5}, std::nullopt, Node(2)}}};
  const ClusterView after = ViewOf(3, {{.node = 2, .epoch = 1, .slots = kLow}, {.node = 3}});
  checker.OnRebound(Node(3), rebound, ViewOf(3, {{.node = 2}, {.node = 3}}), after);
  checker.OnRebound(Node(3), rebound,
                    ViewOf(3, {{.node = 1, .epoch = 9, .role = Role::kReplica, .slots = kLow},
                               {.node = 2},
                               {.node = 3}}),
                    after);
  CHECK(checker.violations().empty());
}

TEST_CASE("FailNeedsMajority finds a FAIL without enough fresh reports") {
  FailNeedsMajority checker;
  const std::vector<NodeId> voters = {Node(1), Node(2), Node(3), Node(4), Node(5)};
  HealthChanged fail;
  fail.id = Node(5);
  fail.to = Health::kFail;
  fail.cause = HealthChanged::Cause::kReports;
  const auto conclude = [&](double at) {
    checker.OnConcluded(Node(1), Node(5), absl::Seconds(2), At(at));
    checker.OnFail(Node(1), fail, {voters});
  };
  checker.OnReport(Node(1), Node(2), Node(5), true, At(10));
  checker.OnReport(Node(1), Node(3), Node(5), true, At(11));
  fail.reporters = {Node(1), Node(2), Node(3)};
  conclude(11);
  CHECK(checker.violations().empty());

  SECTION("one report is too old") { conclude(12.5); }
  SECTION("one was taken back") {
    checker.OnReport(Node(1), Node(3), Node(5), false, At(11));
    conclude(11);
  }
  SECTION("one was never made") {
    fail.reporters = {Node(1), Node(2), Node(4)};
    conclude(11);
  }
  SECTION("one is not from a voter") {
    checker.OnReport(Node(1), Node(9), Node(5), true, At(11));
    fail.reporters = {Node(1), Node(2), Node(9)};
    conclude(11);
  }
  SECTION("they were made to the process before") {
    checker.OnStart(Node(1));
    conclude(11);
  }
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("FailNeedsMajority finds a FAIL by a notice that proves nothing") {
  FailNeedsMajority checker;
  const std::vector<NodeId> voters = {Node(1), Node(2), Node(3)};
  HealthChanged fail;
  fail.id = Node(5);
  fail.to = Health::kFail;
  fail.cause = HealthChanged::Cause::kNotice;
  SECTION("none came") {}
  SECTION("of too few voters") { checker.OnNotice(Node(1), {Node(5), {Node(2), Node(9)}}, At(1)); }
  SECTION("about another node") { checker.OnNotice(Node(1), {Node(4), {Node(2), Node(3)}}, At(1)); }
  checker.OnFail(Node(1), fail, {voters});
  CHECK(checker.violations().size() == 1);

  checker.OnNotice(Node(1), {Node(5), {Node(2), Node(3)}}, At(1));
  checker.OnFail(Node(1), fail, {voters});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("FailNeedsMajority takes no notice of an earlier failure") {
  FailNeedsMajority checker;
  HealthChanged fail;
  fail.id = Node(5);
  fail.to = Health::kFail;
  fail.cause = HealthChanged::Cause::kNotice;
  checker.OnNotice(Node(1), {Node(5), {Node(2), Node(3)}}, At(1));
  checker.OnOnline(Node(1), Node(5), At(2));
  checker.OnFail(Node(1), fail, {{Node(1), Node(2), Node(3)}});
  CHECK(checker.violations().empty());
  checker.OnOnline(Node(1), Node(5), At(20));
  checker.OnFail(Node(1), fail, {{Node(1), Node(2), Node(3)}});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("LeaseNeedsMajority finds a lease that no majority supports") {
  LeaseNeedsMajority checker;
  const std::vector<LeaseNeedsMajority::Voters> voters = {{Node(1), Node(2), Node(3)}};
  const auto extend = [&](double until, double now) {
    checker.OnLease(Node(1), At(until), voters, absl::Seconds(1), At(now));
  };
  checker.OnAnswer(Node(1), Node(2), At(10));
  extend(11, 10.5);
  CHECK(checker.violations().empty());

  SECTION("longer than since the ping that was answered") { extend(11.1, 10.5); }
  SECTION("without any answer") {
    checker.OnLease(Node(3), At(1), voters, absl::Seconds(1), At(0.5));
  }
  SECTION("by answers of no voter") {
    checker.OnAnswer(Node(1), Node(9), At(12));
    extend(12.5, 12);
  }
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("LeaseNeedsMajority takes votes as answers to the request") {
  LeaseNeedsMajority checker;
  // A round of two seconds: the lease is the limit.
  checker.OnRequest(Node(1), Epoch{5}, absl::Seconds(2), absl::Seconds(1), At(10));
  checker.OnVote(Node(1), Node(2), Epoch{5});
  checker.OnVote(Node(1), Node(3), Epoch{4});  // An election that nobody asked for.
  const std::vector<LeaseNeedsMajority::Voters> three = {{Node(2), Node(3), Node(4)}};
  checker.OnLease(Node(1), At(10.5), three, absl::Seconds(1), At(10.2));
  CHECK(checker.violations().size() == 1);
  checker.OnVote(Node(1), Node(3), Epoch{5});
  checker.OnLease(Node(1), At(11), three, absl::Seconds(1), At(10.2));
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("LeaseNeedsMajority takes a vote for no longer than its round") {
  LeaseNeedsMajority checker;
  checker.OnRequest(Node(1), Epoch{5}, absl::Milliseconds(250), absl::Seconds(1), At(10));
  checker.OnVote(Node(1), Node(2), Epoch{5});
  const std::vector<LeaseNeedsMajority::Voters> one = {{Node(2)}};
  checker.OnLease(Node(1), At(10.25), one, absl::Seconds(1), At(10.1));
  CHECK(checker.violations().empty());
  checker.OnLease(Node(1), At(10.3), one, absl::Seconds(1), At(10.1));
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("LeaseNeedsMajority allows for sets of voters that follow each other") {
  LeaseNeedsMajority checker;
  checker.OnAnswer(Node(1), Node(2), At(10));
  checker.OnAnswer(Node(1), Node(3), At(10));
  const LeaseNeedsMajority::Voters older = {Node(2), Node(4), Node(5)};
  const LeaseNeedsMajority::Voters newer = {Node(3), Node(4), Node(5)};
  const auto extend = [&](std::vector<LeaseNeedsMajority::Voters> voters) {
    checker.OnLease(Node(1), At(11), voters, absl::Seconds(1), At(10.1));
  };
  extend({older, newer});  // Two of what may have been in between.
  CHECK(checker.violations().empty());
  extend({older});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("an excused checker still counts, and keeps what it found before") {
  OneWinner checker;
  checker.OnWin(Node(1), Shard(1), Epoch{5});
  checker.OnWin(Node(2), Shard(1), Epoch{5});
  checker.Excuse();
  checker.OnWin(Node(3), Shard(1), Epoch{5});
  CHECK(checker.seen() == 3);
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("CandidateIsSynced finds a candidate without a complete copy") {
  CandidateIsSynced checker;
  checker.OnRequest(Node(1), Epoch{5}, Progress{Epoch{0}, 0, true});  // Empty, but complete.
  CHECK(checker.violations().empty());
  checker.OnRequest(Node(1), Epoch{6}, Progress{Epoch{9}, 99, false});
  CHECK(checker.violations().size() == 1);
}

TEST_CASE("FreshestIsPreferred finds a vote against a fresher sibling") {
  FreshestIsPreferred checker;
  const auto view = [](Health health, uint8_t shard = 1) {
    return ViewOf(9, {{.node = 1, .epoch = 3, .health = Health::kFail, .slots = kLow},
                      {.node = 2, .role = Role::kReplica, .shard = 1},
                      {.node = 3, .role = Role::kReplica, .health = health, .shard = shard},
                      {.node = 9, .epoch = 2, .slots = kHigh}});
  };
  const Progress behind{Epoch{0}, 10, true}, ahead{Epoch{0}, 20, true};
  const auto vote = [&](const ClusterView& seen, double at) {
    checker.OnRequest(seen, Node(2), Shard(1), Node(1), behind);
    checker.OnVote(Node(9), Node(2), Shard(1), Node(1), absl::Seconds(1), At(at));
  };
  vote(view(Health::kOnline), 1);  // Nobody said anything.
  checker.OnProgress(Node(9), Node(3), ahead, std::nullopt);
  vote(view(Health::kOnline), 1);  // Not its final word.
  CHECK(checker.violations().empty());

  checker.OnProgress(Node(9), Node(3), ahead, Node(1));
  SECTION("found") {
    vote(view(Health::kOnline), 1);
    CHECK(checker.violations().size() == 1);
  }
  SECTION("found within the time that it may refuse") {
    checker.OnRefusal(Node(9), Shard(1), Node(1), At(1));
    vote(view(Health::kOnline), 1.9);
    CHECK(checker.violations().size() == 1);
  }
  SECTION("not after it refused for long enough") {
    checker.OnRefusal(Node(9), Shard(1), Node(1), At(1));
    vote(view(Health::kOnline), 2.1);
    CHECK(checker.violations().empty());
  }
  SECTION("not if the sibling cannot stand") {
    vote(view(Health::kPfail), 1);
    vote(view(Health::kOnline, 7), 1);
    CHECK(checker.violations().empty());
  }
  SECTION("not if it has said something else since") {
    checker.OnProgress(Node(9), Node(3), Progress{Epoch{5}, 1, true}, std::nullopt);
    vote(view(Health::kOnline), 1);
    CHECK(checker.violations().empty());
  }
  SECTION("not if it was told after the request came") {
    FreshestIsPreferred other;
    other.OnRequest(view(Health::kOnline), Node(2), Shard(1), Node(1), behind);
    other.OnProgress(Node(9), Node(3), ahead, Node(1));
    other.OnVote(Node(9), Node(2), Shard(1), Node(1), absl::Seconds(1), At(1));
    CHECK(other.violations().empty());
  }
  SECTION("not by a process that was not told") {
    checker.OnStart(Node(9));
    vote(view(Health::kOnline), 1);
    CHECK(checker.violations().empty());
  }
}

TEST_CASE("OneServer measures for how long a slot has two servers") {
  OneServer checker;
  checker.OnServers(At(1), {{Node(1), kLow}, {Node(2), kLow}});
  checker.OnServers(At(3), {{Node(1), kLow}, {Node(2), kLow}});
  checker.OnServers(At(4), {{Node(1), kLow}});
  checker.OnServers(At(9), {{Node(1), kLow}, {Node(2), kHigh}});
  CHECK(checker.doubled() == absl::Seconds(3));
}

TEST_CASE("ForgottenStay finds a node that gossip brings back too early") {
  ForgottenStay checker;
  const auto added = [](NodeAdded::By by) { return NodeAdded{by, Node(2), {}}; };
  checker.OnForgotten(Node(1), Node(2), absl::Seconds(60), At(0));
  SECTION("found") {
    checker.OnAdded(Node(1), added(NodeAdded::By::kGossip), At(59));
    CHECK(checker.violations().size() == 1);
  }
  SECTION("not after the ban") {
    checker.OnAdded(Node(1), added(NodeAdded::By::kGossip), At(60));
    CHECK(checker.violations().empty());
  }
  SECTION("not when an operator brings it back, whatever follows") {
    checker.OnAdded(Node(1), added(NodeAdded::By::kMeet), At(5));
    checker.OnAdded(Node(1), added(NodeAdded::By::kGossip), At(6));
    CHECK(checker.violations().empty());
  }
  SECTION("not at another node, or after a restart") {
    checker.OnAdded(Node(3), added(NodeAdded::By::kGossip), At(5));
    checker.OnStart(Node(1));
    checker.OnAdded(Node(1), added(NodeAdded::By::kGossip), At(6));
    CHECK(checker.violations().empty());
  }
}

TEST_CASE("a checker keeps the first violations only, and its name") {
  CandidateIsSynced checker;
  for (uint64_t epoch = 1; epoch < 100; ++epoch) {
    checker.OnRequest(Node(1), Epoch{epoch}, Progress());
  }
  CHECK(checker.seen() == 99);
  CHECK(checker.violations().size() == 20);
  CHECK(checker.violations()[0].rule == "candidate-is-synced");
}

}  // namespace
}  // namespace clusterkit::sim
