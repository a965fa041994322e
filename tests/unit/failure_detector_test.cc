#include "clusterkit/failure_detector.h"

#include <vector>

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Milliseconds;
constexpr absl::Duration kTimeout = absl::Seconds(1);

struct Fixture {
  Options options = Options::Loopback();
  FailureDetector detector{options};
  ViewBuilder nodes{3};

  Fixture() {
    for (uint8_t n = 2; n <= 3; ++n) detector.Track(TestNode(n), At(absl::ZeroDuration()));
  }
  std::optional<HealthChanged> Evaluate(uint8_t n, absl::Duration t, bool hold = false) {
    auto change = detector.Evaluate(*nodes.As(1), TestNode(n), hold, At(t));
    if (change) nodes.Set(n, change->to);
    return change;
  }
};

TEST_CASE("a peer is PFAIL after node_timeout of silence with a ping outstanding") {
  Fixture f;
  f.detector.OnPingSent(TestNode(2), At(kTimeout / 2));
  CHECK_FALSE(f.Evaluate(2, kTimeout - Milliseconds(1)));
  auto change = f.Evaluate(2, kTimeout);
  REQUIRE(change);
  CHECK(change->to == Health::kPfail);
  CHECK(change->cause == HealthChanged::Cause::kSilence);
}

TEST_CASE("silence without a ping, or with one just sent, is no suspicion") {
  Fixture f;
  CHECK_FALSE(f.Evaluate(2, kTimeout * 3));
  f.detector.OnPingSent(TestNode(2), At(kTimeout * 3));
  CHECK_FALSE(f.Evaluate(2, kTimeout * 3 + kTimeout / 4 - Milliseconds(1)));
  CHECK(f.Evaluate(2, kTimeout * 3 + kTimeout / 4));
}

TEST_CASE("only peers that owe an answer or broke their link are in doubt") {
  Fixture f;
  CHECK(f.detector.Doubtful().empty());
  f.detector.OnPingSent(TestNode(3), At(absl::ZeroDuration()));
  f.detector.OnBrokenByPeer(TestNode(2), At(absl::ZeroDuration()));
  CHECK(f.detector.Doubtful() == std::vector<NodeId>{TestNode(2), TestNode(3)});
  f.detector.OnPong(TestNode(3), At(Milliseconds(1)));
  f.detector.OnLinkUp(TestNode(2));
  CHECK(f.detector.Doubtful().empty());
}

TEST_CASE("anything heard directly postpones PFAIL, though only an answer ends the ping") {
  Fixture f;
  f.detector.OnPingSent(TestNode(2), At(absl::ZeroDuration()));
  f.detector.OnHeard(TestNode(2), At(kTimeout / 2));
  CHECK_FALSE(f.Evaluate(2, kTimeout));
  CHECK(f.detector.PingOutstandingSince(TestNode(2)));
  CHECK(f.Evaluate(2, kTimeout + kTimeout / 2));
}

TEST_CASE("a link broken by the peer and two refusals 50 ms apart are PFAIL at once") {
  Fixture f;
  f.detector.OnBrokenByPeer(TestNode(2), At(Milliseconds(10)));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(10)));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(30)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(30)));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(60)));
  auto change = f.Evaluate(2, Milliseconds(60));
  REQUIRE(change);
  CHECK(change->cause == HealthChanged::Cause::kCrashEvidence);
}

TEST_CASE("refusals without a link broken by the peer are no evidence") {
  Fixture f;
  for (int i = 0; i < 10; ++i) f.detector.OnRefused(TestNode(2), At(Milliseconds(100 * i)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(900)));
}

TEST_CASE("a link that completes again voids the evidence") {
  Fixture f;
  f.detector.OnBrokenByPeer(TestNode(2), At(Milliseconds(10)));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(10)));
  f.detector.OnLinkUp(TestNode(2));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(80)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(80)));
}

TEST_CASE("crash evidence can be switched off and given a grace time") {
  Fixture f;
  f.options.crash_evidence_grace = Milliseconds(200);
  f.detector.OnBrokenByPeer(TestNode(2), At(absl::ZeroDuration()));
  f.detector.OnRefused(TestNode(2), At(absl::ZeroDuration()));
  f.detector.OnRefused(TestNode(2), At(Milliseconds(50)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(249)));
  f.options.crash_evidence = false;
  CHECK_FALSE(f.Evaluate(2, Milliseconds(500)));
  f.options.crash_evidence = true;
  CHECK(f.Evaluate(2, Milliseconds(500)));
}

TEST_CASE("PFAIL becomes FAIL when a majority of voters suspects, itself included") {
  Fixture f;
  f.detector.OnPingSent(TestNode(2), At(absl::ZeroDuration()));
  REQUIRE(f.Evaluate(2, kTimeout));
  CHECK_FALSE(f.Evaluate(2, kTimeout));
  f.detector.OnReport(TestNode(3), TestNode(2), true, At(kTimeout));
  auto change = f.Evaluate(2, kTimeout);
  REQUIRE(change);
  CHECK(change->to == Health::kFail);
  CHECK(change->reporters == std::vector<NodeId>{TestNode(1), TestNode(3)});
  CHECK(change->needed == 2);
}

TEST_CASE("reports alone do not make FAIL of a node that answers us") {
  Fixture f;
  f.detector.OnReport(TestNode(3), TestNode(2), true, At(absl::ZeroDuration()));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(10)));
}

TEST_CASE("reports expire after twice node_timeout, can be retracted, and only voters count") {
  Fixture f;
  f.nodes.Replica(9, 1);
  f.detector.Track(TestNode(9), At(absl::ZeroDuration()));
  auto reporters = [&](absl::Duration t) {
    return f.detector.Reporters(*f.nodes.As(1), TestNode(2), At(t)).size();
  };
  f.detector.OnReport(TestNode(3), TestNode(2), true, At(absl::ZeroDuration()));
  f.detector.OnReport(TestNode(9), TestNode(2), true, At(absl::ZeroDuration()));
  CHECK(reporters(kTimeout * 2) == 1);
  CHECK(reporters(kTimeout * 2 + Milliseconds(1)) == 0);
  f.detector.OnReport(TestNode(3), TestNode(2), true, At(kTimeout * 3));
  f.detector.OnReport(TestNode(3), TestNode(2), false, At(kTimeout * 3));
  CHECK(reporters(kTimeout * 3) == 0);
}

TEST_CASE("a FAIL notice is proof only if a quorum of known voters stands in it") {
  Fixture f;
  f.nodes.Replica(9, 1);
  auto view = f.nodes.As(1);
  CHECK(f.detector.Proves(*view, {TestNode(2), {TestNode(1), TestNode(3)}}));
  CHECK_FALSE(f.detector.Proves(*view, {TestNode(2), {TestNode(3)}}));
  CHECK_FALSE(f.detector.Proves(*view, {TestNode(2), {TestNode(3), TestNode(9), TestNode(77)}}));
}

TEST_CASE("FAIL is cleared by an answer, unless a vote for the shard may still count") {
  Fixture f;
  f.nodes.Set(2, Health::kFail);
  f.detector.OnPingSent(TestNode(2), At(absl::ZeroDuration()));
  f.detector.OnFailedByNotice(TestNode(2), At(Milliseconds(10)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(20)));
  f.detector.OnPong(TestNode(2), At(Milliseconds(30)));
  CHECK(f.detector.AnsweredSinceFail(TestNode(2)));
  CHECK_FALSE(f.Evaluate(2, Milliseconds(30), /*hold=*/true));
  auto change = f.Evaluate(2, Milliseconds(40));
  REQUIRE(change);
  CHECK(change->to == Health::kOnline);
}

}  // namespace
}  // namespace clusterkit
