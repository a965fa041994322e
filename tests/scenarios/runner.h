// Runs a scenario, one command after the other.

#ifndef CLUSTERKIT_TESTS_SCENARIOS_RUNNER_H_
#define CLUSTERKIT_TESTS_SCENARIOS_RUNNER_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scenarios/script.h"
#include "scenarios/world.h"

namespace clusterkit::scenario {

// Made by the first command of a file.
using WorldPtr = std::unique_ptr<World>;

struct Handler {
  // The output, each line ended; or why the command makes no sense, which fails the scenario.
  absl::StatusOr<std::string> (*run)(WorldPtr& world, const sim::Command& command) = nullptr;
  // Whether it changes something: times are told from the last command that did.
  bool acts = true;
  // Whether it needs a world to act on.
  bool needs_world = true;
};
using Handlers = std::map<std::string, Handler>;

// One for each file of commands.
void AddTopologyCommands(Handlers& handlers);
void AddLies(Handlers& handlers);
void AddHostCommands(Handlers& handlers);
void AddWatchCommands(Handlers& handlers);

class Runner {
 public:
  Runner();
  // Output of one command line.
  absl::StatusOr<std::string> Run(const std::string& line);
  // Rules broken so far.
  sim::Violations violations() const;

 private:
  Handlers handlers_;
  WorldPtr world_;
};

}  // namespace clusterkit::scenario

#endif  // CLUSTERKIT_TESTS_SCENARIOS_RUNNER_H_
