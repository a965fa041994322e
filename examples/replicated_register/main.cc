// The replicated register under the campaign's faults.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "clusterkit/sim/campaign.h"
#include "replicated_register/service.h"

namespace {

using clusterkit::sim::FaultScript;
using clusterkit::sim::RunResult;
using clusterkit::sim::Violation;
using replicated_register::HostOptions;
using replicated_register::Mistake;

constexpr char kUsage[] =
    R"(replicated_register: a small service of its own on simulated nodes, under random faults

  replicated_register --seeds 0-99

  --seeds A-B      the seeds to run (0-99)
  --faults A,B     only these kinds of faults, as told by clusterkit-sim --list-faults
  --asynchronous   acknowledge before replicas have it
  --mistake M      a host that is wrong: ack-late, keep-history or trust-own-data
  --replay FILE    run this script, and print each step and event

The first run that breaks a promise is shortened and printed. Ends with status 1 if one did.
)";

struct Arguments {
  uint64_t first = 0, last = 99;
  clusterkit::sim::DrawOptions draw;
  HostOptions host;
  std::string replay;
};

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--asynchronous") {
      arguments.host.synchronous = false;
      continue;
    }
    if (++i == argc) return false;
    const std::string value = argv[i];
    if (flag == "--seeds") {
      const std::pair<std::string, std::string> ends = absl::StrSplit(value, '-');
      if (!absl::SimpleAtoi(ends.first, &arguments.first)) return false;
      arguments.last = arguments.first;
      if (!ends.second.empty() && !absl::SimpleAtoi(ends.second, &arguments.last)) return false;
    } else if (flag == "--faults") {
      arguments.draw.kinds = absl::StrSplit(value, ',');
    } else if (flag == "--mistake") {
      arguments.host.mistake = value == "ack-late"         ? Mistake::kAckLate
                               : value == "keep-history"   ? Mistake::kKeepHistory
                               : value == "trust-own-data" ? Mistake::kTrustOwnData
                                                           : Mistake::kNone;
      if (arguments.host.mistake == Mistake::kNone) return false;
    } else if (flag == "--replay") {
      arguments.replay = value;
    } else {
      return false;
    }
  }
  return true;
}

void Tell(const RunResult& result) {
  for (const Violation& violation : result.violations) {
    std::cout << "  " << violation.rule << ": " << violation.text << "\n";
  }
}

int Replay(const Arguments& arguments) {
  std::stringstream text;
  text << std::ifstream(arguments.replay).rdbuf();
  const absl::StatusOr<FaultScript> script = clusterkit::sim::ParseScript(text.str());
  if (!script.ok()) {
    std::cerr << arguments.replay << ": " << script.status().message() << "\n";
    return 2;
  }
  clusterkit::sim::RunOptions options = RunWith(*script, arguments.host);
  options.trace = true;
  const RunResult result = RunScript(*script, options);
  std::cout << result.trace;
  Tell(result);
  return result.violations.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::cerr << kUsage;
    return 2;
  }
  if (!arguments.replay.empty()) return Replay(arguments);
  clusterkit::sim::CampaignReport report;
  for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    const FaultScript script = DrawScript(seed, arguments.draw);
    const clusterkit::sim::RunOptions options = RunWith(script, arguments.host);
    const RunResult result = RunScript(script, options);
    report.Add(script, result);
    if (result.violations.empty()) continue;
    std::cout << "seed " << seed << ":\n";
    Tell(result);
    if (report.failed() > 1) continue;
    const std::string& rule = result.violations.front().rule;
    const FaultScript shortest = Minimise(script, rule, options);
    std::cout << "\n# breaks " << rule << ", " << shortest.steps.size() << " of "
              << script.steps.size() << " steps\n"
              << FormatScript(shortest) << "\n"
              << std::flush;
  }
  std::cout << report.Table();
  return report.failed() == 0 ? 0 : 1;
}
