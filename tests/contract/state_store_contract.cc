#include "contract/state_store_contract.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

std::string RandomHost(Rng& rng) {
  switch (rng.Below(6)) {
    case 0:
      return "";
    case 1:
      return "fe80::" + std::to_string(rng.Below(9999)) + "%eth0";
    case 2:
      return std::string(1 + rng.Below(255), static_cast<char>('a' + rng.Below(26)));
    case 3: {
      // What a hostile peer might announce.
      std::string host;
      for (uint64_t i = rng.Below(20); i > 0; --i) host += static_cast<char>(rng.Below(256));
      return host;
    }
    default:
      return "10.0." + std::to_string(rng.Below(256)) + "." + std::to_string(rng.Below(256));
  }
}

Endpoint RandomEndpoint(Rng& rng) {
  return {RandomHost(rng), static_cast<uint16_t>(rng.Below(65536))};
}

NodeRecord RandomNode(Rng& rng, Epoch current_epoch) {
  NodeRecord node;
  node.id = NodeId::Random(rng);
  node.shard = ShardId::Random(rng);
  node.bus = RandomEndpoint(rng);
  node.client = RandomEndpoint(rng);
  if (rng.Chance(700)) node.client.host = node.bus.host;
  node.role = rng.Chance(500) ? Role::kPrimary : Role::kReplica;
  node.health = static_cast<Health>(rng.Below(3));
  if (node.role == Role::kPrimary) node.config_epoch = {rng.Below(current_epoch.value + 1)};
  node.no_failover = rng.Chance(200);
  if (rng.Chance(300)) node.voting = static_cast<Voting>(rng.Below(3));
  if (rng.Chance(300)) node.hostname = "h-" + std::to_string(rng.Below(9999)) + ".example.org";
  if (rng.Chance(300)) node.name = "Node_" + std::to_string(rng.Below(9999));
  return node;
}

void AddRandomSlots(Rng& rng, PersistentState& state) {
  for (uint16_t slot = 0; slot < kSlotCount;) {
    const auto last =
        static_cast<uint16_t>(std::min<uint64_t>(kSlotCount - 1, slot + rng.Below(900)));
    if (rng.Chance(800)) {
      const NodeRecord& owner = state.nodes[rng.Below(state.nodes.size())];
      state.slots.Bind(SlotSet::Of({{slot}, {last}}), owner.id);
    }
    slot = static_cast<uint16_t>(last + 1);
  }
}

struct SaveResult {
  int calls = 0;
  absl::Status status;
};

void Save(StoreUnderTest& test, const PersistentState& state, bool sync) {
  SaveResult result;
  test.store().Save(state, sync, [&](absl::Status status) {
    ++result.calls;
    result.status = status;
  });
  REQUIRE(test.RunUntil([&] { return result.calls > 0; }));
  CHECK(result.calls == 1);
  CHECK(result.status == absl::OkStatus());
}

void AddRandomOpenSlots(Rng& rng, PersistentState& state) {
  for (uint64_t i = rng.Below(5); i > 0; --i) {
    const SlotId slot{static_cast<uint16_t>(rng.Below(kSlotCount))};
    state.open_slots.Open(SlotSet::Of({slot, slot}),
                          {rng.Chance(500) ? SlotMigration::kImporting : SlotMigration::kExporting,
                           NodeId::Random(rng)});
  }
  if (rng.Chance(500)) return;
  SlotMovePlan plan{NodeId::Random(rng), {}};
  for (uint64_t i = 1 + rng.Below(9); i > 0; --i) {
    plan.slots.Add(SlotId{static_cast<uint16_t>(rng.Below(kSlotCount))});
  }
  state.open_slots.SetPlan(std::move(plan));
}

}  // namespace

PersistentState RandomState(Rng& rng, uint64_t max_nodes) {
  PersistentState state;
  state.current_epoch = {rng.Below(uint64_t{1} << (1 + rng.Below(63)))};
  const uint64_t count = 1 + rng.Below(max_nodes);
  for (uint64_t i = 0; i < count; ++i) state.nodes.push_back(RandomNode(rng, state.current_epoch));
  std::sort(state.nodes.begin(), state.nodes.end(),
            [](const NodeRecord& a, const NodeRecord& b) { return a.id < b.id; });
  state.self = state.nodes[rng.Below(count)].id;
  for (NodeRecord& node : state.nodes) {
    if (node.role == Role::kPrimary || rng.Chance(100)) continue;
    const NodeId& primary = state.nodes[rng.Below(count)].id;
    if (primary != node.id) node.primary = primary;
  }
  if (rng.Chance(700)) AddRandomSlots(rng, state);
  if (rng.Chance(300)) AddRandomOpenSlots(rng, state);
  if (rng.Chance(800)) {
    state.ledger.emplace();
    state.ledger->floor = {rng.Below(1000)};
    state.ledger->settled = rng.Chance(500);
    for (uint64_t i = rng.Below(10); i > 0; --i) {
      state.ledger->votes.push_back(
          {ShardId::Random(rng), Epoch{rng.Below(1000)}, NodeId::Random(rng)});
    }
    std::sort(state.ledger->votes.begin(), state.ledger->votes.end(),
              [](const VoteRecord& a, const VoteRecord& b) { return a.shard < b.shard; });
  }
  return state;
}

void TestStateStore(const std::function<std::unique_ptr<StoreUnderTest>()>& make) {
  const std::unique_ptr<StoreUnderTest> test = make();
  Rng rng(7);

  SECTION("before the first save there is nothing") {
    CHECK(test->store().Load().status().code() == absl::StatusCode::kNotFound);
    test->Restart();
    CHECK(test->store().Load().status().code() == absl::StatusCode::kNotFound);
  }

  SECTION("what was saved is loaded, also by the next process") {
    for (const bool sync : {true, false}) {
      const PersistentState state = RandomState(rng, 20);
      Save(*test, state, sync);
      const absl::StatusOr<PersistentState> here = test->store().Load();
      REQUIRE(here.ok());
      CHECK((*here == state));
      test->Restart();
      const absl::StatusOr<PersistentState> there = test->store().Load();
      REQUIRE(there.ok());
      CHECK((*there == state));
    }
  }

  SECTION("each save replaces the whole state") {
    Save(*test, RandomState(rng, 100), true);
    const PersistentState small = RandomState(rng, 1);
    Save(*test, small, true);
    test->Restart();
    const absl::StatusOr<PersistentState> loaded = test->store().Load();
    REQUIRE(loaded.ok());
    CHECK((*loaded == small));
  }

  SECTION("the caller may change the state as soon as Save returns") {
    const PersistentState state = RandomState(rng, 20);
    PersistentState given = state;
    bool done = false;
    test->store().Save(given, true, [&](absl::Status) { done = true; });
    given = PersistentState();
    REQUIRE(test->RunUntil([&] { return done; }));
    const absl::StatusOr<PersistentState> loaded = test->store().Load();
    REQUIRE(loaded.ok());
    CHECK((*loaded == state));
  }

  SECTION("the next save may begin when the one before tells that it is done") {
    const PersistentState second = RandomState(rng, 20);
    int done = 0;
    test->store().Save(RandomState(rng, 20), true, [&](absl::Status) {
      ++done;
      test->store().Save(second, true, [&](absl::Status status) {
        ++done;
        CHECK(status == absl::OkStatus());
      });
    });
    REQUIRE(test->RunUntil([&] { return done == 2; }));
    const absl::StatusOr<PersistentState> loaded = test->store().Load();
    REQUIRE(loaded.ok());
    CHECK((*loaded == second));
  }
}

}  // namespace clusterkit
