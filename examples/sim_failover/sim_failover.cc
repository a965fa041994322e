// Six nodes in one thread and virtual time: three primaries, a replica of each. One primary dies,
// and its replica is elected in its place. No network, no disk, no waiting; the same output each
// time.
//
// The timeline tells what three of them see: p1, which dies; r1, its replica; and p2, which votes,
// as p3 does. Each line is an event, as a host's Observer gets it.

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <variant>

#include "clusterkit/describe.h"
#include "clusterkit/sim/cluster.h"

namespace {

using clusterkit::sim::Cluster;

// Prints events with the time that has passed since it was made.
class Timeline {
 public:
  explicit Timeline(Cluster& cluster) : cluster_(cluster), start_(cluster.now()) {
    cluster.AddEventSink([this](const Cluster::TracedEvent& traced) { Print(traced); });
  }

  void Note(const std::string& text) const { Line(cluster_.now(), "", text); }

 private:
  void Print(const Cluster::TracedEvent& traced) const {
    if (traced.node == "p3" || traced.node == "r2" || traced.node == "r3") return;
    const auto name = [&](const clusterkit::NodeId& id) { return cluster_.NameOf(id); };
    Line(traced.at, traced.node, clusterkit::Describe(traced.event, name));
  }

  void Line(clusterkit::Instant at, const std::string& who, const std::string& what) const {
    std::printf("%+9.1f ms  %-3s %s\n", absl::ToDoubleMilliseconds(at - start_), who.c_str(),
                what.c_str());
  }

  Cluster& cluster_;
  const clusterkit::Instant start_;
};

}  // namespace

int main() {
  Cluster cluster(/*seed=*/1, clusterkit::Options::Loopback());
  const absl::Status formed =
      clusterkit::sim::Form(cluster, {.primaries = 3, .replicas_per_primary = 1});
  if (!formed.ok()) return std::cerr << "no cluster: " << formed << "\n", 1;
  const auto owns_slots = [&](const char* name) {
    return cluster.Running(name) && cluster.node(name).view()->self().slot_count > 0;
  };

  Timeline timeline(cluster);
  timeline.Note("p1 crashes");
  cluster.Crash("p1", /*lose_unsynced=*/false);
  if (!cluster.AdvanceUntil([&] { return owns_slots("r1"); }, absl::Seconds(10))) {
    return std::cerr << "nobody was elected in place of p1\n", 1;
  }
  cluster.Advance(absl::Seconds(1));

  timeline.Note("p1 is started again");
  const absl::Status restarted = cluster.Restart("p1");
  if (!restarted.ok()) return std::cerr << "p1 does not start: " << restarted << "\n", 1;
  cluster.Advance(absl::Seconds(3));
  const absl::Status agreed = clusterkit::sim::CheckAgreement(cluster);
  timeline.Note(agreed.ok() ? "all agree" : agreed.ToString());
  return agreed.ok() ? 0 : 1;
}
