// A host's own service keeps its promises under the campaign's faults, and the campaign finds the
// mistakes that hosts make.

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/sim/campaign.h"
#include "replicated_register/message.h"
#include "replicated_register/service.h"
#include "support/catch.h"
#include "support/sanitized.h"

namespace replicated_register {
namespace {

using clusterkit::sim::CampaignReport;
using clusterkit::sim::DrawScript;
using clusterkit::sim::FaultKind;
using clusterkit::sim::FaultKinds;
using clusterkit::sim::FaultScript;
using clusterkit::sim::RunResult;
using clusterkit::sim::Violation;

constexpr uint64_t kSeeds = clusterkit::kSanitized ? 5 : 25;
// Of those that a mistake may need to show.
constexpr uint64_t kMostSeeds = 30;

RunResult Run(const FaultScript& script, const HostOptions& options = {}) {
  return RunScript(script, RunWith(script, options));
}

bool Breaks(const RunResult& result, const std::string& rule) {
  return std::any_of(result.violations.begin(), result.violations.end(),
                     [&](const Violation& violation) { return violation.rule == rule; });
}

void CheckWhole(const RunResult& result) {
  for (const Violation& violation : result.violations) {
    UNSCOPED_INFO(violation.rule << ": " << violation.text);
  }
  CHECK(result.violations.empty());
}

// The first seed with these faults in which `mistake` breaks the rule.
std::optional<FaultScript> FirstThatBreaks(const std::string& rule, Mistake mistake,
                                           const std::vector<std::string>& kinds) {
  for (uint64_t seed = 0; seed < kMostSeeds; ++seed) {
    FaultScript script = DrawScript(seed, {.large = false, .kinds = kinds});
    if (Breaks(Run(script, {.mistake = mistake}), rule)) return script;
  }
  return std::nullopt;
}

TEST_CASE("the registers keep their promises under random faults") {
  CampaignReport report;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const FaultScript script = DrawScript(seed, {.large = false});
    INFO("seed " << seed);
    const RunResult result = Run(script);
    CheckWhole(result);
    report.Add(script, result);
  }
  std::cout << report.Table();
}

TEST_CASE("no acknowledged write is lost under all faults that leave copies to the hosts") {
  std::vector<std::string> gentle;
  for (const FaultKind& kind : FaultKinds()) {
    if (PromisesUnder({kind}, {}).nothing_lost) gentle.push_back(kind.name);
  }
  CHECK(gentle.size() > 15);
  uint64_t acknowledged = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    INFO("seed " << seed);
    const RunResult result = Run(DrawScript(seed, {.large = false, .kinds = gentle}));
    CheckWhole(result);
    CHECK(result.writes.lost == 0);
    acknowledged += result.writes.acknowledged;
  }
  CHECK(acknowledged > kSeeds * 1000);
}

TEST_CASE("a service that acknowledges before its replicas have it loses writes, as it says") {
  uint64_t lost = 0;
  for (uint64_t seed = 0; seed < kMostSeeds && lost == 0; ++seed) {
    const FaultScript script =
        DrawScript(seed, {.large = false, .kinds = {"crash", "partition", "pause"}});
    INFO("seed " << seed);
    const RunResult result = Run(script, {.synchronous = false});
    CheckWhole(result);
    lost += result.writes.lost;
  }
  CHECK(lost > 0);
}

TEST_CASE("a host that looks at its lease only before it executes is found") {
  const auto script = FirstThatBreaks("one-primary-answers", Mistake::kAckLate, {"pause"});
  REQUIRE(script);
  CheckWhole(Run(*script));
}

TEST_CASE(
    "a host that goes on with the history of its predecessor is found, and the script is "
    "shortened") {
  const auto script = FirstThatBreaks("copies-agree", Mistake::kKeepHistory, {"partition"});
  REQUIRE(script);
  CheckWhole(Run(*script));
  const HostOptions options{.mistake = Mistake::kKeepHistory};
  const FaultScript shortest = Minimise(*script, "copies-agree", RunWith(*script, options));
  CHECK(Breaks(Run(shortest, options), "copies-agree"));
  CHECK(shortest.steps.size() <= 4);
}

TEST_CASE("a host that takes its own data for a copy after it was replaced is found") {
  const FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                           {{absl::Seconds(1), "crash p1"},
                            {absl::Seconds(3), "crash r1"},
                            {absl::Milliseconds(3200), "restart p1"},
                            {absl::Seconds(9), "heal"}}};
  CheckWhole(Run(script));
  CHECK(Breaks(Run(script, {.mistake = Mistake::kTrustOwnData}), "nothing-lost"));
}

TEST_CASE("a node that has just been introduced to others knows them after a power cut") {
  CheckWhole(Run({"cluster seed=275 primaries=1 replicas=2 preloaded=off node-timeout=736ms "
                  "latency=4ms jitter=16ms drift=883 full-coverage=off",
                  {{absl::Milliseconds(598), "crash p1 lose"}}}));
}

TEST_CASE("messages are the same after they were written and read") {
  clusterkit::Rng rng(1);
  const auto id = clusterkit::NodeId::Random(rng);
  const Copy copy{7, {8}, 9, {8}, {{id, 3}}, {{{5}, 6}, {{16383}, 1}}};
  const Message messages[] = {Write{{1}, 2},
                              Written{{1}, 2, 0},
                              Refused{{3}, {"10.0.0.1", 6379}},
                              Refused{{3}, {}},
                              Follow{id},
                              Confirm{1, {2}, 3},
                              Copy(),
                              copy};
  for (const Message& message : messages) {
    const std::string text = Encode(message);
    INFO(text);
    const std::optional<Message> read = Decode(text);
    REQUIRE(read);
    CHECK(read->index() == message.index());
    CHECK(Encode(*read) == text);
  }
}

TEST_CASE("what is no message is refused") {
  for (const char* text :
       {"", "read 1", "write", "write 1", "write 1 2 3", "write 16384 1", "write -1 1", "follow p1",
        "refused 1 65536 host", "confirm 1 2 x", "copy 1 2", "copy 1 2 3 4 1",
        "copy 1 2 3 4 99999999999", "copy 1 2 3 4 0 5"}) {
    INFO(text);
    CHECK_FALSE(Decode(text));
  }
}

}  // namespace
}  // namespace replicated_register
