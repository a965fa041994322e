// A cluster of six nodes in one process, over an in-memory network: one primary dies, and its
// replica is elected. Exit status 0 if that happened.

#include <iostream>
#include <variant>

#include "absl/status/status.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/cluster.h"

int main() {
  namespace ck = clusterkit;

  ck::sim::Cluster cluster(/*seed=*/1, ck::Options::Loopback());
  if (absl::Status formed = ck::sim::Form(cluster, {.primaries = 3, .replicas_per_primary = 1});
      !formed.ok()) {
    std::cerr << "the cluster did not form: " << formed << "\n";
    return 1;
  }

  const ck::Instant killed_at = cluster.now();
  bool promoted = false;
  cluster.AddEventSink([&](const ck::sim::Cluster::TracedEvent& traced) {
    const auto* change = std::get_if<ck::RoleChanged>(&traced.event);
    if (change == nullptr || change->cause != ck::RoleChanged::Cause::kElected) return;
    if (change->id != cluster.IdOf(traced.node)) return;  // Another node's promotion.
    promoted = traced.node == "r1" && change->to == ck::Role::kPrimary;
    const auto name = [&](const ck::NodeId& id) { return cluster.NameOf(id); };
    std::cout << traced.node << " after " << (traced.at - killed_at) << ": "
              << ck::Describe(traced.event, name) << "\n";
  });

  cluster.Crash("p1");
  if (!cluster.AdvanceUntil([&] { return promoted; }, absl::Seconds(10))) {
    std::cerr << "nobody was elected in place of p1\n";
    return 1;
  }
  return 0;
}
