#include "clusterkit/gossip_engine.h"

#include <algorithm>

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Milliseconds;
constexpr absl::Duration kTimeout = absl::Seconds(1);

struct Fixture {
  Options options = Options::Loopback();
  GossipEngine gossip{options};
  ViewBuilder nodes;
  Rng rng{1};

  explicit Fixture(int primaries) : nodes(primaries) {
    for (int n = 2; n <= primaries; ++n) {
      gossip.Track(TestNode(static_cast<uint8_t>(n)), At(absl::ZeroDuration()));
    }
  }
  void AnswerAll(uint8_t last, absl::Duration t) {
    for (uint8_t n = 2; n <= last; ++n) gossip.OnPong(TestNode(n), At(t));
  }
  std::vector<NodeId> Pick(absl::Duration t) {
    return gossip.PickPingTargets(*nodes.As(1), At(t), rng);
  }
};

TEST_CASE("whoever has not answered for half of node_timeout is pinged, once") {
  Fixture f(3);
  f.AnswerAll(3, absl::ZeroDuration());
  f.Pick(absl::ZeroDuration());
  CHECK(f.Pick(kTimeout / 2 - Milliseconds(1)).empty());
  CHECK(f.Pick(kTimeout / 2).size() == 2);
  f.gossip.OnPingSent(TestNode(2), At(kTimeout / 2));
  CHECK(f.Pick(kTimeout / 2) == std::vector<NodeId>{TestNode(3)});
}

TEST_CASE("a ping that was passed over is repeated") {
  Fixture f(3);
  f.AnswerAll(3, absl::ZeroDuration());
  f.Pick(absl::ZeroDuration());
  f.gossip.OnPingSent(TestNode(2), At(kTimeout / 2));
  const auto targets = f.Pick(kTimeout);
  CHECK(std::count(targets.begin(), targets.end(), TestNode(2)) == 1);
}

TEST_CASE("once a second one of the nodes that answered longest ago is pinged at random") {
  Fixture f(40);
  f.options.node_timeout = absl::Seconds(60);
  f.AnswerAll(40, absl::ZeroDuration());
  CHECK(f.Pick(Milliseconds(1)).size() == 1);
  CHECK(f.Pick(Milliseconds(900)).empty());
  CHECK(f.Pick(Milliseconds(1001)).size() == 1);
}

TEST_CASE("nodes without a link are not pinged") {
  Fixture f(3);
  f.nodes[2].linked = false;
  CHECK(f.Pick(kTimeout) == std::vector<NodeId>{TestNode(3)});
}

TEST_CASE("an answer known by gossip postpones a ping, but not between voters") {
  Fixture f(3);
  f.nodes.Replica(9, 2);
  f.gossip.Track(TestNode(9), At(absl::ZeroDuration()));
  f.gossip.OnPong(TestNode(9), At(absl::ZeroDuration()));
  f.AnswerAll(3, absl::ZeroDuration());
  f.Pick(absl::ZeroDuration());
  GossipEntry fresh{TestNode(9),    f.nodes[9].bus,  {},
                    Role::kReplica, Health::kOnline, Milliseconds(1)};
  GossipEntry voter{TestNode(2),    f.nodes[2].bus,  {},
                    Role::kPrimary, Health::kOnline, Milliseconds(1)};
  f.gossip.Merge(*f.nodes.As(1), TestNode(3), {fresh, voter}, At(Milliseconds(400)));
  const auto targets = f.Pick(kTimeout / 2);
  CHECK(std::count(targets.begin(), targets.end(), TestNode(9)) == 0);
  CHECK(std::count(targets.begin(), targets.end(), TestNode(2)) == 1);
}

TEST_CASE("gossip holds a tenth of the nodes, at least three, and every PFAIL node") {
  Fixture f(100);
  auto size = [&] {
    return f.gossip.BuildGossip(*f.nodes.As(1), TestNode(2), At(kTimeout), f.rng).size();
  };
  CHECK(size() == 10);
  for (uint8_t n = 50; n < 60; ++n) f.nodes.Set(n, Health::kPfail);
  CHECK(size() == 20);
  f.options.max_gossip_entries = 5;
  CHECK(size() == 5);
  Fixture small(4);
  auto entries = small.gossip.BuildGossip(*small.nodes.As(1), TestNode(2), At(kTimeout), small.rng);
  REQUIRE(entries.size() == 2);
  for (const GossipEntry& entry : entries) {
    CHECK(entry.id != TestNode(1));
    CHECK(entry.id != TestNode(2));
  }
}

TEST_CASE("a voter's gossip is a report in both directions, others' is none") {
  Fixture f(3);
  f.nodes.Replica(9, 1);
  GossipEntry bad{TestNode(3), f.nodes[3].bus, {}, Role::kPrimary, Health::kPfail, kTimeout};
  auto merge = f.gossip.Merge(*f.nodes.As(1), TestNode(2), {bad}, At(kTimeout));
  REQUIRE(merge.reports.size() == 1);
  CHECK(merge.reports[0] == SuspicionReport::Item{TestNode(3), true});
  bad.health = Health::kOnline;
  merge = f.gossip.Merge(*f.nodes.As(1), TestNode(2), {bad}, At(kTimeout));
  CHECK(merge.reports.at(0) == SuspicionReport::Item{TestNode(3), false});
  CHECK(f.gossip.Merge(*f.nodes.As(1), TestNode(9), {bad}, At(kTimeout)).reports.empty());
}

TEST_CASE("unknown nodes with an address are offered, what is said of ourselves is ignored") {
  Fixture f(3);
  GossipEntry stranger{TestNode(77),   {"10.0.0.77", 1}, {},
                       Role::kPrimary, Health::kOnline,  kTimeout};
  GossipEntry homeless{TestNode(78), {"", 0}, {}, Role::kPrimary, Health::kOnline, kTimeout};
  GossipEntry self{TestNode(1), {"6.6.6.6", 1}, {}, Role::kReplica, Health::kFail, kTimeout};
  auto merge =
      f.gossip.Merge(*f.nodes.As(1), TestNode(2), {stranger, homeless, self}, At(kTimeout));
  CHECK(merge.unknown == std::vector<GossipEntry>{stranger});
  CHECK(merge.reports.empty());
  CHECK(merge.moved.empty());
}

TEST_CASE("a failed node that is well elsewhere at another address has moved") {
  Fixture f(3);
  f.nodes.Set(3, Health::kFail);
  GossipEntry entry{TestNode(3),    {"10.9.9.9", 1}, {},
                    Role::kPrimary, Health::kOnline, Milliseconds(5)};
  auto merge = f.gossip.Merge(*f.nodes.As(1), TestNode(2), {entry}, At(kTimeout));
  CHECK(merge.moved == std::vector<GossipEntry>{entry});
}

}  // namespace
}  // namespace clusterkit
