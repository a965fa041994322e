// One run: form, strike, calm down, judge.

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "clusterkit/describe.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/actions.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/command.h"
#include "clusterkit/sim/data_plane.h"
#include "sim/campaign/healing.h"

namespace clusterkit::sim {
namespace {

// How often the question is asked who serves.
constexpr absl::Duration kSampleEvery = absl::Milliseconds(20);
// An operator looks again at what came of the last repair.
constexpr int kMostRepairs = 5;

// What the first line of a script says.
struct Setup {
  uint64_t seed = 0;
  Topology topology;
  Options options;
  LinkFaults usual;
  int64_t drift = 0;
};

absl::StatusOr<Setup> ReadSetup(const Command& c) {
  Setup setup;
  setup.options.node_timeout = absl::Seconds(1);
  CLUSTERKIT_RETURN_IF_ERROR(ApplyOptions(c, setup.options));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t seed, c.Number("seed", 1));
  setup.seed = static_cast<uint64_t>(seed);
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t primaries, c.Number("primaries", 3));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t replicas, c.Number("replicas", primaries));
  if (primaries < 1 || primaries > 1000 || replicas < 0 || replicas > 4000) {
    return absl::InvalidArgumentError(
        absl::StrCat(primaries, " primaries and ", replicas, " replicas: at most 1000 and 4000"));
  }
  setup.topology.primaries = static_cast<int>(primaries);
  setup.topology.replicas = static_cast<int>(replicas);
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.topology.uneven, c.Switch("uneven", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.topology.preloaded, c.Switch("preloaded", true));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.usual.latency, c.Time("latency", absl::Milliseconds(1)));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.usual.jitter, c.Time("jitter", absl::ZeroDuration()));
  CLUSTERKIT_ASSIGN_OR_RETURN(setup.drift, c.Number("drift", 0));
  return setup;
}

class Run {
 public:
  Run(const Setup& setup, std::vector<FaultKind> kinds, const RunOptions& options)
      : setup_(setup),
        kinds_(std::move(kinds)),
        options_(options),
        cluster_(setup.seed, setup.options),
        clocks_(setup.seed ^ 0x636c6f636b) {
    if (options.workload) {
      workload_ = options.workload(cluster_);
    } else {
      workload_ = std::make_unique<DataPlane>(cluster_);
    }
    actions_.emplace(&cluster_, workload_.get());
    result_.healing_bound = HealingBound(setup.options);
  }

  RunResult Judge(const std::vector<FaultScript::Step>& steps) {
    Watch();
    cluster_.SetDefaultFaults(setup_.usual);
    if (const absl::Status formed = Form(cluster_, setup_.topology); !formed.ok()) {
      Broken("forms", formed);
      return Finish();
    }
    result_.nodes = cluster_.names().size();
    formed_ = cluster_.now();
    for (const FaultScript::Step& step : steps) {
      AdvanceTo(formed_ + step.at);
      Do(step.line);
    }
    CalmDown();
    return Finish();
  }

 private:
  bool Any(bool FaultKind::*property) const {
    return std::any_of(kinds_.begin(), kinds_.end(),
                       [&](const FaultKind& kind) { return kind.*property; });
  }

  void Broken(const std::string& rule, const absl::Status& why) {
    result_.violations.push_back({rule, std::string(why.message())});
    Trace("", absl::StrCat("BROKEN ", rule, ": ", result_.violations.back().text));
  }

  void Trace(const Name& node, const std::string& text) {
    if (!options_.trace) return;
    absl::StrAppendFormat(&result_.trace, "%+.6f %-4s %s\n",
                          absl::ToDoubleSeconds(cluster_.now() - formed_), node, text);
  }

  // --- Watching --------------------------------------------------------------------------------
  void Watch() {
    checkers_.Attach(cluster_, [this](const Name& name) {
      // A service that does not replicate has nothing to be behind with.
      return workload_->ProgressOf(name).value_or(Progress{Epoch{}, 0, true});
    });
    checkers_.SetTime([this] {
      return absl::StrFormat("%+.6f", absl::ToDoubleSeconds(cluster_.now() - formed_));
    });
    if (Any(&FaultKind::doubles_serving)) checkers_.AllowDoubleServing();
    if (Any(&FaultKind::forgets)) checkers_.AllowForgetfulness();
    cluster_.AddEventSink([this](const Cluster::TracedEvent& traced) { OnEvent(traced); });
    cluster_.AddFrameSink([this](const Cluster::TracedFrame& traced) { return OnFrame(traced); });
    cluster_.AddStartSink([this](const Name& name) {
      if (started_.insert(name).second) SetClock(name);
      if (!campaigning_.empty()) result_.coverage.Count("restart during an election");
      campaigning_.erase(name);
      halted_.erase(name);
      too_old_.erase(name);
      Trace(name, "runs");
    });
  }

  void OnEvent(const Cluster::TracedEvent& traced) {
    result_.coverage.OnEvent(traced.event);
    if (std::holds_alternative<ElectionStarted>(traced.event)) campaigning_.insert(traced.node);
    if (std::holds_alternative<ElectionEnded>(traced.event)) campaigning_.erase(traced.node);
    if (std::holds_alternative<Halted>(traced.event)) halted_.insert(traced.node);
    if (const auto* may_not = std::get_if<ElectionNotEligible>(&traced.event)) {
      if (may_not->reason == Ineligible::kDataTooOld) {
        too_old_.insert(traced.node);
      } else {
        too_old_.erase(traced.node);
      }
    }
    if (!options_.trace) return;
    const auto name = [this](const NodeId& id) { return cluster_.NameOf(id); };
    Trace(traced.node, Describe(traced.event, name));
  }

  bool OnFrame(const Cluster::TracedFrame& traced) {
    result_.coverage.OnFrame(*traced.frame);
    Digest(static_cast<uint64_t>(absl::ToInt64Nanoseconds(traced.at.since_origin)));
    Digest(traced.bytes);
    for (const char c : traced.from) Digest(static_cast<uint64_t>(c));
    for (const char c : traced.to) Digest(static_cast<uint64_t>(c));
    return true;
  }

  // FNV-1a, a word at a time.
  void Digest(uint64_t word) { result_.digest = (result_.digest ^ word) * 0x100000001b3; }

  // --- Time --------------------------------------------------------------------------------------
  void AdvanceTo(Instant until) {
    while (cluster_.now() < until) {
      cluster_.Advance(std::min(kSampleEvery, until - cluster_.now()));
      checkers_.Sample();
    }
  }

  // Whole, and still so when what is under way has had the time to show. Remembers since when.
  bool AdvanceUntilWhole(absl::Duration limit) {
    const Instant end = cluster_.now() + limit;
    for (;;) {
      whole_since_ = cluster_.now();
      if (CheckWhole(cluster_).ok()) {
        AdvanceTo(cluster_.now() + 2 * setup_.options.node_timeout);
        if (CheckWhole(cluster_).ok()) return true;
      }
      if (cluster_.now() >= end) return false;
      AdvanceTo(std::min(end, cluster_.now() + 5 * kSampleEvery));
    }
  }

  void SetClock(const Name& name) {
    const int64_t drift =
        static_cast<int64_t>(clocks_.Below(2 * static_cast<uint64_t>(setup_.drift) + 1)) -
        setup_.drift;
    cluster_.SetClock(name, clocks_.Between(absl::ZeroDuration(), absl::Hours(1)), drift);
  }

  // --- Faults
  // --------------------------------------------------------------------------------------
  void Do(const std::string& line) {
    const Command command = Command::Parse(line);
    if (command.name() == "settle") return Settle();
    absl::StatusOr<std::string> output = actions_->Run(command);
    if (absl::IsInvalidArgument(output.status())) {
      Broken("script",
             absl::InvalidArgumentError(absl::StrCat(line, ": ", output.status().ToString())));
      return;
    }
    // What does not apply now is no fault; which state a node is in cannot be told beforehand.
    if (output.ok()) {
      result_.coverage.Count("action: " + command.name());
      if (output->ends_with('\n')) output->pop_back();
    }
    Trace("", absl::StrCat("# ", line, " -> ",
                           output.ok() ? *output : std::string(output.status().message())));
    if (command.name() == "forget" && output.ok() && *output == "ok") {
      const Name& observer = command.words()[0];
      checkers_.forgotten.OnForgotten(cluster_.IdOf(observer), cluster_.IdOf(command.words()[1]),
                                      setup_.options.forget_ban, cluster_.LocalNow(observer));
    }
  }

  void Settle() {
    AdvanceTo(cluster_.now() + result_.healing_bound);
    result_.coverage.Count("action: settle");
    if (const absl::Status healed = CheckHealedInSpite(cluster_, *workload_, halted_, too_old_);
        !healed.ok()) {
      Broken("heals-in-spite-of-faults", healed);
    }
  }

  void CalmDown() {
    Trace("", "# calm");
    actions_->EndFaults();
    for (const Name& name : cluster_.names()) {
      if (halted_.contains(name)) cluster_.Crash(name);
      if (cluster_.Running(name) || cluster_.Restart(name).ok()) continue;
      cluster_.SetDisk(name, std::nullopt);
      (void)cluster_.Restart(name);
    }
    const Instant calm = cluster_.now();
    bool whole = AdvanceUntilWhole(result_.healing_bound);
    for (int i = 0; i < kMostRepairs && !whole && Any(&FaultKind::needs_repair); ++i) {
      Trace("", absl::StrCat("# repair: ", std::string(CheckWhole(cluster_).message())));
      result_.coverage.Count("action: repair");
      Repair(cluster_);
      whole = AdvanceUntilWhole(result_.healing_bound);
    }
    result_.healed_after = (whole ? whole_since_ : cluster_.now()) - calm;
    if (whole) {
      workload_->AtRest();
      return;
    }
    const absl::Status wrong = CheckWhole(cluster_);
    Broken("heals", wrong.ok() ? absl::UnavailableError("is whole now and then only") : wrong);
  }

  RunResult Finish() {
    const auto add = [&](const Violations& found) {
      result_.violations.insert(result_.violations.end(), found.begin(), found.end());
    };
    add(checkers_.violations());
    add(workload_->violations());
    result_.writes = workload_->CountWrites();
    result_.doubled = checkers_.one_server.doubled();
    result_.length = cluster_.now().since_origin;
    result_.frames = cluster_.frames_sent();
    return std::move(result_);
  }

  const Setup setup_;
  const std::vector<FaultKind> kinds_;
  const RunOptions& options_;
  RunResult result_;
  Checkers checkers_;
  std::unique_ptr<Workload> workload_;  // The hosts in the cluster may use it to their end.
  Cluster cluster_;
  std::optional<Actions> actions_;
  Instant formed_, whole_since_;
  Rng clocks_;
  std::set<Name> started_, campaigning_, halted_, too_old_;
};

}  // namespace

// A link that was cut is noticed, given up and dialled anew; its peer is PFAIL, then FAIL, and the
// news travels. Then come elections: a voter may have to wait out a round and answers of the
// others first, and three rounds may be lost to rivals. Last, a voter that comes back waits.
absl::Duration HealingBound(const Options& options) {
  const absl::Duration reconnect = 2 * options.HandshakeTimeout();
  const absl::Duration detect = 4 * options.node_timeout;
  const absl::Duration elect = 3 * (kLongestRound * 9 / 8 + options.node_timeout);
  return reconnect + detect + elect + options.RejoinDelay();
}

RunResult RunScript(const FaultScript& script, const RunOptions& options) {
  const auto refuse = [](const absl::Status& why) {
    RunResult result;
    result.violations.push_back({"script", std::string(why.message())});
    return result;
  };
  const absl::StatusOr<Setup> setup = ReadSetup(Command::Parse(script.cluster));
  if (!setup.ok()) return refuse(setup.status());
  absl::StatusOr<std::vector<FaultKind>> kinds = KindsOf(script);
  if (!kinds.ok()) return refuse(kinds.status());
  return Run(*setup, *std::move(kinds), options).Judge(script.steps);
}

}  // namespace clusterkit::sim
