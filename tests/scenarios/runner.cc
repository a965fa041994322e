#include "scenarios/runner.h"

#include "absl/strings/str_cat.h"

namespace clusterkit::scenario {

Runner::Runner() {
  AddTopologyCommands(handlers_);
  AddLies(handlers_);
  AddHostCommands(handlers_);
  AddWatchCommands(handlers_);
}

absl::StatusOr<std::string> Runner::Run(const std::string& line) {
  const sim::Command command = sim::Command::Parse(line);
  const auto found = handlers_.find(command.name());
  if (found != handlers_.end() && !found->second.needs_world) {
    return found->second.run(world_, command);
  }
  if (world_ == nullptr) return absl::InvalidArgumentError("begin with the command cluster");
  if (found == handlers_.end()) {
    world_->StartClock();
    return world_->actions().Run(command);
  }
  if (found->second.acts) world_->StartClock();
  return found->second.run(world_, command);
}

sim::Violations Runner::violations() const {
  return world_ == nullptr ? sim::Violations() : world_->violations();
}

}  // namespace clusterkit::scenario
