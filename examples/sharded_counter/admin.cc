#include "sharded_counter/admin.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "clusterkit/describe.h"
#include "clusterkit/slot.h"

namespace sharded_counter {
namespace {

using clusterkit::NodeId;

absl::Status Meet(clusterkit::Node& node, const std::string& host, const std::string& port) {
  uint32_t number = 0;
  if (!absl::SimpleAtoi(port, &number) || number == 0 || number > UINT16_MAX) {
    return absl::InvalidArgumentError(port + " is not a port");
  }
  return node.Meet({host, static_cast<uint16_t>(number)});
}

absl::StatusOr<clusterkit::SlotId> Slot(const std::string& word) {
  int64_t number = -1;
  if (!absl::SimpleAtoi(word, &number)) return absl::InvalidArgumentError(word + " is not a slot");
  return clusterkit::MakeSlotId(number);
}

absl::Status Own(clusterkit::Node& node, const std::string& first, const std::string& last) {
  const auto from = Slot(first), to = Slot(last);
  if (!from.ok()) return from.status();
  if (!to.ok()) return to.status();
  if (*from > *to) return absl::InvalidArgumentError("the first slot is above the last");
  return node.AddSlots(clusterkit::SlotSet::Of({*from, *to}));
}

absl::Status WithNode(clusterkit::Node& node, const std::string& id,
                      absl::Status (clusterkit::Node::*command)(const NodeId&)) {
  const absl::StatusOr<NodeId> named = NodeId::FromHex(id);
  return named.ok() ? (node.*command)(*named) : named.status();
}

std::string Nodes(const clusterkit::ClusterView& view) {
  std::string lines;
  for (const auto& node : view.nodes()) {
    const auto word = [](std::string_view text) {
      return absl::string_view(text.data(), text.size());
    };
    absl::StrAppend(&lines, "NODE ", node->id.ToHex(), " ", word(clusterkit::Describe(node->role)),
                    " ", clusterkit::Describe(node->client), " ", node->slot_count, " ",
                    word(clusterkit::Describe(node->health)), "\n");
  }
  return lines + "END";
}

}  // namespace

std::string Administer(clusterkit::Node& node, const std::vector<std::string>& words) {
  const std::string& command = words[0];
  const size_t arguments = words.size() - 1;
  absl::Status status = absl::InvalidArgumentError("unknown command");
  if (command == "MEET" && arguments == 2) {
    status = Meet(node, words[1], words[2]);
  } else if (command == "OWN" && arguments == 2) {
    status = Own(node, words[1], words[2]);
  } else if (command == "REPLICATE" && arguments == 1) {
    status = WithNode(node, words[1], &clusterkit::Node::Replicate);
  } else if (command == "FORGET" && arguments == 1) {
    status = WithNode(node, words[1], &clusterkit::Node::Forget);
  } else if (command == "FAILOVER" && arguments == 0) {
    status = node.Failover(clusterkit::FailoverMode::kCatchUp);
  } else if (command == "NODES" && arguments == 0) {
    return Nodes(*node.view());
  }
  return status.ok() ? "OK" : absl::StrCat("ERROR ", status.message());
}

}  // namespace sharded_counter
