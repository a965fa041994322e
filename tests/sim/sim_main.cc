// sim_main [--first=0] [--count=256] [--seconds=30] [--trace=0]
//
// Random runs over a band of seeds; see chaos.h. Prints each failure with its seed as it is found,
// then what happened in all. Ends with status 1 if anything failed. With --trace=1 and --count=1
// it prints every event of the run.

#include <algorithm>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "sim/chaos.h"

namespace {

using Flags = std::map<std::string, int64_t>;

bool ParseFlags(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (!flags.contains(name) || equals == std::string::npos ||
        !absl::SimpleAtoi(argument.substr(equals + 1), &flags[name])) {
      std::cerr << "not understood: " << argument << "\n";
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags = {{"--first", 0}, {"--count", 256}, {"--seconds", 30}, {"--trace", 0}};
  if (!ParseFlags(argc, argv, flags)) return 2;

  clusterkit::sim::ChaosCounts counts;
  absl::Duration longest;
  int failed = 0;
  for (int64_t i = 0; i < flags["--count"]; ++i) {
    clusterkit::sim::ChaosOptions options;
    options.seed = static_cast<uint64_t>(flags["--first"] + i);
    options.chaos = absl::Seconds(flags["--seconds"]);
    options.trace = flags["--trace"] != 0;
    const clusterkit::sim::ChaosResult result = clusterkit::sim::RunChaos(options);
    std::cout << result.trace;
    counts.Add(result.counts);
    longest = std::max(longest, result.healed_after);
    if (result.violations.empty() && result.unhealed.empty()) continue;
    ++failed;
    std::cout << "seed " << options.seed << ":\n";
    for (size_t v = 0; v < std::min<size_t>(result.violations.size(), 3); ++v) {
      std::cout << "  " << result.violations[v] << "\n";
    }
    if (!result.unhealed.empty()) std::cout << "  does not heal: " << result.unhealed << "\n";
  }
  std::cout << flags["--count"] << " runs, " << failed << " failed\n"
            << clusterkit::sim::Describe(counts) << "\nlongest time to heal " << longest << "\n";
  return failed == 0 ? 0 : 1;
}
