// What is counted, and under which names it is listed.

#include "clusterkit/metrics.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "core/meter.h"
#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

constexpr uint64_t kMs = 1'000'000;

// As the replica 11 of node 1 sees it.
struct Counted {
  std::shared_ptr<const ClusterView> view = ViewBuilder(3).Replica(11, 1).Replica(12, 2).As(11);
  Meter meter;
  const Metrics& metrics = meter.counts();

  void Happens(Event event, absl::Duration at = absl::ZeroDuration()) {
    meter.OnEvent(event, *view, At(at));
  }
  void Becomes(uint8_t node, Health to, absl::Duration at) {
    HealthChanged change;
    change.id = TestNode(node);
    change.to = to;
    change.cause = to == Health::kFail     ? HealthChanged::Cause::kReports
                   : to == Health::kOnline ? HealthChanged::Cause::kAnswered
                                           : HealthChanged::Cause::kSilence;
    Happens(change, at);
  }
  void Wins(absl::Duration started, absl::Duration won) {
    Happens(ElectionStarted{{7}, 2}, started);
    Happens(ElectionEnded{ElectionEnded::How::kWon, {7}, 2, 2}, won);
    RoleChanged elected;
    elected.cause = RoleChanged::Cause::kElected;
    elected.id = TestNode(11);
    Happens(elected, won);
    view = ViewBuilder(3).Replica(12, 2).As(1);  // Any with three voters.
  }
};

TEST_CASE("a histogram counts each time in the lowest bucket that holds it") {
  Histogram histogram;
  histogram.Add(0);
  histogram.Add(100'000);
  histogram.Add(100'001);
  histogram.Add(Histogram::kBounds.back());
  histogram.Add(Histogram::kBounds.back() + 1);
  CHECK(histogram.counts.front() == 2);
  CHECK(histogram.counts[1] == 1);
  CHECK(histogram.counts[Histogram::kBounds.size() - 1] == 1);
  CHECK(histogram.counts.back() == 1);
  CHECK(histogram.count == 5);
  CHECK(histogram.sum == 200'001 + 2 * Histogram::kBounds.back() + 1);
}

TEST_CASE("the sum of a histogram stays at its maximum") {
  Histogram histogram;
  histogram.Add(UINT64_MAX);
  histogram.Add(5);
  CHECK(histogram.sum == UINT64_MAX);
  CHECK(histogram.count == 2);
}

TEST_CASE("bounds of buckets ascend") {
  for (size_t i = 1; i < Histogram::kBounds.size(); ++i) {
    CHECK(Histogram::kBounds[i - 1] < Histogram::kBounds[i]);
  }
}

TEST_CASE("the time from PFAIL to FAIL is that of one suspicion") {
  Counted counted;
  counted.Becomes(2, Health::kPfail, absl::Milliseconds(0));
  counted.Becomes(2, Health::kOnline, absl::Milliseconds(50));
  CHECK(counted.metrics.pfail_to_fail.count == 0);
  counted.Becomes(2, Health::kPfail, absl::Milliseconds(100));
  counted.Becomes(2, Health::kFail, absl::Milliseconds(130));
  CHECK(counted.metrics.pfail_to_fail.count == 1);
  CHECK(counted.metrics.pfail_to_fail.sum == 30 * kMs);
  CHECK(counted.metrics.health_changes[HealthChanged::Cause::kSilence] == 2);
  CHECK(counted.metrics.health_changes[HealthChanged::Cause::kReports] == 1);
}

TEST_CASE("a failover is timed from the failure to what the others know") {
  Counted counted;
  const Metrics& metrics = counted.metrics;
  counted.Becomes(1, Health::kPfail, absl::Milliseconds(0));
  counted.Becomes(1, Health::kFail, absl::Milliseconds(10));
  counted.view = ViewBuilder(3).Replica(11, 1).Replica(12, 2).Set(1, Health::kFail).As(11);
  counted.Wins(absl::Milliseconds(15), absl::Milliseconds(20));
  CHECK(metrics.elections_started[ElectionStarted::Cause::kPrimaryFailed] == 1);
  CHECK(metrics.elections_won[ElectionStarted::Cause::kPrimaryFailed] == 1);
  CHECK(metrics.fail_to_election.sum == 5 * kMs);
  CHECK(metrics.election.sum == 5 * kMs);
  CHECK(metrics.failover.sum == 10 * kMs);
  REQUIRE(counted.meter.AwaitsNodes());

  counted.meter.OnClaimHeld(TestNode(12), *counted.view, At(absl::Milliseconds(25)));
  CHECK(metrics.convergence_majority.count == 0);  // No voter.
  counted.meter.OnClaimHeld(TestNode(2), *counted.view, At(absl::Milliseconds(30)));
  counted.meter.OnClaimHeld(TestNode(2), *counted.view, At(absl::Milliseconds(31)));
  CHECK(metrics.convergence_majority.count == 1);
  CHECK(metrics.convergence_majority.sum == 20 * kMs);
  CHECK(metrics.convergence_all.count == 0);
  // Node 1 has failed, and is not waited for.
  counted.meter.OnClaimHeld(TestNode(3), *counted.view, At(absl::Milliseconds(40)));
  CHECK(metrics.convergence_all.count == 1);
  CHECK(metrics.convergence_all.sum == 30 * kMs);
  CHECK_FALSE(counted.meter.AwaitsNodes());
}

TEST_CASE("who fails or is removed after a promotion is not waited for") {
  Counted counted;
  counted.Becomes(1, Health::kFail, absl::Milliseconds(0));
  counted.view = ViewBuilder(3).Replica(11, 1).Replica(12, 2).Set(1, Health::kFail).As(11);
  counted.Wins(absl::Milliseconds(1), absl::Milliseconds(2));
  counted.Happens(NodeRemoved{TestNode(12), {}}, absl::Milliseconds(3));
  counted.meter.OnClaimHeld(TestNode(2), *counted.view, At(absl::Milliseconds(4)));
  counted.Becomes(3, Health::kFail, absl::Milliseconds(9));
  CHECK(counted.metrics.convergence_all.count == 1);
  CHECK(counted.metrics.convergence_all.sum == 9 * kMs);
}

TEST_CASE("only the failure of our own primary begins the timing, and its return ends it") {
  Counted counted;
  counted.Becomes(1, Health::kFail, absl::Milliseconds(0));
  counted.Becomes(2, Health::kFail, absl::Milliseconds(1));
  counted.Becomes(2, Health::kOnline, absl::Milliseconds(2));
  counted.Becomes(1, Health::kOnline, absl::Milliseconds(5));
  counted.Becomes(1, Health::kFail, absl::Seconds(100));
  counted.Becomes(3, Health::kFail, absl::Seconds(100) + absl::Milliseconds(2));
  counted.Happens(ElectionStarted{{7}, 2}, absl::Seconds(100) + absl::Milliseconds(3));
  CHECK(counted.metrics.fail_to_election.sum == 3 * kMs);
}

TEST_CASE("a failover by command is timed from the command") {
  Counted counted;
  counted.Happens(FailoverProgress{FailoverProgress::Step::kStarted, {}}, absl::Milliseconds(0));
  counted.Happens(ElectionScheduled{}, absl::Milliseconds(6));
  counted.Happens(ElectionStarted{{7}, 2, ElectionStarted::Cause::kCommand}, absl::Milliseconds(7));
  counted.Happens(ElectionEnded{ElectionEnded::How::kWon, {7}, 2, 2}, absl::Milliseconds(9));
  CHECK(counted.metrics.elections_won[ElectionStarted::Cause::kCommand] == 1);
  CHECK(counted.metrics.fail_to_election.count == 0);
  CHECK(counted.metrics.failover.sum == 9 * kMs);
}

TEST_CASE("votes are counted by reason, as voter and as candidate") {
  Counted counted;
  counted.Happens(VoteCast{TestNode(12), TestShard(2), {7}, VoteRefusal::kNone});
  counted.Happens(VoteCast{TestNode(12), TestShard(2), {7}, VoteRefusal::kOldEpoch});
  counted.Happens(VoteDenied{TestNode(2), {7}, VoteRefusal::kFresherSibling});
  CHECK(counted.metrics.votes_granted == 1);
  CHECK(counted.metrics.votes_refused[VoteRefusal::kOldEpoch] == 1);
  CHECK(counted.metrics.votes_refused.Total() == 1);
  CHECK(counted.metrics.votes_denied[VoteRefusal::kFresherSibling] == 1);
}

TEST_CASE("slots are counted as they come and go") {
  Counted counted;
  const NodeId self = TestNode(11), other = TestNode(2);
  counted.Happens(SlotsRebound{
      {{SlotId{1}, other, self}, {SlotId{2}, std::nullopt, self}, {SlotId{3}, self, other}}});
  CHECK(counted.metrics.slots_gained == 2);
  CHECK(counted.metrics.slots_lost == 1);
}

TEST_CASE("every figure is listed once, with a name and help that exporters take") {
  Metrics metrics;
  metrics.elections_ended[ElectionEnded::How::kRefused] = 3;
  metrics.sent[static_cast<size_t>(FrameKind::kGoodbye)] = {2, 70};
  metrics.now.lease_left = -1'500'000'000;
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string> finished;
  std::string current;
  std::map<std::string, double> values;
  for (const NamedMetric& metric : ListMetrics(metrics)) {
    const std::string name(metric.name), label(metric.label_value);
    INFO(name << " " << label);
    CHECK(seen.emplace(name, label).second);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK_FALSE(metric.help.empty());
    CHECK(metric.label.empty() == metric.label_value.empty());
    CHECK(label != "unknown");
    CHECK((metric.histogram != nullptr) == (metric.type == NamedMetric::Type::kHistogram));
    if (name != current) {
      CHECK_FALSE(finished.contains(name));  // Those of one name follow each other.
      finished.insert(std::exchange(current, name));
    }
    values[name + " " + label] = metric.value;
  }
  CHECK(values.at("elections_ended refused") == 3);
  CHECK(values.at("frames_sent goodbye") == 2);
  CHECK(values.at("bytes_sent goodbye") == 70);
  CHECK(values.at("lease_seconds ") == -1.5);
}

}  // namespace
}  // namespace clusterkit
