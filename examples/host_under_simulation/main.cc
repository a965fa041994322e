// The counter service under the simulator's faults: many clusters, each with its own, in virtual
// time. The first run that breaks a promise is shortened to the steps that it takes, and printed.

#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "host_under_simulation/workload.h"

namespace {

using clusterkit::sim::FaultScript;
using clusterkit::sim::RunResult;
using sharded_counter::Mistake;

constexpr char kUsage[] =
    R"(usage: host_under_simulation [--seeds A-B] [--mistake ack-late|ack-early|merge-copy]

Ends with status 1 if a run broke a promise, as those of a service with a mistake do. Seeds: 0-19.
)";

bool ReadSeeds(const std::string& text, uint64_t& first, uint64_t& last) {
  const std::pair<std::string, std::string> ends = absl::StrSplit(text, '-');
  if (!absl::SimpleAtoi(ends.first, &first)) return false;
  return ends.second.empty() ? (last = first, true) : absl::SimpleAtoi(ends.second, &last);
}

bool ReadMistake(const std::string& text, Mistake& mistake) {
  mistake = text == "ack-late"     ? Mistake::kAckLate
            : text == "ack-early"  ? Mistake::kAckEarly
            : text == "merge-copy" ? Mistake::kMergeCopy
                                   : Mistake::kNone;
  return mistake != Mistake::kNone;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t first = 0, last = 19;
  Mistake mistake = Mistake::kNone;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    const bool understood =
        i + 1 < argc && ((flag == "--seeds" && ReadSeeds(argv[i + 1], first, last)) ||
                         (flag == "--mistake" && ReadMistake(argv[i + 1], mistake)));
    if (!understood) return std::cerr << kUsage, 2;
  }
  clusterkit::sim::CampaignReport report;
  const clusterkit::sim::RunOptions options = host_under_simulation::RunWith(mistake);
  for (uint64_t seed = first; seed <= last; ++seed) {
    const FaultScript script = clusterkit::sim::DrawScript(
        seed, {.large = false, .kinds = host_under_simulation::FaultKinds()});
    const RunResult result = RunScript(script, options);
    report.Add(script, result);
    if (result.violations.empty()) continue;
    const auto& [rule, text] = result.violations.front();
    std::cout << "seed " << seed << " breaks " << rule << ": " << text << "\n";
    const FaultScript shortest = Minimise(script, rule, options);
    std::cout << shortest.steps.size() << " of its " << script.steps.size() << " steps suffice:\n"
              << FormatScript(shortest);
    break;
  }
  std::cout << report.Table();
  return report.failed() == 0 ? 0 : 1;
}
