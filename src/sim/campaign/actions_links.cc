// Faults of the network.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/sim/actions.h"

namespace clusterkit::sim {
namespace {

absl::StatusOr<LinkFaults> ParseFaults(const Command& c, LinkFaults faults) {
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.latency, c.Time("latency", faults.latency));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.jitter, c.Time("jitter", faults.jitter));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.cut, c.Switch("cut", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.stalled, c.Switch("stalled", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.refused, c.Switch("refused", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t reset, c.Number("reset-per-mille", 0));
  faults.reset_per_mille = static_cast<uint32_t>(reset);
  return faults;
}

}  // namespace

void Actions::AddFaults() {
  table_["partition"] = &Actions::Partition;
  table_["cut"] = &Actions::Cut;
  table_["split"] = &Actions::Split;
  table_["faults"] = &Actions::Faults;
  table_["reset-links"] = &Actions::ResetLinks;
  table_["heal"] = &Actions::Heal;
  table_["drop"] = &Actions::Drop;
  table_["kill-links"] = &Actions::KillLinks;
}

Actions::Output Actions::Partition(const Command& c) {
  std::vector<std::vector<Name>> groups(1);
  for (std::string word : c.words()) {
    std::erase_if(word, [](char ch) { return ch == '{' || ch == '}'; });
    if (word == "|") {
      groups.emplace_back();
    } else if (!word.empty()) {
      CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, Known(word));
      groups.back().push_back(name);
    }
  }
  cluster_->Partition(groups);
  return "ok\n";
}

Actions::Output Actions::Cut(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name from, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name to, NodeAt(c, 1));
  LinkFaults faults = cluster_->default_faults();
  faults.cut = true;
  cluster_->SetFaults(from, to, faults);
  return "ok\n";
}

Actions::Output Actions::Split(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name a, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name b, NodeAt(c, 1));
  LinkFaults faults = cluster_->default_faults();
  faults.cut = true;
  cluster_->SetFaults(a, b, faults);
  cluster_->SetFaults(b, a, faults);
  return "ok\n";
}

Actions::Output Actions::Faults(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name from, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name to, NodeAt(c, 1));
  CLUSTERKIT_ASSIGN_OR_RETURN(const LinkFaults faults, ParseFaults(c, cluster_->default_faults()));
  cluster_->SetFaults(from, to, faults);
  return "ok\n";
}

Actions::Output Actions::ResetLinks(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name a, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name b, NodeAt(c, 1));
  cluster_->ResetLinks(a, b);
  return "ok\n";
}

Actions::Output Actions::Drop(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  FaultInjection faults;
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.close_link_on_drop, c.Switch("close", false));
  for (size_t i = 1; i < c.words().size(); ++i) {
    const size_t before = faults.drop.count();
    for (size_t kind = 0; kind < kMessageKinds; ++kind) {
      const std::string_view name = MessageKindName(static_cast<MessageKind>(kind));
      if (c.words()[i] == name || c.words()[i] == "all") faults.drop.set(kind);
    }
    if (faults.drop.count() == before) {
      return absl::InvalidArgumentError(absl::StrCat(c.words()[i], " is no kind of message"));
    }
  }
  node->InjectFaults(faults);
  return "ok\n";
}

Actions::Output Actions::KillLinks(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name peer, NodeAt(c, 1));
  LinksWith which = LinksWith::kAll;
  if (c.HasWord("to")) which = LinksWith::kTo;
  if (c.HasWord("from")) which = LinksWith::kFrom;
  const absl::Status killed = node->KillLinks(cluster_->IdOf(peer), which);
  return killed.ok() ? "ok\n" : absl::StrCat("refused: ", killed.message(), "\n");
}

Actions::Output Actions::Heal(const Command&) {
  cluster_->Heal();
  return "ok\n";
}

}  // namespace clusterkit::sim
