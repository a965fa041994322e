// sim_speed [--nodes=200] [--seconds=30] [--node-timeout-ms=2000] [--seed=1]
//
// Prints how fast the simulator runs: half of the nodes are primaries, the others their replicas.
// First they are left alone for so many virtual seconds, then once more, with a tenth of the
// primaries crashing in the middle. All rates are per second of CPU time, which other programs on
// the machine disturb less than they do the clock on the wall.

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clusterkit/sim/cluster.h"

namespace {

using clusterkit::Options;
using clusterkit::sim::Cluster;
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

// Runs `phase` and prints what it did in which time.
void Measure(const std::string& name, Cluster& cluster, const std::function<void()>& phase) {
  const clusterkit::Instant start = cluster.now();
  const uint64_t frames = cluster.frames_sent(), steps = cluster.steps_run();
  const std::clock_t before = std::clock();
  phase();
  const double cpu =
      std::max<double>(static_cast<double>(std::clock() - before), 1) / CLOCKS_PER_SEC;
  const double simulated = absl::ToDoubleSeconds(cluster.now() - start);
  const auto rate = [cpu](uint64_t count) { return static_cast<double>(count) / cpu; };
  std::cout << absl::StrFormat("%-8s %12.1f %10.3f %16.2f %14.0f %14.0f\n", name, simulated, cpu,
                               simulated / cpu, rate(cluster.frames_sent() - frames),
                               rate(cluster.steps_run() - steps));
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags = {{"--nodes", 200}, {"--seconds", 30}, {"--node-timeout-ms", 2000}, {"--seed", 1}};
  if (!ParseFlags(argc, argv, flags)) return 2;

  Options options;
  options.node_timeout = absl::Milliseconds(flags["--node-timeout-ms"]);
  Cluster cluster(static_cast<uint64_t>(flags["--seed"]), options);
  const int primaries = static_cast<int>(std::max<int64_t>(flags["--nodes"] / 2, 1));
  const absl::Duration seconds = absl::Seconds(flags["--seconds"]);

  std::cout << absl::StrFormat("%-8s %12s %10s %16s %14s %14s\n", "phase", "virtual s", "CPU s",
                               "virtual s/CPU s", "frames/CPU s", "steps/CPU s");
  absl::Status formed;
  Measure("form", cluster, [&] { formed = Form(cluster, {primaries, 1, /*preloaded=*/true}); });
  if (!formed.ok()) {
    std::cerr << formed.message() << "\n";
    return 1;
  }
  Measure("idle", cluster, [&] { cluster.Advance(seconds); });
  Measure("crash", cluster, [&] {
    cluster.Advance(seconds / 2);
    for (int i = 0; i < std::max(primaries / 10, 1); ++i) cluster.Crash(absl::StrCat("p", i + 1));
    cluster.Advance(seconds - seconds / 2);
  });
  return 0;
}
