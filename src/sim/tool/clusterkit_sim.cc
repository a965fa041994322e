// clusterkit-sim: random clusters, random faults, and whether every promise was kept.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/command.h"

namespace {

using clusterkit::sim::CampaignReport;
using clusterkit::sim::DrawOptions;
using clusterkit::sim::DrawScript;
using clusterkit::sim::FaultKinds;
using clusterkit::sim::FaultScript;
using clusterkit::sim::RunResult;
using clusterkit::sim::Violation;

constexpr char kUsage[] =
    R"(clusterkit-sim: random clusters, random faults, and whether every promise was kept

  clusterkit-sim --seeds 0-999 --nodes 12 --chaos
  clusterkit-sim --seeds 4711 --trace
  clusterkit-sim --replay failure.txt --trace

  --seeds A-B | N    the seeds to run; each is a cluster and a script of faults (0-99)
  --nodes N          usual greatest number of nodes (12)
  --no-large         not one seed in twenty with up to 50 shards
  --seconds S        virtual time with faults in each run (12)
  --chaos            all kinds of faults, alone and together; this is the default
  --faults A,B       only these kinds, together
  --list-faults      tells the kinds
  --for S            stop after S seconds of real time, whatever seeds are left
  --jobs N           threads, each with runs of its own (all cores)
  --out DIR          where scripts of failed runs go (.)
  --no-minimise      leave them as long as they were drawn
  --print            print the scripts instead of running them
  --replay FILE      run this script
  --trace            print each step and event of each run, events with their causes
  --decisions        with --trace: also what each node considered, and what it went by
  --no-coverage      do not fail for branches of the protocol that were never seen in 500 seeds
                     and more with all kinds of faults

A failed seed leaves <out>/seed-<n>.txt, with the fewest steps that still fail, and
<out>/seed-<n>.trace. Ends with status 1 if a run failed or too little was exercised, 2 for wrong
arguments. docs/testing.md tells how to read a failure.
)";

struct Arguments {
  uint64_t first = 0, last = 99;
  DrawOptions draw;
  int jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  double limit_seconds = 0;
  std::string out = ".", replay;
  bool trace = false, decisions = false, minimise = true, print = false, coverage = true;
};

class Wrong {
 public:
  explicit Wrong(std::string why) : why_(std::move(why)) {}
  const std::string& why() const { return why_; }

 private:
  std::string why_;
};

std::optional<Wrong> ParseSeeds(const std::string& text, Arguments& arguments) {
  const std::pair<std::string, std::string> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(ends.first, &arguments.first)) return Wrong(text + " is no seed");
  arguments.last = arguments.first;
  if (!ends.second.empty() && !absl::SimpleAtoi(ends.second, &arguments.last)) {
    return Wrong(text + " is no range of seeds");
  }
  if (arguments.last < arguments.first) return Wrong(text + " is an empty range");
  return std::nullopt;
}

std::optional<Wrong> ParseKinds(const std::string& text, Arguments& arguments) {
  arguments.draw.kinds = absl::StrSplit(text, ',', absl::SkipEmpty());
  for (const std::string& name : arguments.draw.kinds) {
    const auto& kinds = FaultKinds();
    if (std::none_of(kinds.begin(), kinds.end(), [&](const auto& k) { return k.name == name; })) {
      return Wrong(absl::StrCat("there is no kind of fault ", name, "; see --list-faults"));
    }
  }
  return std::nullopt;
}

std::optional<Wrong> Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--chaos") {
      arguments.draw.kinds.clear();
    } else if (flag == "--no-large") {
      arguments.draw.large = false;
    } else if (flag == "--trace") {
      arguments.trace = true;
    } else if (flag == "--decisions") {
      arguments.decisions = true;
    } else if (flag == "--no-minimise") {
      arguments.minimise = false;
    } else if (flag == "--no-coverage") {
      arguments.coverage = false;
    } else if (flag == "--print") {
      arguments.print = true;
    } else if (i + 1 == argc) {
      return Wrong(absl::StrCat(flag, ": unknown, or its value is missing"));
    } else {
      const std::string value = argv[++i];
      const auto number = [&](auto& field, int64_t low) -> std::optional<Wrong> {
        int64_t parsed = 0;
        if (!absl::SimpleAtoi(value, &parsed) || parsed < low || parsed > 1'000'000) {
          return Wrong(absl::StrCat(flag, " ", value, ": not a number of at least ", low));
        }
        field = static_cast<std::decay_t<decltype(field)>>(parsed);
        return std::nullopt;
      };
      std::optional<Wrong> wrong;
      int64_t seconds = 0;
      if (flag == "--seeds") {
        wrong = ParseSeeds(value, arguments);
      } else if (flag == "--nodes") {
        wrong = number(arguments.draw.most_nodes, 1);
      } else if (flag == "--seconds") {
        wrong = number(seconds, 1);
        arguments.draw.length = absl::Seconds(seconds);
      } else if (flag == "--faults") {
        wrong = ParseKinds(value, arguments);
      } else if (flag == "--for") {
        wrong = number(arguments.limit_seconds, 1);
      } else if (flag == "--jobs") {
        wrong = number(arguments.jobs, 1);
      } else if (flag == "--out") {
        arguments.out = value;
      } else if (flag == "--replay") {
        arguments.replay = value;
      } else {
        wrong = Wrong(absl::StrCat("unknown argument ", flag));
      }
      if (wrong) return wrong;
    }
  }
  return std::nullopt;
}

// --- One run -----------------------------------------------------------------------------------

std::string Told(const RunResult& result) {
  std::string text;
  for (const Violation& violation : result.violations) {
    absl::StrAppend(&text, "  ", violation.rule, ": ", violation.text, "\n");
  }
  return text;
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) std::cerr << "cannot write " << path << "\n";
}

// Leaves what is needed to repeat a failure, shortened.
void Keep(const Arguments& arguments, const std::string& name, FaultScript script,
          const RunResult& result) {
  const std::string rule = result.violations.front().rule;
  const size_t drawn = script.steps.size();
  if (arguments.minimise && rule != "script") {
    script = Minimise(script, rule, {}, [&](size_t steps, int attempts) {
      if (attempts % 20 == 0) {
        std::cerr << "  " << name << ": minimising, " << steps << " steps left\n";
      }
      return attempts < 2000;
    });
  }
  clusterkit::sim::RunOptions traced;
  traced.trace = true;
  const RunResult last = RunScript(script, traced);
  const std::string path = absl::StrCat(arguments.out, "/", name);
  Write(path + ".txt", absl::StrCat("# breaks ", rule, ", ", script.steps.size(), " of ", drawn,
                                    " steps\n", FormatScript(script)));
  Write(path + ".trace", last.trace + Told(last));
  std::cout << "  " << script.steps.size() << " of " << drawn << " steps are enough: " << path
            << ".txt, trace in " << path << ".trace\n"
            << "  repeat with clusterkit-sim --replay " << path << ".txt --trace\n"
            << std::flush;
}

int Replay(const Arguments& arguments) {
  std::ifstream file(arguments.replay);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::cerr << "cannot read " << arguments.replay << "\n";
    return 2;
  }
  const absl::StatusOr<FaultScript> script = clusterkit::sim::ParseScript(text.str());
  if (!script.ok()) {
    std::cerr << arguments.replay << ": " << script.status().message() << "\n";
    return 2;
  }
  clusterkit::sim::RunOptions options;
  options.trace = arguments.trace;
  options.decisions = arguments.decisions;
  const RunResult result = RunScript(*script, options);
  std::cout << result.trace << Told(result);
  std::cout << (result.violations.empty() ? "no rule is broken; whole again " : "last seen ")
            << result.healed_after << " after the last fault; digest "
            << absl::StrFormat("%016x", result.digest) << "\n";
  return result.violations.empty() ? 0 : 1;
}

// --- Many --------------------------------------------------------------------------------------

class Campaign {
 public:
  explicit Campaign(const Arguments& arguments)
      : arguments_(arguments), next_(arguments.first), start_(Clock::now()), told_(start_) {}

  int Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < arguments_.jobs; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    for (const Failure& failure : kept_) {
      std::cout << "seed " << failure.seed << ":\n" << Told(failure.result);
      Keep(arguments_, absl::StrCat("seed-", failure.seed), failure.script, failure.result);
    }
    std::cout << "\n"
              << report_.Table() << "\nbranches of the protocol\n"
              << report_.coverage().Table();
    for (const auto& [rule, seeds] : failures_) {
      std::cout << "\nbroken: " << rule << ", seeds " << absl::StrJoin(seeds, " ") << "\n";
    }
    const std::vector<std::string> missing = report_.coverage().Missing();
    const bool enough = report_.runs() >= kEnoughRuns && arguments_.draw.kinds.empty();
    if (arguments_.coverage && enough && !missing.empty()) {
      std::cout << "\ntoo little was exercised; never seen: " << absl::StrJoin(missing, ", ")
                << "\n";
      return 1;
    }
    return failures_.empty() ? 0 : 1;
  }

 private:
  using Clock = std::chrono::steady_clock;

  double Seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void Work() {
    clusterkit::sim::RunOptions options;
    options.trace = arguments_.trace;
    options.decisions = arguments_.decisions;
    for (;;) {
      const uint64_t seed = next_.fetch_add(1);
      if (seed > arguments_.last) return;
      if (arguments_.limit_seconds > 0 && Seconds() > arguments_.limit_seconds) return;
      const FaultScript script = DrawScript(seed, arguments_.draw);
      const RunResult result = RunScript(script, options);
      std::lock_guard lock(mutex_);
      Add(seed, script, result);
    }
  }

  void Add(uint64_t seed, const FaultScript& script, const RunResult& result) {
    report_.Add(script, result);
    if (arguments_.trace) std::cout << "seed " << seed << ":\n" << result.trace;
    if (!result.violations.empty()) {
      failures_[result.violations.front().rule].push_back(seed);
      std::cout << "seed " << seed << ":\n" << Told(result) << std::flush;
      // To be shortened when the other seeds are through.
      if (kept_.size() < kMostKept) kept_.push_back({seed, script, result});
    }
    if (Clock::now() - told_ < std::chrono::seconds(5)) return;
    told_ = Clock::now();
    std::cerr << absl::StrFormat("%d of %d seeds, %.1f/s, %d failed\n", report_.runs(),
                                 arguments_.last - arguments_.first + 1,
                                 static_cast<double>(report_.runs()) / Seconds(), report_.failed());
  }

  // A campaign of so many must have seen everything.
  static constexpr uint64_t kEnoughRuns = 500;
  static constexpr size_t kMostKept = 10;
  struct Failure {
    uint64_t seed = 0;
    FaultScript script;
    RunResult result;
  };
  const Arguments& arguments_;
  std::atomic<uint64_t> next_;
  const Clock::time_point start_;
  Clock::time_point told_;
  std::mutex mutex_;
  CampaignReport report_;
  std::map<std::string, std::vector<uint64_t>> failures_;
  std::vector<Failure> kept_;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--help" || flag == "-h") {
      std::cout << kUsage;
      return 0;
    }
    if (flag == "--list-faults") {
      for (const auto& kind : FaultKinds()) {
        std::cout << absl::StrFormat("%-18s %s\n", kind.name, kind.what);
      }
      return 0;
    }
  }
  if (const std::optional<Wrong> wrong = Parse(argc, argv, arguments)) {
    std::cerr << "clusterkit-sim: " << wrong->why() << "\nclusterkit-sim --help tells more\n";
    return 2;
  }
  if (!arguments.replay.empty()) return Replay(arguments);
  if (arguments.print) {
    for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
      std::cout << FormatScript(DrawScript(seed, arguments.draw)) << "\n";
    }
    return 0;
  }
  return Campaign(arguments).Run();
}
