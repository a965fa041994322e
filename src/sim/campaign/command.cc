#include "clusterkit/sim/command.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace clusterkit::sim {

Command Command::Parse(const std::string& line) {
  Command command;
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const size_t equals = word.find('=');
    if (command.name_.empty()) {
      command.name_ = std::string(word);
    } else if (equals == absl::string_view::npos) {
      command.words_.emplace_back(word);
    } else {
      command.named_[std::string(word.substr(0, equals))] = std::string(word.substr(equals + 1));
    }
  }
  return command;
}

absl::StatusOr<std::string> Command::Word(size_t index, const char* what) const {
  if (index < words_.size()) return words_[index];
  return absl::InvalidArgumentError(absl::StrCat(name_, ": ", what, " is missing"));
}

bool Command::HasWord(const std::string& word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

std::string Command::Named(const std::string& name, const std::string& otherwise) const {
  const auto found = named_.find(name);
  return found == named_.end() ? otherwise : found->second;
}

absl::StatusOr<int64_t> Command::Number(const std::string& name, int64_t otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  int64_t value = 0;
  if (absl::SimpleAtoi(found->second, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(name, "=", found->second, " is no number"));
}

absl::StatusOr<absl::Duration> Command::Time(const std::string& name,
                                             absl::Duration otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  return ParseTime(found->second);
}

absl::StatusOr<bool> Command::Switch(const std::string& name, bool otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  return ParseSwitch(found->second);
}

absl::StatusOr<absl::Duration> ParseTime(const std::string& text) {
  absl::Duration time;
  if (absl::ParseDuration(text, &time)) return time;
  return absl::InvalidArgumentError(absl::StrCat(text, " is no time: write 2s, 50ms"));
}

absl::StatusOr<bool> ParseSwitch(const std::string& text) {
  if (text == "on" || text == "yes" || text == "up") return true;
  if (text == "off" || text == "no" || text == "down") return false;
  return absl::InvalidArgumentError(absl::StrCat(text, " is neither on nor off"));
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

namespace {

absl::StatusOr<Voting> ParseVoting(const std::string& text, Voting otherwise) {
  if (text.empty()) return otherwise;
  if (text == "with-slots") return Voting::kWithSlots;
  if (text == "always") return Voting::kAlways;
  if (text == "witness") return Voting::kWitness;
  return absl::InvalidArgumentError(
      absl::StrCat("voting=", text, ": with-slots, always or witness"));
}

}  // namespace

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
  CLUSTERKIT_RETURN_IF_ERROR(read(options.crash_evidence_grace,
                                  c.Time("crash-evidence-grace", options.crash_evidence_grace)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.host_stall_timeout, c.Time("host-stall", options.HostStallTimeout())));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.replica_validity_factor,
                                  c.Number("validity-factor", options.replica_validity_factor)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.replica_validity_base, c.Time("validity-base", options.replica_validity_base)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.no_failover, c.Switch("no-failover", options.no_failover)));
  if (c.Named("ping-interval", "") != "") {
    CLUSTERKIT_RETURN_IF_ERROR(
        read(options.ping_interval, c.Time("ping-interval", options.PingInterval())));
  }
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.replica_priority, c.Number("priority", options.replica_priority)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.voting, ParseVoting(c.Named("voting", ""), options.voting)));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.allow_replica_migration,
                                  c.Switch("migration", options.allow_replica_migration)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.migration_barrier, c.Number("barrier", options.migration_barrier)));
  CLUSTERKIT_RETURN_IF_ERROR(
      read(options.guard_missing_data, c.Switch("guard", options.guard_missing_data)));
  CLUSTERKIT_RETURN_IF_ERROR(read(options.require_full_coverage,
                                  c.Switch("full-coverage", options.require_full_coverage)));
  options.details.hostname = c.Named("hostname", options.details.hostname);
  options.details.name = c.Named("name", options.details.name);
  if (const std::string tag = c.Named("tag", ""); !tag.empty()) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(tag, absl::MaxSplits(':', 1));
    options.details.metadata[pair.first] = pair.second;
  }
  return read(options.forget_ban, c.Time("forget-ban", options.forget_ban));
}

}  // namespace clusterkit::sim
