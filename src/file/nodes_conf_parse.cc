#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/file/nodes_conf.h"
#include "clusterkit/node_details.h"
#include "file/nodes_conf_parser.h"
#include "file/nodes_conf_text.h"

namespace clusterkit::file {
namespace {

// Columns of a node's line; slots follow.
enum Column : size_t {
  kId,
  kAddress,
  kFlags,
  kPrimary,
  kPingSent,
  kPongReceived,
  kConfigEpoch,
  kLinkState,
  kSlots
};

// Redis's rule where the line does not name the port of the bus.
constexpr uint32_t kBusPortOffset = 10000;

// Redis takes any number of spaces between fields.
Fields SplitLine(std::string_view line) {
  Fields fields = Split(line, ' ');
  std::erase_if(fields, [](std::string_view field) { return field.empty(); });
  return fields;
}

}  // namespace

Fields Split(std::string_view text, char separator) {
  Fields pieces;
  while (true) {
    const size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::string ParseRange(std::string_view field, SlotRange& range) {
  const size_t dash = field.find('-');
  const std::string_view texts[] = {
      field.substr(0, dash), dash == std::string_view::npos ? field : field.substr(dash + 1)};
  SlotId* const ends[] = {&range.first, &range.last};
  for (int i = 0; i < 2; ++i) {
    const std::optional<uint64_t> slot = ParseNumber<uint64_t>(texts[i]);
    if (!slot) return absl::StrCat("bad slot ", Quote(field));
    if (*slot >= kSlotCount) return absl::StrCat("slot ", *slot, " out of range");
    ends[i]->value = static_cast<uint16_t>(*slot);
  }
  return range.last < range.first ? absl::StrCat("bad slot range ", Quote(field)) : "";
}

absl::Status Parser::Damaged(std::string_view reason) const {
  return absl::DataLossError(absl::StrCat("nodes.conf line ", line_, ": ", Av(reason)));
}

absl::StatusOr<PersistentState> Parser::Parse() && {
  if (text_.size() > kMaxFileBytes) {
    return absl::DataLossError(absl::StrCat("nodes.conf: ", text_.size(), " bytes; more than ",
                                            kMaxFileBytes, " are no state"));
  }
  CLUSTERKIT_RETURN_IF_ERROR(ParseLines());
  CLUSTERKIT_RETURN_IF_ERROR(Assemble());
  return std::move(state_);
}

absl::Status Parser::ParseLines() {
  size_t written_lines = 0;
  for (std::string_view rest = text_; !rest.empty();) {
    ++line_;
    const size_t end = rest.find('\n');
    // The vars line is written last: a file that lost its end is found here.
    if (end == std::string_view::npos)
      return Damaged("no newline at the end: the file was cut off");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.empty()) continue;  // Redis 7.0 fills up with empty lines.
    if (++written_lines > kMaxLines)
      return Damaged(absl::StrCat("more than ", kMaxLines, " lines"));
    CLUSTERKIT_RETURN_IF_ERROR(ParseLine(line));
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseLine(std::string_view line) {
  const Fields fields = SplitLine(line);
  if (fields.empty()) return absl::OkStatus();
  if (fields[0] != "vars") return ParseNode(fields);
  if (vars_) return Damaged(absl::StrCat("second vars line, the first is line ", vars_line_));
  absl::StatusOr<Vars> vars = ParseVars(fields, text_);
  if (!vars.ok()) return Damaged(Sv(vars.status().message()));
  vars_ = *std::move(vars);
  vars_line_ = line_;
  return absl::OkStatus();
}

absl::Status Parser::ParseNode(const Fields& fields) {
  if (fields.size() < kSlots) {
    return Damaged(absl::StrCat(fields.size(), " fields; a node has at least 8"));
  }
  NodeRecord node;
  const absl::StatusOr<NodeId> id = NodeId::FromHex(fields[kId]);
  if (!id.ok()) return Damaged(absl::StrCat("bad node id ", Quote(fields[kId])));
  node.id = *id;
  CLUSTERKIT_RETURN_IF_ERROR(ParseAddress(fields[kAddress], node));
  bool self = false, handshake = false;
  CLUSTERKIT_RETURN_IF_ERROR(ParseFlags(fields[kFlags], node, self, handshake));
  if (fields[kPrimary] != "-") {
    const absl::StatusOr<NodeId> primary = NodeId::FromHex(fields[kPrimary]);
    if (!primary.ok()) return Damaged(absl::StrCat("bad primary id ", Quote(fields[kPrimary])));
    if (node.role == Role::kPrimary) return Damaged("a master has a primary");
    if (*primary == node.id) return Damaged("a node is its own primary");
    node.primary = *primary;
  }
  for (Column column : {kPingSent, kPongReceived, kConfigEpoch}) {
    const std::optional<uint64_t> number = ParseNumber<uint64_t>(fields[column]);
    if (!number) return Damaged(absl::StrCat(Quote(fields[column]), " is not a number"));
    if (column != kConfigEpoch) continue;
    greatest_epoch_ = std::max(greatest_epoch_, Epoch{*number});
    if (node.role == Role::kPrimary) node.config_epoch = {*number};
  }
  if (fields[kLinkState] != "connected" && fields[kLinkState] != "disconnected") {
    return Damaged(absl::StrCat("bad link state ", Quote(fields[kLinkState])));
  }
  // Its id is a placeholder, drawn for the time of an introduction.
  if (handshake) return absl::OkStatus();
  return AddNode(node, self, fields);
}

absl::Status Parser::AddNode(const NodeRecord& node, bool self, const Fields& fields) {
  const auto [known, added] = nodes_.try_emplace(node.id, line_, node);
  if (!added)
    return Damaged(absl::StrCat("node listed twice, first in line ", known->second.first));
  if (self) {
    if (self_line_ != 0)
      return Damaged(absl::StrCat("second myself, the first is line ", self_line_));
    self_line_ = line_;
    state_.self = node.id;
  }
  for (size_t i = kSlots; i < fields.size(); ++i) {
    CLUSTERKIT_RETURN_IF_ERROR(ParseSlots(fields[i], node.id));
  }
  return absl::OkStatus();
}

// host:port[@bus-port][,hostname[,key=value...]]; the host of an IPv6 node has colons too.
absl::Status Parser::ParseAddress(std::string_view field, NodeRecord& node) const {
  const auto malformed = [&] { return Damaged(absl::StrCat("bad address ", Quote(field))); };
  const size_t comma = field.find(',');
  const std::string_view address = field.substr(0, comma);
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return malformed();
  const std::string_view ports = address.substr(colon + 1);
  const size_t at = ports.find('@');
  const std::optional<uint16_t> client_port = ParseNumber<uint16_t>(ports.substr(0, at));
  if (!client_port) return malformed();
  std::optional<uint16_t> bus_port;
  if (at != std::string_view::npos) {
    bus_port = ParseNumber<uint16_t>(ports.substr(at + 1));
  } else if (*client_port + kBusPortOffset <= UINT16_MAX) {
    bus_port = static_cast<uint16_t>(*client_port + kBusPortOffset);
  }
  const std::optional<std::string> host = UnescapeHost(address.substr(0, colon));
  if (!bus_port || !host) return malformed();
  node.client = {*host, *client_port};
  node.bus = {*host, *bus_port};
  if (comma == std::string_view::npos) return absl::OkStatus();
  return ParseAttributes(field.substr(comma + 1), node);
}

// The first is the announced hostname. Of the others the shard and the name are ours.
absl::Status Parser::ParseAttributes(std::string_view text, NodeRecord& node) const {
  const Fields attributes = Split(text, ',');
  // Names are for people: what another program accepted and we would not is dropped.
  const auto take = [](std::string_view value, std::string NodeDetails::*field, std::string& out) {
    NodeDetails details;
    details.*field = std::string(value);
    if (details.Validate().ok()) out = std::string(value);
  };
  take(attributes[0], &NodeDetails::hostname, node.hostname);
  for (size_t i = 1; i < attributes.size(); ++i) {
    const std::string_view attribute = attributes[i];
    const size_t equals = attribute.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Damaged(absl::StrCat("bad attribute ", Quote(attribute)));
    }
    const std::string_view key = attribute.substr(0, equals), value = attribute.substr(equals + 1);
    if (key == "nodename") take(value, &NodeDetails::name, node.name);
    if (key != "shard-id") continue;
    const absl::StatusOr<ShardId> shard = ShardId::FromHex(value);
    if (!shard.ok()) return Damaged(absl::StrCat("bad shard id ", Quote(attribute)));
    node.shard = *shard;
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseFlags(std::string_view field, NodeRecord& node, bool& self,
                                bool& handshake) const {
  bool primary = false, replica = false;
  for (std::string_view flag : Split(field, ',')) {
    if (flag == "myself") {
      self = true;
    } else if (flag == "master") {
      primary = true;
    } else if (flag == "slave") {
      replica = true;
    } else if (flag == "fail") {
      node.health = Health::kFail;
    } else if (flag == "fail?") {
      if (node.health != Health::kFail) node.health = Health::kPfail;
    } else if (flag == "handshake") {
      handshake = true;
    } else if (flag == "nofailover") {
      node.no_failover = true;
    } else if (flag != "noaddr" && flag != "noflags") {
      return Damaged(absl::StrCat("unknown flag ", Quote(flag)));
    }
  }
  if ((primary && replica) || (self && handshake)) {
    return Damaged(absl::StrCat("contradictory flags ", Quote(field)));
  }
  if (replica) node.role = Role::kReplica;
  return absl::OkStatus();
}

absl::Status Parser::ParseSlots(std::string_view field, const NodeId& owner) {
  if (field.front() == '[') return ParseOpenSlot(field, owner);
  SlotRange range;
  CLUSTERKIT_RETURN_IF_ERROR(ParseRange(field, range));
  for (size_t slot = range.first.value; slot <= range.last.value; ++slot) {
    if (slot_lines_[slot] != 0) {
      return Damaged(
          absl::StrCat("slot ", slot, " is owned by the node of line ", slot_lines_[slot]));
    }
    slot_lines_[slot] = line_;
  }
  slots_[owner].Add(range);
  return absl::OkStatus();
}

// [93-<-id] or [77->-id]: a migration that was under way. Only our own line has them.
absl::Status Parser::ParseOpenSlot(std::string_view field, const NodeId& node) {
  const auto malformed = [&] { return Damaged(absl::StrCat("bad open slot ", Quote(field))); };
  constexpr std::string_view kExporting = "->-", kImporting = "-<-";
  const size_t arrow = field.find('-');
  if (field.back() != ']' || arrow == std::string_view::npos) return malformed();
  const std::string_view direction = field.substr(arrow, kExporting.size());
  if (direction != kExporting && direction != kImporting) return malformed();
  const std::optional<uint64_t> slot = ParseNumber<uint64_t>(field.substr(1, arrow - 1));
  std::string_view hex = field.substr(arrow + kExporting.size());
  hex.remove_suffix(1);
  const absl::StatusOr<NodeId> peer = NodeId::FromHex(hex);
  if (!slot || *slot >= kSlotCount || !peer.ok()) return malformed();
  if (self_line_ != line_) return absl::OkStatus();
  if (*peer == node) return Damaged(absl::StrCat("open slot ", *slot, " from the node to itself"));
  SlotSet one;
  one.Add(SlotId{static_cast<uint16_t>(*slot)});
  state_.open_slots.Open(
      one,
      {direction == kImporting ? SlotMigration::kImporting : SlotMigration::kExporting, *peer});
  return absl::OkStatus();
}

absl::Status Parser::ParseRange(std::string_view field, SlotRange& range) const {
  const std::string reason = file::ParseRange(field, range);
  return reason.empty() ? absl::OkStatus() : Damaged(reason);
}

absl::Status Parser::Assemble() {
  if (!vars_) return Damaged("no vars line: the file was cut off");
  if (self_line_ == 0) return Damaged("no node is marked as myself");
  CLUSTERKIT_RETURN_IF_ERROR(ApplyHosts());
  CLUSTERKIT_RETURN_IF_ERROR(ApplyVoting());
  AdoptShards();
  for (auto& [id, node] : nodes_) state_.nodes.push_back(std::move(node.second));
  for (const auto& [owner, slots] : slots_) state_.slots.Bind(slots, owner);
  // Redis does the same: an epoch that was seen is never too great.
  state_.current_epoch = std::max(vars_->current_epoch, greatest_epoch_);
  state_.ledger = std::move(vars_->ledger);
  state_.open_slots.SetPlan(std::move(vars_->move));
  return absl::OkStatus();
}

absl::Status Parser::ApplyHosts() {
  line_ = vars_line_;
  for (auto& [id, hosts] : vars_->hosts) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) {
      return Damaged(absl::StrCat("hosts of node ", id.ToHex(), ", which has no line"));
    }
    node->second.second.bus.host = std::move(hosts.first);
    node->second.second.client.host = std::move(hosts.second);
  }
  return absl::OkStatus();
}

absl::Status Parser::ApplyVoting() {
  line_ = vars_line_;
  for (const auto& [id, voting] : vars_->voting) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) {
      return Damaged(absl::StrCat("voting of node ", id.ToHex(), ", which has no line"));
    }
    node->second.second.voting = voting;
  }
  return absl::OkStatus();
}

// Redis 7.0 knows no shards: what belongs together is told by the primaries.
void Parser::AdoptShards() {
  for (auto& [id, entry] : nodes_) {
    NodeRecord& node = entry.second;
    if (!node.shard.IsZero() || !node.primary) continue;
    const auto primary = nodes_.find(*node.primary);
    if (primary != nodes_.end()) node.shard = primary->second.second.shard;
  }
}

}  // namespace clusterkit::file

namespace clusterkit {

absl::StatusOr<PersistentState> ParseNodesConf(std::string_view text) {
  return file::Parser(text).Parse();
}

}  // namespace clusterkit
