// Commands that move slots between shards, or the primary of a shard between its nodes.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/sim/actions.h"
#include "sim/campaign/answer.h"

namespace clusterkit::sim {
void Actions::AddMoves() {
  table_["move"] = &Actions::Move;
  table_["cancel-move"] = &Actions::CancelMove;
  table_["export"] = &Actions::Export;
  table_["receive"] = &Actions::Receive;
  table_["stable"] = &Actions::Stable;
  table_["bind"] = &Actions::BindTo;
  table_["failover"] = &Actions::Failover;
  table_["handover"] = &Actions::HandOver;
  table_["stop"] = &Actions::Stop;
  table_["leave"] = &Actions::Leave;
}

// NODE SLOTS PEER
Actions::Output Actions::WithPeer(const Command& c,
                                  absl::Status (Node::*command)(const SlotSet&, const NodeId&)) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string slots, c.Word(1, "slots"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet set, ParseSlots(slots));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name peer, NodeAt(c, 2));
  return Answer((node->*command)(set, cluster_->IdOf(peer)));
}

Actions::Output Actions::Move(const Command& c) { return WithPeer(c, &Node::MoveSlots); }
Actions::Output Actions::Export(const Command& c) { return WithPeer(c, &Node::BeginExport); }
Actions::Output Actions::Receive(const Command& c) { return WithPeer(c, &Node::BeginImport); }
Actions::Output Actions::BindTo(const Command& c) { return WithPeer(c, &Node::BindSlots); }

Actions::Output Actions::Stable(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string slots, c.Word(1, "slots"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet set, ParseSlots(slots));
  return Answer(node->EndMigration(set));
}

Actions::Output Actions::CancelMove(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  return Answer(node->CancelMove());
}

Actions::Output Actions::Failover(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  FailoverMode mode = FailoverMode::kCatchUp;
  if (c.HasWord("force")) mode = FailoverMode::kForce;
  if (c.HasWord("takeover")) mode = FailoverMode::kTakeover;
  return Answer(node->Failover(mode));
}

Actions::Output Actions::Depart(const Command& c, absl::Status (Node::*command)(absl::Duration)) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, AwakeNodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const absl::Duration within, c.Time("within", absl::Seconds(5)));
  return Answer((node->*command)(within));
}

Actions::Output Actions::HandOver(const Command& c) { return Depart(c, &Node::HandOver); }
Actions::Output Actions::Stop(const Command& c) { return Depart(c, &Node::Stop); }
Actions::Output Actions::Leave(const Command& c) { return Depart(c, &Node::Leave); }

}  // namespace clusterkit::sim
