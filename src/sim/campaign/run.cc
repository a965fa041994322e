// One run: form, strike, calm down, judge.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "clusterkit/describe.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/actions.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/command.h"
#include "clusterkit/sim/data_plane.h"
#include "sim/campaign/healing.h"
#include "sim/campaign/setup.h"

namespace clusterkit::sim {
namespace {

// How often the question is asked who serves.
constexpr absl::Duration kSampleEvery = absl::Milliseconds(20);
// Even of all slots.
constexpr absl::Duration kLongestMove = absl::Minutes(5);
// An operator looks again at what came of the last repair.
constexpr int kMostRepairs = 5;

class Run {
 public:
  Run(const Setup& setup, const RunOptions& options)
      : setup_(setup),
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
    cluster_.AddEventSink([this](const Cluster::TracedEvent& traced) { OnEvent(traced); });
    if (options_.trace && options_.decisions) {
      cluster_.AddTraceSink([this](Instant, const Name& node, const TraceRecord& record) {
        const auto name = [this](const NodeId& id) { return cluster_.NameOf(id); };
        Trace(node, absl::StrCat("  ", Describe(record, name)));
      });
    }
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

  // What a step can wait for; empty: nothing.
  static std::string Occasion(const Event& event) {
    if (std::holds_alternative<ElectionStarted>(event)) return "election";
    if (const auto* vote = std::get_if<VoteCast>(&event)) {
      return vote->reason == VoteRefusal::kNone ? "vote" : "";
    }
    const auto* ended = std::get_if<ElectionEnded>(&event);
    return ended != nullptr && ended->how == ElectionEnded::How::kWon ? "win" : "";
  }

  void Trigger(const std::string& occasion, const Name& node) {
    const auto armed = std::find_if(armed_.begin(), armed_.end(), [&](const Armed& candidate) {
      return candidate.occasion == occasion;
    });
    if (occasion.empty() || armed == armed_.end()) return;
    const std::vector<std::string> lines = armed->lines;
    armed_.erase(armed);
    result_.coverage.Count("struck at: " + occasion);
    for (const std::string& line : lines) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(line, absl::MaxSplits(' ', 1));
      const absl::StatusOr<absl::Duration> delay = ParseTime(parts.first);
      const std::string text =
          absl::StrReplaceAll(delay.ok() ? parts.second : line, {{"$node", node}});
      if (delay.ok()) {
        later_.emplace(cluster_.now() + *delay, text);
      } else {
        Do(text);
      }
    }
  }

  void OnEvent(const Cluster::TracedEvent& traced) {
    result_.coverage.OnEvent(traced.event);
    if (std::holds_alternative<ElectionStarted>(traced.event)) campaigning_.insert(traced.node);
    if (std::holds_alternative<ElectionEnded>(traced.event)) campaigning_.erase(traced.node);
    if (std::holds_alternative<Halted>(traced.event)) halted_.insert(traced.node);
    if (const auto* departed = std::get_if<Departed>(&traced.event)) {
      const bool left = departed->kind == Departure::kLeave && departed->status.ok();
      if (left) needs_repair_ = true;
      if (left || departed->kind == Departure::kStop) halted_.insert(traced.node);
    }
    if (const auto* may_not = std::get_if<ElectionNotEligible>(&traced.event)) {
      if (may_not->reason == Ineligible::kDataTooOld) {
        too_old_.insert(traced.node);
      } else {
        too_old_.erase(traced.node);
      }
    }
    if (options_.trace) {
      const auto name = [this](const NodeId& id) { return cluster_.NameOf(id); };
      const std::string text = Describe(traced.event, name);
      if (traced.cause == 0) {
        Trace(traced.node, absl::StrCat("[", traced.number, "] ", text));
      } else {
        Trace(traced.node, absl::StrCat("[", traced.number, " of ", traced.cause, "] ", text));
      }
    }
    Trigger(Occasion(traced.event), traced.node);
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
      absl::Duration length = std::min(kSampleEvery, until - cluster_.now());
      if (!later_.empty()) length = std::min(length, later_.begin()->first - cluster_.now());
      cluster_.Advance(length);
      checkers_.Sample();
      while (!later_.empty() && later_.begin()->first <= cluster_.now()) {
        const std::string line = later_.begin()->second;
        later_.erase(later_.begin());
        Do(line);
      }
    }
  }

  bool AdvanceUntilWhole(absl::Duration limit) {
    const Instant end = cluster_.now() + limit;
    while (!CheckWhole(cluster_).ok()) {
      if (cluster_.now() >= end) return false;
      AdvanceTo(std::min(end, cluster_.now() + 5 * kSampleEvery));
    }
    return true;
  }

  bool SlotsMove() const {
    const std::vector<Name> names = cluster_.names();
    return std::any_of(names.begin(), names.end(), [this](const Name& name) {
      return cluster_.node(name).view()->open_slots().plan().has_value();
    });
  }

  void SetClock(const Name& name) {
    const int64_t drift =
        static_cast<int64_t>(clocks_.Below(2 * static_cast<uint64_t>(setup_.drift) + 1)) -
        setup_.drift;
    cluster_.SetClock(name, clocks_.Between(absl::ZeroDuration(), absl::Hours(1)), drift);
  }

  // --- Faults ------------------------------------------------------------------------------------
  void Do(const std::string& line) {
    const Command command = Command::Parse(line);
    if (command.name() == "settle") return Settle();
    if (command.name() == "arm") return Arm(line);
    absl::StatusOr<std::string> output = actions_->Run(command);
    if (absl::IsInvalidArgument(output.status())) {
      Broken("script",
             absl::InvalidArgumentError(absl::StrCat(line, ": ", output.status().ToString())));
      return;
    }
    // What does not apply now is no fault; which state a node is in cannot be told beforehand.
    const bool done = output.ok() && !output->starts_with("refused");
    if (output.ok() && output->ends_with('\n')) output->pop_back();
    result_.coverage.Count(absl::StrCat("action: ", command.name(), done ? "" : ", not done"));
    Trace("", absl::StrCat("# ", line, " -> ",
                           output.ok() ? *output : std::string(output.status().message())));
    if (command.name() == "restart" && !absl::IsFailedPrecondition(output.status())) {
      CheckStart(command.words()[0], output.status());
    }
    if (done) Excuse(command);
  }

  // A node starts with whatever it saved itself.
  void CheckStart(const Name& name, const absl::Status& started) {
    if (started.ok() || damaged_.contains(name)) return;
    Broken("starts", absl::Status(started.code(), absl::StrCat(name, ": ", started.message())));
  }

  // What an operator did, or undid, behind the back of the nodes.
  void Excuse(const Command& command) {
    static const auto* const repaired =
        new std::set<std::string>{"wipe",     "damage", "restore", "readdress", "addslots",
                                  "delslots", "forget", "reset",   "bind",      "stable"};
    static const auto* const doubled =
        new std::set<std::string>{"import", "addslots", "delslots", "forget", "reset", "bind"};
    const std::string& name = command.name();
    needs_repair_ = needs_repair_ || repaired->contains(name);
    // Forced: the old primary was not asked, and serves until its lease ends.
    const bool forced =
        name == "failover" && (command.HasWord("force") || command.HasWord("takeover"));
    if (forced || doubled->contains(name)) checkers_.ExcuseDoubleServing();
    if (name == "damage") damaged_.insert(command.words()[0]);
    if (name == "wipe") damaged_.erase(command.words()[0]);
    if (name == "restore") {
      damaged_.erase(command.words()[0]);
      checkers_.OnRestored(command.words()[0]);
    }
    if (name == "forget") {
      const Name& observer = command.words()[0];
      checkers_.forgotten.OnForgotten(cluster_.IdOf(observer), cluster_.IdOf(command.words()[1]),
                                      setup_.options.forget_ban, cluster_.LocalNow(observer));
    }
  }

  // arm vote crash $node ; 30ms restart $node
  void Arm(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 2));
    static const auto* const occasions = new std::set<std::string>{"vote", "election", "win"};
    if (words.size() < 3 || !occasions->contains(words[1])) {
      Broken("script", absl::InvalidArgumentError(line + ": arm vote, election or win ACTION"));
      return;
    }
    Armed armed{words[1], absl::StrSplit(words[2], " ; ")};
    // It strikes from within a call of a node, where time cannot be advanced.
    if (Command::Parse(armed.lines[0]).name() == "settle") {
      Broken("script", absl::InvalidArgumentError(line + ": settle cannot strike"));
      return;
    }
    armed_.push_back(std::move(armed));
    Trace("", "# " + line);
  }

  void Settle() {
    // No new strikes; those under way run their course.
    armed_.clear();
    while (!later_.empty()) AdvanceTo(later_.rbegin()->first);
    AdvanceTo(cluster_.now() + result_.healing_bound);
    result_.coverage.Count("action: settle");
    if (const absl::Status healed = CheckHealedInSpite(cluster_, *workload_, halted_, too_old_);
        !healed.ok()) {
      Broken("heals-in-spite-of-faults", healed);
    }
  }

  void BringBack() {
    for (const Name& name : cluster_.names()) {
      if (halted_.contains(name)) cluster_.Crash(name);
      if (cluster_.Running(name)) continue;
      const absl::Status started = cluster_.Restart(name);
      CheckStart(name, started);
      if (started.ok()) continue;
      cluster_.SetDisk(name, std::nullopt);
      (void)cluster_.Restart(name);
    }
  }

  // A move among healthy nodes comes to its end, and while it goes on the nodes hardly ever agree.
  void AwaitMoves() {
    const Instant end = cluster_.now() + kLongestMove;
    while (SlotsMove() && cluster_.now() < end) AdvanceTo(cluster_.now() + 5 * kSampleEvery);
    if (!SlotsMove()) return;
    Broken("moves-end",
           absl::DeadlineExceededError("slots still move when the faults are long over"));
  }

  void CalmDown() {
    Trace("", "# calm");
    armed_.clear();
    later_.clear();
    actions_->EndFaults();
    BringBack();
    if (!needs_repair_) AwaitMoves();
    const Instant calm = cluster_.now();
    // The consequences of the last step have not shown yet.
    AdvanceTo(calm + setup_.options.node_timeout);
    bool whole = AdvanceUntilWhole(result_.healing_bound);
    if (!halted_.empty()) {
      BringBack();  // Who was about to stop or to leave has done so.
      AdvanceTo(cluster_.now() + setup_.options.node_timeout);
      whole = AdvanceUntilWhole(result_.healing_bound);
    }
    for (int i = 0; i < kMostRepairs && !whole && needs_repair_; ++i) {
      Trace("", absl::StrCat("# repair: ", std::string(CheckWhole(cluster_).message())));
      result_.coverage.Count("action: repair");
      Repair(cluster_);
      AdvanceTo(cluster_.now() + setup_.options.node_timeout);
      whole = AdvanceUntilWhole(result_.healing_bound);
    }
    result_.healed_after = cluster_.now() - calm;
    if (!whole) {
      Broken("heals", CheckWhole(cluster_));
      return;
    }
    if (needs_repair_) AwaitMoves();
    // Long enough for what is under way to show.
    AdvanceTo(cluster_.now() + 2 * setup_.options.node_timeout);
    if (const absl::Status still = CheckWhole(cluster_); !still.ok()) Broken("stays-whole", still);
    workload_->AtRest();
  }

  RunResult Finish() {
    const auto add = [&](const Violations& found) {
      result_.violations.insert(result_.violations.end(), found.begin(), found.end());
    };
    for (const Checker* checker : checkers_.all()) {
      result_.coverage.Count("checked: " + checker->rule(), checker->seen());
    }
    add(checkers_.violations());
    add(workload_->violations());
    result_.writes = workload_->CountWrites();
    result_.doubled = checkers_.one_server.doubled();
    result_.length = cluster_.now().since_origin;
    result_.frames = cluster_.frames_sent();
    return std::move(result_);
  }

  const Setup setup_;
  const RunOptions& options_;
  RunResult result_;
  Checkers checkers_;
  std::unique_ptr<Workload> workload_;  // The hosts in the cluster may use it to their end.
  Cluster cluster_;
  std::optional<Actions> actions_;
  Instant formed_;
  bool needs_repair_ = false;  // An operator has left what only an operator mends.
  struct Armed {
    std::string occasion;
    std::vector<std::string> lines;  // Each may begin with a delay.
  };
  std::vector<Armed> armed_;
  std::multimap<Instant, std::string> later_;
  Rng clocks_;
  std::set<Name> started_, campaigning_, halted_, too_old_, damaged_;
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
  if (const auto kinds = KindsOf(script); !kinds.ok()) return refuse(kinds.status());
  return Run(*setup, options).Judge(script.steps);
}

}  // namespace clusterkit::sim
