#include "scenarios/runner.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace clusterkit::scenario {

Runner::Runner() {
  AddTopologyCommands(handlers_);
  AddNodeCommands(handlers_);
  AddFaultCommands(handlers_);
  AddHostCommands(handlers_);
  AddWatchCommands(handlers_);
}

absl::StatusOr<std::string> Runner::Run(const std::string& line) {
  const Command command = Command::Parse(line);
  const auto found = handlers_.find(command.name());
  if (found == handlers_.end()) {
    std::string known;
    for (const auto& [name, handler] : handlers_) absl::StrAppend(&known, " ", name);
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command ", command.name(), "; known are", known));
  }
  const Handler& handler = found->second;
  if (handler.needs_world && world_ == nullptr) {
    return absl::InvalidArgumentError("begin with the command cluster");
  }
  if (handler.acts && world_ != nullptr) world_->StartClock();
  return handler.run(world_, command);
}

sim::Violations Runner::violations() const {
  return world_ == nullptr ? sim::Violations() : world_->violations();
}

std::string Answer(const absl::Status& status) {
  return status.ok() ? "ok\n" : absl::StrCat("refused: ", status.message(), "\n");
}

absl::StatusOr<SlotSet> ParseSlots(const std::string& text) {
  SlotSet slots;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::pair<std::string, std::string> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    int64_t first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.first, &first)) {
      return absl::InvalidArgumentError(absl::StrCat(part, " is no slot"));
    }
    last = first;
    if (!ends.second.empty() && !absl::SimpleAtoi(ends.second, &last)) {
      return absl::InvalidArgumentError(absl::StrCat(part, " is no range of slots"));
    }
    CLUSTERKIT_ASSIGN_OR_RETURN(const SlotId from, MakeSlotId(first));
    CLUSTERKIT_ASSIGN_OR_RETURN(const SlotId to, MakeSlotId(last));
    slots.Add(SlotRange{from, to});
  }
  return slots;
}

absl::Status ApplyOptions(const Command& command, Options& options) {
  const auto read = [&](auto& field, auto value) -> absl::Status {
    if (!value.ok()) return value.status();
    field = static_cast<std::decay_t<decltype(field)>>(*value);
    return absl::OkStatus();
  };
  const Command& c = command;
  options.cluster_name = c.Named("cluster-name", options.cluster_name);
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.node_timeout, c.Time("node-timeout", options.node_timeout)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.crash_evidence, c.Switch("crash-evidence", options.crash_evidence)));
  CLUSTERKIT_RETURN_IF_ERROR(read(
      options.crash_evidence_grace, c.Time("crash-evidence-grace", options.crash_evidence_grace)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.host_stall_timeout, c.Time("host-stall", options.HostStallTimeout())));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.replica_validity_factor,
                                  c.Number("validity-factor", options.replica_validity_factor)));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.replica_validity_base,
                                  c.Time("validity-base", options.replica_validity_base)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.no_failover, c.Switch("no-failover", options.no_failover)));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.allow_replica_migration,
                                  c.Switch("migration", options.allow_replica_migration)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.guard_missing_data, c.Switch("guard", options.guard_missing_data)));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.require_full_coverage,
                                  c.Switch("full-coverage", options.require_full_coverage)));
  return read(options.forget_ban, c.Time("forget-ban", options.forget_ban));
}

}  // namespace clusterkit::scenario
