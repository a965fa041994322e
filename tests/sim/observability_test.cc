// What nodes tell of a failover, seen over a whole cluster.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "clusterkit/describe.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/data_plane.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

// A formed cluster whose first primary is killed, until its replica has replaced it everywhere.
struct Failover {
  Failover() : cluster(1, MakeOptions()), plane(cluster) {
    cluster.AddEventSink(
        [this](const Cluster::TracedEvent& traced) { events[traced.node].push_back(traced); });
    REQUIRE(Form(cluster, {}).ok());
    cluster.Advance(absl::Seconds(3));
    killed = cluster.now();
    cluster.Crash("p1");
    REQUIRE(cluster.AdvanceUntil(
        [this] { return cluster.node("r1").view()->self().role == Role::kPrimary; },
        absl::Seconds(10)));
    cluster.Advance(absl::Seconds(3));
  }
  static Options MakeOptions() {
    Options options;
    options.node_timeout = absl::Seconds(1);
    return options;
  }
  // Names of the events that led to the last one of this kind since the kill, the last one first.
  std::vector<std::string> ChainOf(const Name& node, std::string_view kind) {
    std::map<uint64_t, const Cluster::TracedEvent*> by_number;
    const Cluster::TracedEvent* at = nullptr;
    for (const auto& traced : events[node]) {
      by_number[traced.number] = &traced;
      if (traced.at >= killed && EventName(traced.event) == kind) at = &traced;
    }
    std::vector<std::string> chain;
    while (at != nullptr) {
      chain.emplace_back(EventName(at->event));
      if (const auto* health = std::get_if<HealthChanged>(&at->event)) {
        chain.back() = std::string(Describe(health->to));
      }
      at = at->cause == 0 ? nullptr : by_number.at(at->cause);
    }
    return chain;
  }

  Cluster cluster;
  DataPlane plane;
  std::map<Name, std::vector<Cluster::TracedEvent>> events;
  Instant killed;
};

TEST_CASE("the events of a failover lead from the suspicion to the slots") {
  Failover f;
  const std::string pfail(Describe(Health::kPfail)), fail(Describe(Health::kFail));
  CHECK(f.ChainOf("r1", "SlotsRebound") ==
        std::vector<std::string>{"SlotsRebound", "RoleChanged", "ElectionEnded", "ElectionStarted",
                                 "ElectionScheduled", fail, pfail});
  CHECK(f.ChainOf("p2", "SlotsRebound") ==
        std::vector<std::string>{"SlotsRebound", "RoleChanged", "VoteCast", fail, pfail});
  // r2 does not vote: it sees the failure and the result.
  CHECK(f.ChainOf("r2", "SlotsRebound") ==
        std::vector<std::string>{"SlotsRebound", "RoleChanged", fail, pfail});
}

TEST_CASE("events of each node are numbered without gaps, and causes lie before effects") {
  Failover f;
  for (const auto& [node, events] : f.events) {
    for (size_t i = 0; i < events.size(); ++i) {
      INFO(node << " " << Describe(events[i].event));
      CHECK(events[i].number == i + 1);
      CHECK(events[i].cause < events[i].number);
    }
  }
}

TEST_CASE("figures tell how long a failover took, in virtual time") {
  Failover f;
  const Metrics winner = f.cluster.node("r1").Measure();
  CHECK(winner.elections_won[ElectionStarted::Cause::kPrimaryFailed] == 1);
  CHECK(winner.failover.count == 1);
  CHECK(winner.convergence_majority.count == 1);
  CHECK(winner.convergence_all.count == 1);
  CHECK(winner.failover.sum <= winner.convergence_majority.sum);
  CHECK(winner.convergence_majority.sum <= winner.convergence_all.sum);
  CHECK(winner.convergence_all.sum < 3'000'000'000);
  CHECK(winner.pfail_to_fail.count == 1);
  CHECK(winner.slots_gained == 5461);
  CHECK(winner.ping_round_trip.count > 0);
  CHECK(winner.save.count == winner.saves + winner.saves_synced);
  CHECK(winner.now.primary);
  CHECK(winner.now.state_ok);
  CHECK(winner.now.nodes_known == 6);
  CHECK(winner.now.nodes_fail == 1);
  CHECK(winner.now.slots_owned == 5461);
  CHECK(winner.now.slots_covered == 16384);
  CHECK(winner.now.has_lease);
  CHECK(winner.now.lease_left > 0);
  uint64_t granted = 0;
  for (const Name name : {"p2", "p3"}) granted += f.cluster.node(name).Measure().votes_granted;
  CHECK(granted == 2);
}

TEST_CASE("what nodes count as sent others count as received, in a run without faults") {
  Options options;
  Cluster cluster(7, options);
  REQUIRE(Form(cluster, {3, 1, /*preloaded=*/true}).ok());
  uint64_t sent = 0, received = 0, bytes_sent = 0, bytes_received = 0;
  for (const Name& name : cluster.names()) {
    const Metrics metrics = cluster.node(name).Measure();
    for (size_t kind = 0; kind < kFrameKinds; ++kind) {
      sent += metrics.sent[kind].frames;
      received += metrics.received[kind].frames;
      bytes_sent += metrics.sent[kind].bytes;
      bytes_received += metrics.received[kind].bytes;
    }
    CHECK(metrics.frames_refused.Total() == 0);
  }
  CHECK(sent >= received);
  CHECK(sent - received < 20);  // Those on their way.
  CHECK(sent == cluster.frames_sent());
  CHECK(bytes_sent == cluster.bytes_sent());
  CHECK(bytes_received <= bytes_sent);
}

TEST_CASE("equal runs give equal figures and traces, and tracing changes neither") {
  const auto run = [](bool traced) {
    std::vector<std::string> lines;
    Cluster cluster(3, Failover::MakeOptions());
    DataPlane plane(cluster);
    if (traced) {
      cluster.AddTraceSink([&](Instant, const Name& node, const TraceRecord& record) {
        lines.push_back(node + " " + Describe(record));
      });
    }
    CHECK(Form(cluster, {}).ok());
    cluster.Crash("p1");
    cluster.Advance(absl::Seconds(5));
    return std::pair(cluster.node("r1").Measure(), std::move(lines));
  };
  const auto first = run(true), second = run(true), quiet = run(false);
  CHECK(first.first == second.first);
  CHECK(first.second == second.second);
  CHECK(first.first == quiet.first);
  CHECK(quiet.second.empty());
}

TEST_CASE("a trace shows what a vote and a suspicion rested on") {
  Cluster cluster(3, Failover::MakeOptions());
  DataPlane plane(cluster);
  std::vector<VoteJudged> votes;
  std::set<Health> judged;
  NodeId p1;
  cluster.AddTraceSink([&](Instant, const Name& node, const TraceRecord& record) {
    if (const auto* vote = std::get_if<VoteJudged>(&record.detail)) votes.push_back(*vote);
    const auto* health = std::get_if<HealthJudged>(&record.detail);
    if (health == nullptr || node != "p2" || health->subject != p1) return;
    judged.insert(health->to);
    if (health->to == Health::kFail && health->from == Health::kPfail) {
      CHECK(static_cast<int>(health->reporters.size()) + 1 >= health->needed);
    }
  });
  REQUIRE(Form(cluster, {}).ok());
  p1 = cluster.IdOf("p1");
  cluster.Crash("p1");
  cluster.Advance(absl::Seconds(5));
  REQUIRE(votes.size() == 2);
  for (const VoteJudged& vote : votes) {
    CHECK(vote.candidate == cluster.IdOf("r1"));
    CHECK(vote.result == VoteRefusal::kNone);
    CHECK(vote.primary == Health::kFail);
    CHECK_FALSE(vote.primary_answers);
    CHECK(vote.confirmed);
    CHECK(vote.progress.synced);
    CHECK(vote.last_voted < vote.request.epoch);
  }
  CHECK(judged.contains(Health::kPfail));
}

TEST_CASE("the trace of a campaign's run can tell decisions, too") {
  FaultScript script = DrawScript(5, {});
  RunOptions options;
  options.trace = true;
  const RunResult plain = RunScript(script, options);
  options.decisions = true;
  const RunResult told = RunScript(script, options);
  CHECK(plain.digest == told.digest);
  CHECK(told.trace.size() > plain.trace.size());
  CHECK(told.trace.find("  judges ") != std::string::npos);
}

}  // namespace
}  // namespace clusterkit::sim
