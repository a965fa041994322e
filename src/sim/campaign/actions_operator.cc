// Commands of an operator to one node.

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/sim/actions.h"
#include "sim/campaign/answer.h"

namespace clusterkit::sim {
namespace {

absl::StatusOr<SlotSet> SlotsIn(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string text, c.Word(1, "slots"));
  return ParseSlots(text);
}

}  // namespace

void Actions::AddOperator() {
  table_["meet"] = &Actions::Meet;
  table_["addslots"] = &Actions::AddSlots;
  table_["delslots"] = &Actions::RemoveSlots;
  table_["import"] = &Actions::Import;
  table_["replicate"] = &Actions::Replicate;
  table_["forget"] = &Actions::Forget;
  table_["reset"] = &Actions::Reset;
  table_["set-config-epoch"] = &Actions::SetConfigEpoch;
  table_["bump"] = &Actions::Bump;
  table_["overrule"] = &Actions::Overrule;
  table_["reconfigure"] = &Actions::Reconfigure;
}

Actions::Output Actions::Meet(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  absl::Status status;
  for (size_t i = 1; i < c.words().size() && status.ok(); ++i) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, i));
    status = node->Meet(cluster_->BusOf(name));
  }
  return Answer(status);
}

Actions::Output Actions::AddSlots(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet slots, SlotsIn(c));
  return Answer(node->AddSlots(slots));
}

Actions::Output Actions::RemoveSlots(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet slots, SlotsIn(c));
  return Answer(node->RemoveSlots(slots));
}

Actions::Output Actions::Import(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet slots, SlotsIn(c));
  return Answer(node->CompleteImport(slots));
}

Actions::Output Actions::Replicate(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name primary, NodeAt(c, 1));
  return Answer(node->Replicate(cluster_->IdOf(primary)));
}

Actions::Output Actions::Forget(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name other, NodeAt(c, 1));
  return Answer(node->Forget(cluster_->IdOf(other)));
}

Actions::Output Actions::Reset(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  return Answer(node->Reset(c.HasWord("hard") ? ResetMode::kHard : ResetMode::kSoft));
}

Actions::Output Actions::SetConfigEpoch(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t epoch, c.Number("epoch", 0));
  return Answer(node->SetConfigEpoch(Epoch{static_cast<uint64_t>(epoch)}));
}

Actions::Output Actions::Bump(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  return node->BumpEpoch() ? "bumped\n" : "still\n";
}

Actions::Output Actions::Overrule(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  return Answer(node->OverruleDataGuard());
}

Actions::Output Actions::Reconfigure(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  Options options = node->options();
  CLUSTERKIT_RETURN_IF_ERROR(ApplyOptions(c, options));
  options.client.host = c.Named("client-host", options.client.host);
  options.bus.host = c.Named("bus-host", options.bus.host);
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t port, c.Number("client-port", options.client.port));
  if (port < 0 || port > UINT16_MAX) return absl::InvalidArgumentError("client-port: no port");
  options.client.port = static_cast<uint16_t>(port);
  return Answer(node->Reconfigure(options));
}

}  // namespace clusterkit::sim
