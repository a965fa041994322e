// Planned changes of a primary under load: what they cost.

#include <memory>
#include <string>

#include "clusterkit/sim/actions.h"
#include "clusterkit/sim/data_plane.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

// Primaries that write all the time; a write is acknowledged before it is replicated.
struct Service {
  explicit Service(uint64_t seed)
      : cluster(seed, Fast()), plane(cluster), actions(&cluster, &plane) {
    REQUIRE(Form(cluster, {3, 2, true}).ok());
    cluster.AddEventSink([this](const Cluster::TracedEvent& traced) {
      if (const auto* departed = std::get_if<Departed>(&traced.event)) {
        departures.emplace_back(traced.node, departed->status);
      }
    });
    cluster.Advance(absl::Seconds(2));
  }
  static Options Fast() {
    Options options;
    options.node_timeout = absl::Seconds(1);
    return options;
  }
  void Do(const std::string& line) {
    const auto output = actions.Run(line);
    REQUIRE(output.ok());
    REQUIRE(*output == "ok\n");
  }
  bool UntilPrimary(const Name& name) {
    return cluster.AdvanceUntil(
        [&] { return cluster.node(name).view()->self().role == Role::kPrimary; }, absl::Seconds(5));
  }
  Workload::Writes Count() {
    cluster.Advance(absl::Seconds(5));
    plane.AtRest();
    return plane.CountWrites();
  }

  Cluster cluster;
  DataPlane plane;
  Actions actions;
  std::vector<std::pair<Name, absl::Status>> departures;
};

TEST_CASE("a failover by command loses no write, however often it is repeated") {
  Service service(GENERATE(1, 2, 3));
  for (const char* name : {"r1", "p1", "r4", "r2", "p2"}) {
    service.Do(std::string("failover ") + name);
    CHECK(service.UntilPrimary(name));
    service.cluster.Advance(absl::Seconds(4));
  }
  const Workload::Writes writes = service.Count();
  CHECK(writes.acknowledged > 1000);
  CHECK(writes.lost == 0);
}

TEST_CASE("a forced failover may lose what was not replicated, as it says") {
  Service service(1);
  // Its replica does not hear of the last writes.
  service.Do("faults p1 r1 latency=400ms");
  service.Do("faults p1 r4 latency=400ms");
  service.cluster.Advance(absl::Seconds(1));
  service.Do("failover r1 force");
  REQUIRE(service.UntilPrimary("r1"));
  service.actions.EndFaults();
  CHECK(service.Count().lost > 0);
}

TEST_CASE("nodes that stop one after the other, and come back, lose no write") {
  Service service(GENERATE(1, 2, 3));
  for (const char* name : {"p1", "p2", "p3", "r1", "r2", "r3"}) {
    const size_t before = service.departures.size();
    service.Do(std::string("stop ") + name + " within=10s");
    REQUIRE(service.cluster.AdvanceUntil([&] { return service.departures.size() > before; },
                                         absl::Seconds(11)));
    CHECK(service.departures.back().first == name);
    CHECK(service.departures.back().second == absl::OkStatus());
    service.cluster.Crash(name);
    service.cluster.Advance(absl::Seconds(1));
    REQUIRE(service.cluster.Restart(name).ok());
    service.cluster.Advance(absl::Seconds(2));
  }
  const Workload::Writes writes = service.Count();
  CHECK(writes.acknowledged > 1000);
  CHECK(writes.lost == 0);
}

TEST_CASE("a primary whose replica does not catch up in time goes on as before") {
  Service service(1);
  service.Do("faults p1 r1 cut=on");
  service.Do("faults p1 r4 cut=on");
  service.Do("failover r1");
  service.cluster.Advance(absl::Seconds(30));
  CHECK(service.cluster.node("p1").view()->self().role == Role::kPrimary);
  const uint64_t before = service.plane.WritesTaken("p1");
  service.cluster.Advance(absl::Seconds(2));
  CHECK(service.plane.WritesTaken("p1") > before);
}

}  // namespace
}  // namespace clusterkit::sim
