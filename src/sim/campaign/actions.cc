#include "clusterkit/sim/actions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace clusterkit::sim {

Actions::Actions(Cluster* cluster, Workload* workload) : cluster_(cluster), workload_(workload) {
  AddFaults();
  AddMachines();
  AddOperator();
  AddMoves();
}

absl::StatusOr<std::string> Actions::Run(const Command& command) {
  const auto found = table_.find(command.name());
  if (found == table_.end()) {
    std::string known;
    for (const auto& [name, handler] : table_) absl::StrAppend(&known, " ", name);
    return absl::InvalidArgumentError(
        absl::StrCat("unknown action ", command.name(), "; known are", known));
  }
  return (this->*found->second)(command);
}

absl::StatusOr<Name> Actions::Known(const std::string& word) const {
  const std::vector<Name> names = cluster_->names();
  if (std::find(names.begin(), names.end(), word) != names.end()) return word;
  return absl::InvalidArgumentError(absl::StrCat("there is no node ", word));
}

absl::StatusOr<Name> Actions::NodeAt(const Command& c, size_t index) const {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string word,
                              c.Word(index, index == 0 ? "a node" : "another node"));
  return Known(word);
}

absl::StatusOr<Name> Actions::DownNodeAt(const Command& c, size_t index) const {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, index));
  if (!cluster_->Running(name)) return name;
  return absl::FailedPreconditionError(absl::StrCat(name, " runs"));
}

absl::StatusOr<Node*> Actions::AwakeNodeAt(const Command& c, size_t index) const {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, index));
  if (cluster_->Running(name) && !cluster_->Paused(name)) return &cluster_->node(name);
  return absl::FailedPreconditionError(absl::StrCat(name, " does not run"));
}

Actions::Output Actions::ForEach(const Command& c,
                                 const std::function<absl::Status(const Name&)>& act,
                                 const std::vector<std::string>& flags) {
  for (const std::string& word : c.words()) {
    if (std::find(flags.begin(), flags.end(), word) != flags.end()) continue;
    CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, Known(word));
    CLUSTERKIT_RETURN_IF_ERROR(act(name));
  }
  return "ok\n";
}

void Actions::EndFaults() {
  cluster_->Heal();
  for (const Name& name : cluster_->names()) {
    cluster_->Resume(name);
    cluster_->SetDiskFaults(name, DiskFaults());
    if (cluster_->Running(name)) cluster_->node(name).InjectFaults({});
    if (workload_ != nullptr) workload_->SetHostAlive(name, true);
  }
}

}  // namespace clusterkit::sim
