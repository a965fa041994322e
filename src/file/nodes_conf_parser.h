// Reads the state file line by line.

#ifndef CLUSTERKIT_SRC_FILE_NODES_CONF_PARSER_H_
#define CLUSTERKIT_SRC_FILE_NODES_CONF_PARSER_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/slot.h"

namespace clusterkit::file {

using Fields = std::vector<std::string_view>;

// Pieces between separators; empty pieces count.
Fields Split(std::string_view text, char separator);

// "5" or "5-7". The reason why it is none, or empty.
std::string ParseRange(std::string_view field, SlotRange& range);

// The vars line. Hosts of nodes are applied by the caller, as lines may come in any order.
struct Vars {
  Epoch current_epoch;
  std::optional<VoteLedgerState> ledger;
  std::optional<SlotMovePlan> move;
  absl::btree_map<NodeId, std::pair<std::string, std::string>> hosts;  // Bus, client.
  absl::btree_map<NodeId, Voting> voting;
  bool has_checksum = false;
};

// `fields` are views into `text`, which the checksum covers. The error is the reason alone.
absl::StatusOr<Vars> ParseVars(const Fields& fields, std::string_view text);

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  absl::StatusOr<PersistentState> Parse() &&;

 private:
  absl::Status ParseLines();
  absl::Status ParseLine(std::string_view line);
  absl::Status ParseNode(const Fields& fields);
  absl::Status AddNode(const NodeRecord& node, bool self, const Fields& fields);
  absl::Status ParseAddress(std::string_view field, NodeRecord& node) const;
  absl::Status ParseAttributes(std::string_view text, NodeRecord& node) const;
  absl::Status ParseFlags(std::string_view field, NodeRecord& node, bool& self,
                          bool& handshake) const;
  absl::Status ParseSlots(std::string_view field, const NodeId& owner);
  absl::Status ParseOpenSlot(std::string_view field, const NodeId& node);
  absl::Status ParseRange(std::string_view field, SlotRange& range) const;
  absl::Status Assemble();
  void AdoptShards();
  absl::Status ApplyHosts();
  absl::Status ApplyVoting();
  absl::Status Damaged(std::string_view reason) const;  // In the current line.

  const std::string_view text_;
  size_t line_ = 0;
  PersistentState state_;
  Epoch greatest_epoch_;
  std::optional<Vars> vars_;
  size_t vars_line_ = 0;
  size_t self_line_ = 0;
  absl::btree_map<NodeId, std::pair<size_t, NodeRecord>> nodes_;  // With their lines.
  std::array<size_t, kSlotCount> slot_lines_{};
  absl::btree_map<NodeId, SlotSet> slots_;
};

}  // namespace clusterkit::file

#endif  // CLUSTERKIT_SRC_FILE_NODES_CONF_PARSER_H_
