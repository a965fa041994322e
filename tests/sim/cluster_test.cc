// What sim::Cluster promises to hosts.

#include "clusterkit/sim/cluster.h"

#include <memory>
#include <vector>

#include "clusterkit/sim/checkers.h"
#include "clusterkit/sim/data_plane.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

Options Fast() {
  Options options;
  options.node_timeout = absl::Seconds(1);
  return options;
}

TEST_CASE("a cluster forms by commands, and from disks") {
  const bool preloaded = GENERATE(false, true);
  Cluster cluster(1, Fast());
  const absl::Status formed = Form(cluster, {3, 1, preloaded});
  INFO(formed.message());
  REQUIRE(formed.ok());
  CHECK(cluster.names() == std::vector<Name>{"p1", "p2", "p3", "r1", "r2", "r3"});
  const auto view = cluster.node("r3").view();
  CHECK(view->slots().CountOf(cluster.IdOf("p1")) == 5461);
  CHECK(view->self().primary == cluster.IdOf("p3"));
  CHECK(cluster.NameOf(cluster.IdOf("p2")) == "p2");
  CHECK(absl::IsAlreadyExists(cluster.AddNode("p1")));
}

TEST_CASE("the scripted hosts write at primaries and follow at replicas") {
  Cluster cluster(1, Fast());
  DataPlane plane(cluster);
  REQUIRE(Form(cluster, {}).ok());
  cluster.Advance(absl::Seconds(3));
  const Progress primary = *plane.ProgressOf("p1"), replica = *plane.ProgressOf("r1");
  CHECK(primary.offset > 0);
  CHECK(replica.synced);
  CHECK(replica.offset + 20 >= primary.offset);

  SECTION("a primary that is cut off stops writing") {
    cluster.Partition({{"p1"}});
    cluster.Advance(absl::Seconds(2));
    const uint64_t writes = plane.WritesTaken("p1");
    cluster.Advance(absl::Seconds(5));
    CHECK(plane.WritesTaken("p1") == writes);
  }
  SECTION("a replica whose primary died is elected") {
    cluster.Crash("p1");
    CHECK(cluster.AdvanceUntil(
        [&] { return cluster.node("r1").view()->self().role == Role::kPrimary; },
        absl::Seconds(10)));
  }
}

TEST_CASE("a timer waits for a paused process and dies with it") {
  Cluster cluster(1, Fast());
  REQUIRE(cluster.AddNode("a").ok());
  std::vector<int> ran;
  cluster.After("a", absl::Milliseconds(10), [&] { ran.push_back(1); });
  cluster.Pause("a");
  cluster.Advance(absl::Milliseconds(20));
  CHECK(ran.empty());
  cluster.Resume("a");
  cluster.Advance(absl::ZeroDuration());
  CHECK(ran == std::vector<int>{1});
  cluster.After("a", absl::Milliseconds(10), [&] { ran.push_back(2); });
  cluster.Crash("a");
  REQUIRE(cluster.Restart("a").ok());
  cluster.Advance(absl::Milliseconds(20));
  CHECK(ran == std::vector<int>{1});
}

TEST_CASE("a node keeps its identity over a crash and loses it with its disk") {
  Cluster cluster(1, Fast());
  REQUIRE(cluster.AddNode("a").ok());
  cluster.Advance(absl::Seconds(1));
  const NodeId id = cluster.IdOf("a");
  cluster.Crash("a");
  CHECK(cluster.IdOf("a") == id);
  REQUIRE(cluster.Restart("a").ok());
  CHECK(cluster.IdOf("a") == id);
  cluster.Crash("a");
  cluster.SetDisk("a", std::nullopt);
  REQUIRE(cluster.Restart("a").ok());
  CHECK(cluster.IdOf("a") != id);
}

TEST_CASE("a node may be crashed from its own event") {
  Cluster cluster(1, Fast());
  REQUIRE(Form(cluster, {}).ok());
  bool crashed = false;
  cluster.AddEventSink([&](const Cluster::TracedEvent& traced) {
    if (traced.node != "r1" || !std::holds_alternative<ElectionStarted>(traced.event)) return;
    cluster.Crash("r1");
    crashed = true;
  });
  cluster.Crash("p1");
  cluster.Advance(absl::Seconds(10));
  CHECK(crashed);
  CHECK_FALSE(cluster.Running("r1"));
}

TEST_CASE("a frame sink may break the link a frame was meant for") {
  Cluster cluster(1, Fast());
  REQUIRE(Form(cluster, {3, 0}).ok());
  bool deaf = true;
  int refused = 0;
  cluster.AddFrameSink([&](const Cluster::TracedFrame& frame) {
    const bool hit = deaf && frame.from == "p1" && frame.to == "p2";
    refused += hit ? 1 : 0;
    return !hit;
  });
  cluster.Advance(absl::Seconds(3));
  CHECK(refused > 0);
  deaf = false;
  CHECK(cluster.AdvanceUntil([&] { return CheckAgreement(cluster).ok(); }, absl::Seconds(10)));
}

TEST_CASE("nodes survive a node_timeout of 1 ms, and come together with a sensible one") {
  Options options = Fast();
  options.node_timeout = absl::Milliseconds(1);
  Cluster cluster(1, options);
  Checkers checkers;
  checkers.Attach(cluster);
  LinkFaults usual;
  usual.latency = absl::Milliseconds(2);  // So that everybody fails all the time.
  cluster.SetDefaultFaults(usual);
  for (const char* name : {"a", "b", "c", "d"}) REQUIRE(cluster.AddNode(name).ok());
  REQUIRE(cluster.node("a").AddSlots(SlotSet::Of({SlotId{0}, SlotId{8000}})).ok());
  REQUIRE(cluster.node("b").AddSlots(SlotSet::Of({SlotId{8001}, SlotId{kSlotCount - 1}})).ok());
  for (const char* name : {"b", "c", "d"}) {
    REQUIRE(cluster.node(name).Meet(cluster.BusOf("a")).ok());
  }
  cluster.Advance(absl::Seconds(5));
  for (const Violation& violation : checkers.violations()) FAIL(violation.text);
  for (const Name& name : cluster.names()) {
    REQUIRE(cluster.Running(name));
    Options sensible = cluster.node(name).options();
    sensible.node_timeout = absl::Seconds(1);
    REQUIRE(cluster.node(name).Reconfigure(sensible).ok());
  }
  CHECK(cluster.AdvanceUntil([&] { return CheckAgreement(cluster).ok(); }, absl::Seconds(20)));
}

TEST_CASE("clocks differ between nodes without any effect") {
  Cluster cluster(1, Fast());
  REQUIRE(Form(cluster, {}).ok());
  cluster.SetClock("p1", absl::Hours(5), 300);
  cluster.SetClock("p2", absl::Hours(1), -300);
  CHECK(cluster.LocalNow("p1") - cluster.LocalNow("p2") == absl::Hours(4));
  cluster.Advance(absl::Minutes(1));
  CHECK(CheckAgreement(cluster).ok());
}

}  // namespace
}  // namespace clusterkit::sim
