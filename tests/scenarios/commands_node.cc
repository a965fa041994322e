// Commands of an operator to one node.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

using Output = absl::StatusOr<std::string>;

absl::StatusOr<Node*> FirstNode(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string name, c.Word(0, "a node"));
  return world->Awake(name);
}

absl::StatusOr<NodeId> SecondId(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string word, c.Word(1, "another node"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(word));
  return world->cluster().IdOf(name);
}

// meet a b c: a is told of b and c.
Output Meet(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  absl::Status status;
  for (size_t i = 1; i < c.words().size() && status.ok(); ++i) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(c.words()[i]));
    status = node->Meet(world->cluster().BusOf(name));
  }
  return Answer(status);
}

template <absl::Status (Node::*method)(const SlotSet&)>
Output WithSlots(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string text, c.Word(1, "slots"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const SlotSet slots, ParseSlots(text));
  return Answer((node->*method)(slots));
}

Output Bump(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  return node->BumpEpoch() ? "bumped\n" : "still\n";
}

Output SetConfigEpoch(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t epoch, c.Number("epoch", 0));
  return Answer(node->SetConfigEpoch(Epoch{static_cast<uint64_t>(epoch)}));
}

template <absl::Status (Node::*method)(const NodeId&)>
Output WithNode(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  CLUSTERKIT_ASSIGN_OR_RETURN(const NodeId id, SecondId(world, c));
  return Answer((node->*method)(id));
}

Output Reset(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  return Answer(node->Reset(c.HasWord("hard") ? ResetMode::kHard : ResetMode::kSoft));
}

Output Overrule(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  return Answer(node->OverruleDataGuard());
}

Output Reconfigure(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, FirstNode(world, c));
  Options options = node->options();
  CLUSTERKIT_RETURN_IF_ERROR(ApplyOptions(c, options));
  return Answer(node->Reconfigure(options));
}

}  // namespace

void AddNodeCommands(Handlers& handlers) {
  handlers["meet"] = {Meet};
  handlers["addslots"] = {WithSlots<&Node::AddSlots>};
  handlers["delslots"] = {WithSlots<&Node::RemoveSlots>};
  handlers["import"] = {WithSlots<&Node::CompleteImport>};
  handlers["bump"] = {Bump};
  handlers["set-config-epoch"] = {SetConfigEpoch};
  handlers["replicate"] = {WithNode<&Node::Replicate>};
  handlers["forget"] = {WithNode<&Node::Forget>};
  handlers["reset"] = {Reset};
  handlers["overrule"] = {Overrule};
  handlers["reconfigure"] = {Reconfigure};
}

}  // namespace clusterkit::scenario
