// mass_failure [--shards=100] [--replicas=1] [--kill=49] [--node-timeout-ms=2000] [--seed=1]
//              [--crash-evidence=1] [--host-gone=0]
//
// Prints one table: how long a simulated cluster takes to serve every slot again.

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "sim/mass_failure_run.h"

namespace {

using Flags = std::map<std::string, int64_t>;

bool ParseFlags(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (!flags.contains(name) || equals == std::string::npos ||
        !absl::SimpleAtoi(argument.substr(equals + 1), &flags[name])) {
      std::cerr << "not understood: " << argument << "\nknown:";
      for (const auto& [known, value] : flags) std::cerr << " " << known << "=" << value;
      std::cerr << "\n";
      return false;
    }
  }
  return true;
}

void Row(const std::string& name, const std::string& value) {
  std::cout << absl::StrFormat("%-28s %s\n", name, value);
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.3f s", absl::ToDoubleSeconds(duration));
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags = {{"--shards", 100}, {"--replicas", 1},       {"--kill", 49},     {"--seed", 1},
                 {"--node-timeout-ms", 2000}, {"--crash-evidence", 1}, {"--host-gone", 0}};
  if (!ParseFlags(argc, argv, flags)) return 2;

  clusterkit::sim::MassFailure setup;
  setup.shards = static_cast<int>(flags["--shards"]);
  setup.replicas_per_shard = static_cast<int>(flags["--replicas"]);
  setup.kill = static_cast<int>(flags["--kill"]);
  setup.node_timeout = absl::Milliseconds(flags["--node-timeout-ms"]);
  setup.crash_evidence = flags["--crash-evidence"] != 0;
  setup.host_gone = flags["--host-gone"] != 0;
  setup.seed = static_cast<uint64_t>(flags["--seed"]);
  const clusterkit::sim::MassFailureResult result = clusterkit::sim::RunMassFailure(setup);

  Row("shards", absl::StrFormat("%d, %d replicas each", setup.shards, setup.replicas_per_shard));
  Row("primaries killed", absl::StrFormat("%d", setup.kill));
  Row("node timeout", Seconds(setup.node_timeout));
  Row("all of them FAIL after", Seconds(result.all_failed));
  Row("all of them replaced after", Seconds(result.all_promoted));
  Row("full coverage after",
      result.healed.ok() ? Seconds(result.full_coverage)
                         : std::string("never: ") + std::string(result.healed.message()));
  Row("elections started, lost",
      absl::StrFormat("%d, %d", result.elections_started, result.elections_lost));
  Row("frames", absl::StrFormat("%d (%.1f MB)", result.frames, result.bytes / 1e6));
  Row("time on this machine",
      absl::StrFormat("%s to form, %s to heal", Seconds(result.form_wall),
                      Seconds(result.heal_wall)));
  return result.healed.ok() ? 0 : 1;
}
