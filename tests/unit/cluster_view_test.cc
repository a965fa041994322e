#include "clusterkit/cluster_view.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "clusterkit/view_publisher.h"
#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

NodeId Id(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}

ShardId Shard(uint8_t n) {
  ShardId shard;
  shard.bytes[0] = n;
  return shard;
}

NodeView Primary(uint8_t n, uint8_t shard, uint64_t config_epoch = 0) {
  NodeView node;
  node.id = Id(n);
  node.shard = Shard(shard);
  node.config_epoch = {config_epoch};
  return node;
}

NodeView ReplicaOf(uint8_t n, uint8_t shard, uint8_t primary) {
  NodeView node = Primary(n, shard);
  node.role = Role::kReplica;
  node.primary = Id(primary);
  return node;
}

SlotSet Slots(int first, int last) {
  return SlotSet::Of({{static_cast<uint16_t>(first)}, {static_cast<uint16_t>(last)}});
}

std::shared_ptr<const ClusterView> MakeView(uint64_t version, const std::vector<NodeView>& nodes,
                                            SlotMap slots,
                                            std::shared_ptr<const ServeLease> lease = nullptr) {
  ClusterView::Nodes shared;
  for (const NodeView& node : nodes) shared.push_back(std::make_shared<const NodeView>(node));
  if (lease == nullptr) lease = std::make_shared<ServeLease>();
  return std::make_shared<const ClusterView>(
      version, nodes.front().id, std::move(shared),
      std::make_shared<const SlotMap>(std::move(slots)),
      OwnSituation{ClusterState::kOk, DownReason::kNone,
                   /*data_missing=*/false,
                   /*allow_reads_when_down=*/false, std::move(lease), nullptr});
}

TEST_CASE("voters are the primaries with slots, whether they failed or not") {
  // Given a failed owner, a primary without slots, a replica, and a replica to which stale
  // slots are still bound.
  NodeView failed = Primary(2, 2);
  failed.health = Health::kFail;
  SlotMap slots;
  slots.Bind(Slots(0, 99), Id(1));
  slots.Bind(Slots(100, 100), Id(2));
  slots.Bind(Slots(200, 299), Id(5));
  const auto view = MakeView(
      1, {Primary(1, 1), failed, Primary(3, 3), ReplicaOf(4, 1, 1), ReplicaOf(5, 2, 2)}, slots);

  REQUIRE(view->voters() == std::vector<NodeId>{Id(1), Id(2)});
  REQUIRE(view->IsVoter(Id(1)));
  REQUIRE(view->IsVoter(Id(2)));
  for (uint8_t n : {3, 4, 5, 6}) REQUIRE_FALSE(view->IsVoter(Id(n)));
}

TEST_CASE("a quorum is more than half of the voters") {
  for (int voters = 0; voters <= 9; ++voters) {
    std::vector<NodeView> nodes;
    SlotMap slots;
    for (int n = 1; n <= 9; ++n) nodes.push_back(Primary(static_cast<uint8_t>(n), 1));
    for (int n = 1; n <= voters; ++n) slots.Bind(Slots(n, n), Id(static_cast<uint8_t>(n)));
    const auto view = MakeView(1, nodes, slots);
    REQUIRE(view->voters().size() == static_cast<size_t>(voters));
    REQUIRE(2 * view->Quorum() > voters);
    REQUIRE(2 * (view->Quorum() - 1) <= voters);
  }
}

TEST_CASE("nodes are found by id, owners by slot") {
  SlotMap slots;
  slots.Bind(Slots(0, 9), Id(1));
  slots.Bind(Slots(10, 19), Id(3));
  const auto view = MakeView(7, {Primary(1, 1), Primary(3, 3)}, slots);
  REQUIRE(view->version() == 7);
  REQUIRE(view->self().id == Id(1));
  REQUIRE(view->Find(Id(3))->shard == Shard(3));
  for (uint8_t n : {0, 2, 4}) REQUIRE(view->Find(Id(n)) == nullptr);
  REQUIRE(view->OwnerOf({5}) == &view->self());
  REQUIRE(view->OwnerOf({15}) == view->Find(Id(3)));
  REQUIRE(view->OwnerOf({20}) == nullptr);
}

TEST_CASE("the primary of a shard is its slot owner with the greatest config epoch") {
  // Given a shard with a former primary that still holds a slot, its successor, and a primary
  // without slots whose epoch is greater still.
  SlotMap slots;
  slots.Bind(Slots(0, 9), Id(1));
  slots.Bind(Slots(10, 19), Id(2));
  const auto view = MakeView(
      1, {Primary(1, 1, 3), Primary(2, 1, 4), Primary(3, 1, 9), ReplicaOf(4, 5, 9)}, slots);
  REQUIRE(view->PrimaryOf(Shard(1)) == view->Find(Id(2)));
  REQUIRE(view->PrimaryOf(Shard(5)) == nullptr);
  REQUIRE(view->PrimaryOf(Shard(6)) == nullptr);
}

TEST_CASE("a lease that was never extended has lapsed at any time") {
  const ServeLease lease;
  REQUIRE(lease.until() < Instant{});
  REQUIRE(lease.until() < Instant{-absl::Hours(1)});
}

TEST_CASE("a lease is extended for every view that shares it, and never shortened") {
  const auto lease = std::make_shared<ServeLease>();
  const auto view = MakeView(1, {Primary(1, 1)}, SlotMap(), lease);
  lease->Extend({absl::Seconds(10)});
  REQUIRE(view->serve_until() == Instant{absl::Seconds(10)});
  lease->Extend({absl::Seconds(9)});
  REQUIRE(view->serve_until() == Instant{absl::Seconds(10)});
  lease->Extend({absl::Seconds(11)});
  REQUIRE(view->serve_until() == Instant{absl::Seconds(11)});
}

TEST_CASE("a lease may begin before the origin of the clock and may have no end") {
  ServeLease lease;
  lease.Extend({-absl::Seconds(5)});
  REQUIRE(lease.until() == Instant{-absl::Seconds(5)});
  lease.Extend(Instant::InfiniteFuture());
  REQUIRE(lease.until() > Instant{absl::Hours(24 * 365 * 100)});
}

TEST_CASE("a revoked lease has lapsed for good, for views of the past and of the future") {
  const auto lease = std::make_shared<ServeLease>();
  const auto before = MakeView(1, {Primary(1, 1)}, SlotMap(), lease);
  lease->Extend({absl::Seconds(10)});
  lease->Revoke();
  REQUIRE(before->serve_until() < Instant{});
  lease->Extend({absl::Seconds(20)});
  const auto after = MakeView(2, {Primary(1, 1)}, SlotMap(), lease);
  REQUIRE(before->serve_until() < Instant{});
  REQUIRE(after->serve_until() < Instant{});

  // The next term of authority has a lease of its own.
  const auto next = std::make_shared<ServeLease>();
  next->Extend({absl::Seconds(20)});
  REQUIRE(MakeView(3, {Primary(1, 1)}, SlotMap(), next)->serve_until() ==
          Instant{absl::Seconds(20)});
}

TEST_CASE("a reader sees the latest view and keeps it while nothing changed") {
  ViewPublisher publisher(MakeView(1, {Primary(1, 1)}, SlotMap()));
  ViewReader reader(&publisher);
  const ClusterView* first = &reader.Get();
  REQUIRE(first->version() == 1);
  REQUIRE(&reader.Get() == first);
  publisher.Publish(MakeView(2, {Primary(1, 1)}, SlotMap()));
  REQUIRE(publisher.version() == 2);
  REQUIRE(publisher.Latest()->version() == 2);
  REQUIRE(reader.Get().version() == 2);
}

TEST_CASE("a view outlives its replacement for whoever holds it") {
  ViewPublisher publisher(MakeView(1, {Primary(1, 1)}, SlotMap()));
  const auto held = publisher.Latest();
  publisher.Publish(MakeView(2, {Primary(1, 1), Primary(2, 2)}, SlotMap()));
  REQUIRE(held->version() == 1);
  REQUIRE(held->nodes().size() == 1);
}

TEST_CASE("readers on other threads see whole views in order, and the lease move") {
  constexpr uint64_t kLast = 2000;
  const auto lease = std::make_shared<ServeLease>();
  // Each view binds as many slots as its version says, so a torn one would show.
  const auto make = [&](uint64_t version) {
    SlotMap slots;
    slots.Bind(Slots(0, static_cast<int>(version) - 1), Id(1));
    return MakeView(version, {Primary(1, 1)}, std::move(slots), lease);
  };
  ViewPublisher publisher(make(1));
  std::atomic<int> faults{0};
  const auto read = [&] {
    ViewReader reader(&publisher);
    uint64_t last_version = 0;
    Instant last_until = Instant::InfinitePast();
    while (last_version < kLast) {
      const ClusterView& view = reader.Get();
      const Instant until = view.serve_until();
      if (view.version() < last_version || until < last_until ||
          view.slots().AssignedCount() != static_cast<int>(view.version())) {
        ++faults;
        return;
      }
      last_version = view.version();
      last_until = until;
    }
  };
  std::thread one(read);
  std::thread two(read);
  for (uint64_t version = 2; version <= kLast; ++version) {
    lease->Extend({absl::Milliseconds(1) * static_cast<int64_t>(version)});
    publisher.Publish(make(version));
  }
  one.join();
  two.join();
  REQUIRE(faults == 0);
}

TEST_CASE("who votes always is a voter in any role, and owns no shard by that") {
  ViewBuilder nodes(2);
  nodes.Replica(8, 1);
  nodes[8].voting = Voting::kAlways;
  nodes[1].voting = Voting::kAlways;
  NodeView& witness = nodes[20];
  witness.id = TestNode(20);
  witness.shard = TestShard(20);
  witness.voting = Voting::kWitness;
  const auto view = nodes.As(1);
  CHECK(view->voters() == std::vector<NodeId>{TestNode(1), TestNode(2), TestNode(8), TestNode(20)});
  CHECK(view->Quorum() == 3);
  CHECK(view->IsVoter(TestNode(8)));
  CHECK(view->slot_owners().size() == 2);
  CHECK(view->PrimaryOf(TestShard(20)) == nullptr);
  CHECK(view->PrimaryOf(TestShard(1))->id == TestNode(1));
}

}  // namespace
}  // namespace clusterkit
