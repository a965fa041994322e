// Each checker finds the violation planted for it, and nothing in what is allowed.

#include "sim/checkers.h"

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

}  // namespace
}  // namespace clusterkit::sim
