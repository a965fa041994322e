#include "core/replica_migration.h"

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Seconds;

// Primary 1 has replicas 11, 12 and 13; primary 2 has 21; primary 3 has none.
struct Fixture {
  Fixture() {
    for (uint8_t n : {11, 12, 13}) nodes.Replica(n, 1);
    nodes.Replica(21, 2);
  }
  // What node `n` does after having looked at the cluster for so long.
  std::optional<NodeId> After(uint8_t n, absl::Duration time) {
    ReplicaMigration migration(options);
    (void)migration.Evaluate(*nodes.As(n), At(absl::ZeroDuration()));
    return migration.Evaluate(*nodes.As(n), At(time));
  }
  Options options;
  ViewBuilder nodes{3};
};

TEST_CASE("the replica with the smallest id leaves the primary with the most, after five seconds") {
  Fixture f;
  CHECK_FALSE(f.After(11, Seconds(5)).has_value());
  CHECK(f.After(11, Seconds(6)) == TestNode(3));
  for (uint8_t n : {12, 13, 21, 1, 2, 3}) CHECK_FALSE(f.After(n, Seconds(6)).has_value());
}

TEST_CASE("nobody moves below the barrier, when it is not allowed, or to a primary that failed") {
  Fixture f;
  SECTION("the barrier") {
    f.options.migration_barrier = 2;
    CHECK(f.After(11, Seconds(6)).has_value());
    f.options.migration_barrier = 3;
  }
  SECTION("not allowed") { f.options.allow_replica_migration = false; }
  SECTION("failed") { f.nodes.Set(3, Health::kFail); }
  SECTION("suspected") { f.nodes.Set(3, Health::kPfail); }
  SECTION("it owns nothing") { f.nodes.slots().Release(TestNode(3)); }
  SECTION("a replica that may be well") { f.nodes.Replica(31, 3).Set(31, Health::kPfail); }
  CHECK_FALSE(f.After(11, Seconds(6)).has_value());
}

TEST_CASE("the last replica stays, whatever the barrier") {
  Fixture f;
  f.options.migration_barrier = 0;
  f.nodes.Set(12, Health::kFail).Set(13, Health::kFail);
  CHECK_FALSE(f.After(11, Seconds(6)).has_value());
  CHECK_FALSE(f.After(21, Seconds(6)).has_value());
  f.nodes.Set(12, Health::kOnline);
  CHECK(f.After(11, Seconds(6)) == TestNode(3));
}

TEST_CASE("replicas that failed count for nothing") {
  Fixture f;
  f.nodes.Set(21, Health::kFail).Set(11, Health::kFail);
  CHECK_FALSE(f.After(11, Seconds(6)) == TestNode(2));
  CHECK(f.After(12, Seconds(6)) == TestNode(2));
}

TEST_CASE("a primary that had a replica in between is an orphan anew") {
  Fixture f;
  ReplicaMigration migration(f.options);
  const auto evaluate = [&](uint64_t version, absl::Duration t) {
    const auto base = f.nodes.As(11);
    const ClusterView view(version, base->self().id, base->nodes(),
                           std::make_shared<SlotMap>(base->slots()),
                           {.state = ClusterState::kOk,
                            .down_reason = DownReason::kNone,
                            .lease = std::make_shared<ServeLease>(),
                            .open_slots = nullptr});
    return migration.Evaluate(view, At(t));
  };
  CHECK_FALSE(evaluate(1, Seconds(0)).has_value());
  f.nodes.Replica(31, 3);
  CHECK_FALSE(evaluate(2, Seconds(4)).has_value());
  f.nodes.Set(31, Health::kFail);
  CHECK_FALSE(evaluate(3, Seconds(5)).has_value());
  CHECK_FALSE(evaluate(3, Seconds(9)).has_value());
  CHECK(evaluate(3, Seconds(11)) == TestNode(3));
}

}  // namespace
}  // namespace clusterkit
