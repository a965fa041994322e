// A band of seeds of the campaign, and what the campaign itself promises.
//
// More seeds, and how to repeat one: clusterkit-sim --help.

#include "clusterkit/sim/campaign.h"

#include <algorithm>
#include <iostream>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"

#include "clusterkit/sim/data_plane.h"
#include "support/catch.h"
#include "support/sanitized.h"

namespace clusterkit::sim {
namespace {

constexpr uint64_t kSeeds = kSanitized ? 12 : 60;

bool Breaks(const RunResult& result, const std::string& rule) {
  return std::any_of(result.violations.begin(), result.violations.end(),
                     [&](const Violation& violation) { return violation.rule == rule; });
}

TEST_CASE("random faults break no rule, and the cluster heals when they end") {
  CampaignReport report;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const FaultScript script = DrawScript(seed, {.large = false});
    const RunResult result = RunScript(script);
    INFO("repeat with clusterkit-sim --no-large --seeds " << seed);
    for (const Violation& violation : result.violations) {
      UNSCOPED_INFO(violation.rule << ": " << violation.text);
    }
    CHECK(result.violations.empty());
    report.Add(script, result);
  }
  std::cout << report.Table();
  const auto counts = report.coverage().Counts();
  CHECK(counts.contains("election: won"));
  CHECK(counts.contains("FAIL: cleared"));
  CHECK(counts.contains("action: crash"));
}

TEST_CASE("the same script gives the same run, event by event and frame by frame") {
  for (const uint64_t seed : {1, 2, 3}) {
    const FaultScript script = DrawScript(seed, {.large = false});
    const RunResult first = RunScript(script, {.workload = nullptr, .trace = true});
    const RunResult second = RunScript(script, {.workload = nullptr, .trace = true});
    CHECK_FALSE(first.trace.empty());
    CHECK(first.digest == second.digest);
    // Not CHECK(a == b): the texts are long.
    const bool same = first.trace == second.trace;
    CHECK(same);
  }
}

TEST_CASE("another seed gives another run") {
  const auto run = [](uint64_t seed) {
    return RunScript(DrawScript(seed, {.large = false})).digest;
  };
  CHECK(run(1) != run(2));
}

TEST_CASE("a script is the same after it was written and read") {
  for (const uint64_t seed : {4, 5, 6}) {
    const FaultScript script = DrawScript(seed);
    const std::string text = FormatScript(script);
    const absl::StatusOr<FaultScript> read = ParseScript("# a comment\n\n" + text);
    REQUIRE(read.ok());
    CHECK(FormatScript(*read) == text);
  }
}

TEST_CASE("what is no script is refused, with the line") {
  CHECK(ParseScript("").status().message() == "there is no line cluster ...");
  CHECK(ParseScript("partition {p1}").status().message() ==
        "line 1: expected cluster ...: partition {p1}");
  CHECK(ParseScript("cluster\n\ncrash p1").status().message() ==
        "line 3: expected +TIME and an action: crash p1");
  const RunResult unknown = RunScript({"cluster faults=crash,floods", {}});
  REQUIRE(Breaks(unknown, "script"));
  CHECK(unknown.violations[0].text == "there is no kind of fault floods");
  const FaultScript nonsense{"cluster", {{absl::Seconds(1), "explode p1"}}};
  CHECK(Breaks(RunScript(nonsense), "script"));
  CHECK(Breaks(RunScript({"cluster primaries=0", {}}), "script"));
}

TEST_CASE("scripts are drawn with each kind of fault, and with the kinds that were asked for") {
  std::set<std::string> kinds, alone;
  size_t most = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const absl::StatusOr<std::vector<FaultKind>> drawn = KindsOf(DrawScript(seed));
    REQUIRE(drawn.ok());
    for (const FaultKind& kind : *drawn) kinds.insert(kind.name);
    if (drawn->size() == 1) alone.insert(drawn->front().name);
    most = std::max(most, drawn->size());
  }
  CHECK(kinds.size() == FaultKinds().size());
  CHECK(alone.size() > FaultKinds().size() / 2);
  CHECK(most == FaultKinds().size());
  const FaultScript crashes = DrawScript(1, {.kinds = {"crash"}});
  for (const FaultScript::Step& step : crashes.steps) {
    INFO(step.line);
    CHECK((step.line.starts_with("crash ") || step.line.starts_with("restart ") ||
           step.line == "settle"));
  }
}

// --- A service that breaks its promise ---------------------------------------------------------

// Says after three crashes that something is wrong.
class Fragile : public DataPlane {
 public:
  explicit Fragile(Cluster& cluster) : DataPlane(cluster) {
    cluster.AddStartSink([this](const Name& name) { starts_[name] += 1; });
  }
  Violations violations() const override {
    int restarts = 0;
    for (const auto& [name, starts] : starts_) restarts += starts - 1;
    if (restarts < 3) return {};
    return {{"sturdy", "three restarts are too many"}};
  }

 private:
  std::map<Name, int> starts_;
};

TEST_CASE("a failing script is shortened to the steps that it needs") {
  RunOptions options;
  options.workload = [](Cluster& cluster) { return std::make_unique<Fragile>(cluster); };
  // Whoever is down when the faults end is restarted, so that a crash alone is enough.
  const FaultScript script = DrawScript(11, {.large = false, .kinds = {"crash", "latency"}});
  REQUIRE(Breaks(RunScript(script, options), "sturdy"));
  int attempts = 0;
  const FaultScript shortest = Minimise(script, "sturdy", options, [&](size_t, int made) {
    attempts = made;
    return true;
  });
  CHECK(Breaks(RunScript(shortest, options), "sturdy"));
  CHECK(shortest.steps.size() <= 5);
  CHECK(shortest.steps.size() >= 3);
  CHECK(script.steps.size() > shortest.steps.size());
  CHECK(attempts > 0);
}

TEST_CASE("a search for a shorter script can be stopped") {
  RunOptions options;
  options.workload = [](Cluster& cluster) { return std::make_unique<Fragile>(cluster); };
  const FaultScript script = DrawScript(11, {.large = false, .kinds = {"crash", "latency"}});
  const FaultScript same = Minimise(script, "sturdy", options, [](size_t, int) { return false; });
  CHECK(same.steps.size() == script.steps.size());
}

// --- Planted: rules of whole runs --------------------------------------------------------------

TEST_CASE("a run finds a shard that is not healed in spite of what goes on") {
  // All replicas are told not to stand, but say so to nobody.
  const FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                           {{absl::Seconds(1), "crash p1"}, {absl::Seconds(1), "settle"}}};
  CHECK(RunScript(script).violations.empty());
  class NeverReports : public DataPlane {
   public:
    explicit NeverReports(Cluster& cluster) : DataPlane(cluster) {
      for (const char* name : {"r1", "r2", "r3"}) {
        OverrideReplication(name, ReplicationStatus{});  // Never synchronised, it says.
      }
    }
  };
  RunOptions options;
  options.workload = [](Cluster& cluster) { return std::make_unique<NeverReports>(cluster); };
  CHECK(Breaks(RunScript(script, options), "heals-in-spite-of-faults"));
}

TEST_CASE("a run finds a cluster that is not whole after the faults") {
  class StaysDead : public DataPlane {
   public:
    using DataPlane::DataPlane;
    void SetHostAlive(const Name& name, bool alive) override {
      if (!alive) DataPlane::SetHostAlive(name, false);
    }
  };
  const FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                           {{absl::Seconds(1), "host-alive p1 off"}, {absl::Seconds(5), "heal"}}};
  CHECK(RunScript(script).violations.empty());
  RunOptions options;
  options.workload = [](Cluster& cluster) { return std::make_unique<StaysDead>(cluster); };
  CHECK(Breaks(RunScript(script, options), "heals"));
}

TEST_CASE("what only an operator mends is repaired, and only then") {
  RunOptions options;
  options.trace = true;
  const auto repaired = [&](const FaultScript& script) {
    const RunResult result = RunScript(script, options);
    CHECK(result.violations.empty());
    return result.coverage.Counts().contains("action: repair");
  };
  CHECK(repaired({"cluster seed=5 primaries=3 replicas=0 node-timeout=500ms",
                  {{absl::Seconds(1), "delslots p1 0-99"}}}));
  CHECK(repaired({"cluster seed=5 primaries=3 replicas=1 node-timeout=500ms",
                  {{absl::Seconds(1), "crash r1 lose"},
                   {absl::Seconds(1), "wipe r1"},
                   {absl::Seconds(1), "restart r1"}}}));
  CHECK_FALSE(repaired({"cluster seed=5 primaries=3 replicas=1 node-timeout=500ms",
                        {{absl::Seconds(1), "crash r1 lose"}}}));
}

TEST_CASE("two servers of one slot are measured when slots were imported behind their back") {
  const FaultScript script{"cluster seed=5 primaries=3 replicas=0 node-timeout=500ms",
                           {{absl::Seconds(1), "partition {p1 | p2 p3}"},
                            {absl::Seconds(1), "import p2 0-99"},
                            {absl::Seconds(2), "heal"}}};
  const RunResult result = RunScript(script);
  CHECK(result.violations.empty());
  CHECK(result.doubled > absl::ZeroDuration());
}

TEST_CASE("a service that hangs, and a machine that is suspended, are replaced") {
  for (const char* fault : {"host-alive p1 off", "suspend p1", "pause p1"}) {
    INFO(fault);
    const FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                             {{absl::Seconds(1), fault}, {absl::Seconds(2), "settle"}}};
    const RunResult result = RunScript(script);
    CHECK(result.violations.empty());
    CHECK(result.coverage.Counts().contains("election: won"));
  }
}

TEST_CASE("a cluster of which all addresses changed is whole again when it is told of one seed") {
  FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms", {}};
  for (const char* name : {"p1", "p2", "p3", "r1", "r2", "r3"}) {
    script.steps.push_back({absl::Seconds(1), absl::StrCat("crash ", name)});
    script.steps.push_back({absl::Seconds(1), absl::StrCat("readdress ", name)});
    script.steps.push_back({absl::Seconds(2), absl::StrCat("restart ", name)});
  }
  std::stable_sort(script.steps.begin(), script.steps.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  CHECK(RunScript(script).coverage.Counts().contains("action: repair"));
  for (const char* name : {"p2", "p3", "r1", "r2", "r3"}) {
    script.steps.push_back({absl::Seconds(3), absl::StrCat("meet p1 ", name)});
  }
  const RunResult told = RunScript(script);
  CHECK(told.violations.empty());
  CHECK_FALSE(told.coverage.Counts().contains("action: repair"));
}

TEST_CASE("slots imported while their shard failed over do not go astray") {
  // Who hears of the old primary's demotion first must not take all of its slots for its heir's:
  // some had been imported elsewhere before, and their importer would be told that it lost them.
  const auto at = [](int ms) { return absl::Milliseconds(ms); };
  const FaultScript script{
      "cluster seed=300672 primaries=7 replicas=5 uneven=on preloaded=off node-timeout=1604ms "
      "latency=5ms jitter=7ms drift=495",
      {{at(803), "suspend r1"},
       {at(988), "import p1 10740-12643"},
       {at(1228), "suspend r3"},
       {at(1315), "suspend r5"},
       {at(1373), "import p1 13886-14382"},
       {at(4450), "suspend p2"},
       {at(5313), "import p7 7160-7198"},
       {at(5684), "import p6 9399-9399"},
       {at(5717), "import p4 3639-5299"},
       {at(5757), "suspend p1"},
       {at(5850), "resume r3"},
       {at(5902), "suspend p6"},
       {at(6145), "suspend r5"}}};
  const RunResult result = RunScript(script);
  for (const Violation& violation : result.violations) UNSCOPED_INFO(violation.text);
  CHECK(result.violations.empty());
}

TEST_CASE("a step can wait for an election and strike at that very moment") {
  FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                     {{absl::Seconds(1), "arm vote crash $node lose ; 30ms restart $node"},
                      {absl::Seconds(1), "arm win pause $node ; 50ms resume $node"},
                      {absl::Seconds(1), "crash p1"},
                      {absl::Seconds(3), "heal"}}};
  RunOptions options;
  options.trace = true;
  const RunResult result = RunScript(script, options);
  CHECK(result.violations.empty());
  const auto counts = result.coverage.Counts();
  REQUIRE(counts.contains("struck at: vote"));
  REQUIRE(counts.contains("struck at: win"));
  CHECK(counts.at("struck at: vote") == 1);
  CHECK(counts.at("struck at: win") == 1);
  CHECK(counts.at("action: pause") == 1);
  CHECK(counts.at("action: resume") == 1);
  const size_t struck = result.trace.find("# crash p"), voted = result.trace.find("voted for");
  CHECK(voted < result.trace.find("lose -> ok", struck));

  for (const char* nonsense : {"arm dinner crash $node", "arm vote", "arm vote settle"}) {
    script.steps[0].line = nonsense;
    CHECK(Breaks(RunScript(script), "script"));
  }
}

TEST_CASE("a damaged state file keeps a node down until it gets another") {
  const FaultScript damaged{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                            {{absl::Seconds(1), "backup r1"},
                             {absl::Seconds(1), "crash r1"},
                             {absl::Seconds(1), "damage r1"},
                             {absl::Seconds(2), "restart r1"},
                             {absl::Seconds(3), "restore r1"},
                             {absl::Seconds(3), "restart r1"}}};
  RunOptions options;
  options.trace = true;
  const RunResult result = RunScript(damaged, options);
  CHECK(result.violations.empty());
  CHECK(result.trace.find("# restart r1 -> the state file is damaged") != std::string::npos);
  CHECK(result.trace.find("# restart r1 -> ok") != std::string::npos);
}

TEST_CASE("a candidate that lies about its copy is found") {
  class Liar : public DataPlane {
   public:
    explicit Liar(Cluster& cluster) : DataPlane(cluster) {
      OverrideReplication("r1", ReplicationStatus{Progress{Epoch{0}, 1'000'000, true}, false, {}});
    }
    std::optional<Progress> ProgressOf(const Name&) const override { return Progress(); }
  };
  RunOptions options;
  options.workload = [](Cluster& cluster) { return std::make_unique<Liar>(cluster); };
  const FaultScript script{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                           {{absl::Seconds(1), "crash p1"}, {absl::Seconds(3), "heal"}}};
  CHECK(Breaks(RunScript(script, options), "candidate-is-synced"));
}

TEST_CASE("writes that a dead primary took with it are counted as lost, others are not") {
  const FaultScript quiet{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                          {{absl::Seconds(5), "heal"}}};
  const RunResult none = RunScript(quiet);
  CHECK(none.violations.empty());
  CHECK(none.writes.acknowledged > 1000);
  CHECK(none.writes.lost == 0);
  // What it took while its replica was cut off, and it could still be heard by the others.
  const FaultScript loss{"cluster seed=5 primaries=3 replicas=3 node-timeout=500ms",
                         {{absl::Seconds(1), "split p1 r1"},
                          {absl::Seconds(4), "crash p1 lose host-gone"},
                          {absl::Seconds(4), "faults p1 r1"},
                          {absl::Seconds(4), "faults r1 p1"},
                          {absl::Seconds(9), "heal"}}};
  const RunResult some = RunScript(loss);
  CHECK(some.violations.empty());
  CHECK(some.writes.lost > 100);
  CHECK(some.writes.lost < some.writes.acknowledged / 2);
}

}  // namespace
}  // namespace clusterkit::sim
