#include "clusterkit/sim/fault_script.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "clusterkit/sim/command.h"

namespace clusterkit::sim {

std::string FormatScript(const FaultScript& script) {
  std::string text = script.cluster + "\n";
  for (const FaultScript::Step& step : script.steps) {
    absl::StrAppendFormat(&text, "+%.6fs %s\n", absl::ToDoubleSeconds(step.at), step.line);
  }
  return text;
}

absl::StatusOr<FaultScript> ParseScript(const std::string& text) {
  FaultScript script;
  int number = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    ++number;
    const auto wrong = [&](const std::string& why) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", why, ": ", line));
    };
    if (line.find_first_not_of(" \t\r") == std::string::npos || line[0] == '#') continue;
    if (script.cluster.empty()) {
      if (Command::Parse(line).name() != "cluster") return wrong("expected cluster ...");
      script.cluster = line;
      continue;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (!absl::StartsWith(parts.first, "+") || parts.second.empty()) {
      return wrong("expected +TIME and an action");
    }
    FaultScript::Step step;
    CLUSTERKIT_ASSIGN_OR_RETURN(step.at, ParseTime(parts.first.substr(1)));
    step.line = parts.second;
    script.steps.push_back(std::move(step));
  }
  if (script.cluster.empty()) return absl::InvalidArgumentError("there is no line cluster ...");
  std::stable_sort(script.steps.begin(), script.steps.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return script;
}

absl::StatusOr<std::vector<FaultKind>> KindsOf(const FaultScript& script) {
  std::vector<FaultKind> kinds;
  const std::string named = Command::Parse(script.cluster).Named("faults", "");
  for (const std::string& name :
       std::vector<std::string>(absl::StrSplit(named, ',', absl::SkipEmpty()))) {
    const auto& all = FaultKinds();
    const auto kind =
        std::find_if(all.begin(), all.end(), [&](const FaultKind& k) { return k.name == name; });
    if (kind == all.end()) {
      return absl::InvalidArgumentError(absl::StrCat("there is no kind of fault ", name));
    }
    kinds.push_back(*kind);
  }
  return kinds;
}

}  // namespace clusterkit::sim
