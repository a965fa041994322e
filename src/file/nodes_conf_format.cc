#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "clusterkit/file/nodes_conf.h"
#include "file/checksum.h"
#include "file/nodes_conf_text.h"

namespace clusterkit::file {
namespace {

const NodeRecord* Find(const PersistentState& state, const NodeId& id) {
  const auto found =
      std::lower_bound(state.nodes.begin(), state.nodes.end(), id,
                       [](const NodeRecord& node, const NodeId& key) { return node.id < key; });
  return found != state.nodes.end() && found->id == id ? &*found : nullptr;
}

// Of the two hosts of a node the column has one, and not too long a one.
std::string AddressColumnHost(const NodeRecord& node) {
  std::string host = EscapeHost(node.bus.host);
  return host.size() <= kMaxAddressColumnHost ? host : "";
}

bool NeedsHostsEntry(const NodeRecord& node) {
  const std::string column = AddressColumnHost(node);
  return EscapeHost(node.bus.host) != column || EscapeHost(node.client.host) != column;
}

std::string FlagsOf(const NodeRecord& node, bool self) {
  std::vector<std::string> flags;
  if (self) flags.push_back("myself");
  flags.push_back(node.role == Role::kPrimary ? "master" : "slave");
  if (node.health == Health::kPfail) flags.push_back("fail?");
  if (node.health == Health::kFail) flags.push_back("fail");
  // Keeps Redis from dialling an empty address.
  if (!self && AddressColumnHost(node).empty()) flags.push_back("noaddr");
  if (node.no_failover) flags.push_back("nofailover");
  return absl::StrJoin(flags, ",");
}

// As Redis prints it: a replica's line shows its primary's.
Epoch ShownEpoch(const PersistentState& state, const NodeRecord& node) {
  if (node.role == Role::kPrimary || !node.primary) return node.config_epoch;
  const NodeRecord* primary = Find(state, *node.primary);
  return primary == nullptr ? node.config_epoch : primary->config_epoch;
}

// As Redis prints them: [slot->-target] and [slot-<-source].
void AppendOpenSlots(const OpenSlots& open, std::string& out) {
  for (const auto& [slot, mark] : open.marks()) {
    const bool importing = mark.direction == SlotMigration::kImporting;
    absl::StrAppend(&out, " [", slot.value, importing ? "-<-" : "->-", mark.peer.ToHex(), "]");
  }
}

void AppendNode(const PersistentState& state, const NodeRecord& node, std::string& out) {
  const bool self = node.id == state.self;
  absl::StrAppend(&out, node.id.ToHex(), " ", AddressColumnHost(node), ":", node.client.port, "@",
                  node.bus.port, ",", node.hostname, ",tls-port=0,",
                  node.name.empty() ? "" : absl::StrCat("nodename=", node.name, ","),
                  "shard-id=", node.shard.ToHex(), " ", FlagsOf(node, self), " ",
                  node.primary ? node.primary->ToHex() : "-", " 0 0 ",
                  ShownEpoch(state, node).value, self ? " connected" : " disconnected");
  if (state.slots.CountOf(node.id) > 0) {
    for (const SlotRange& range : state.slots.SlotsOf(node.id).Ranges()) {
      absl::StrAppend(&out, " ", range.first.value);
      if (range.last != range.first) absl::StrAppend(&out, "-", range.last.value);
    }
  }
  if (self) AppendOpenSlots(state.open_slots, out);
  out += '\n';
}

void AppendPair(std::string_view key, const std::string& value, std::string& out) {
  absl::StrAppend(&out, " ", Av(key), " ", value);
}

void AppendHosts(const PersistentState& state, std::string& out) {
  std::vector<std::string> entries;
  for (const NodeRecord& node : state.nodes) {
    if (!NeedsHostsEntry(node)) continue;
    entries.push_back(absl::StrCat(node.id.ToHex(), "=", EscapeHost(node.bus.host), ",",
                                   EscapeHost(node.client.host)));
  }
  if (!entries.empty()) AppendPair(kHosts, absl::StrJoin(entries, ";"), out);
}

void AppendMove(const SlotMovePlan& plan, std::string& out) {
  std::vector<std::string> ranges;
  for (const SlotRange& range : plan.slots.Ranges()) {
    ranges.push_back(range.first == range.last
                         ? absl::StrCat(range.first.value)
                         : absl::StrCat(range.first.value, "-", range.last.value));
  }
  AppendPair(kMove, absl::StrCat(plan.target.ToHex(), ":", absl::StrJoin(ranges, ",")), out);
}

void AppendVoting(const PersistentState& state, std::string& out) {
  std::vector<std::string> entries;
  for (const NodeRecord& node : state.nodes) {
    if (node.voting == Voting::kWithSlots) continue;
    entries.push_back(absl::StrCat(node.id.ToHex(), "=",
                                   Av(node.voting == Voting::kAlways ? kVotesAlways : kWitness)));
  }
  if (!entries.empty()) AppendPair(kVoting, absl::StrJoin(entries, ";"), out);
}

void AppendLedger(const VoteLedgerState& ledger, std::string& out) {
  std::vector<std::string> votes;
  for (const VoteRecord& vote : ledger.votes) {
    votes.push_back(
        absl::StrCat(vote.shard.ToHex(), ":", vote.epoch.value, ":", vote.candidate.ToHex()));
  }
  AppendPair(kLedgerFloor, absl::StrCat(ledger.floor.value), out);
  AppendPair(kLedgerSettled, ledger.settled ? "1" : "0", out);
  AppendPair(kLedger, votes.empty() ? "-" : absl::StrJoin(votes, ";"), out);
}

// What Redis, which knows one ledger for all shards, must not vote at or below.
uint64_t LastVoteEpoch(const PersistentState& state) {
  if (!state.ledger) return 0;
  uint64_t last = state.ledger->floor.value;
  for (const VoteRecord& vote : state.ledger->votes) last = std::max(last, vote.epoch.value);
  return last;
}

std::string Format(const PersistentState& state) {
  std::string out;
  for (const NodeRecord& node : state.nodes) AppendNode(state, node, out);
  out += "vars";
  AppendPair(kCurrentEpoch, absl::StrCat(state.current_epoch.value), out);
  AppendPair(kLastVoteEpoch, absl::StrCat(LastVoteEpoch(state)), out);
  AppendHosts(state, out);
  const std::optional<SlotMovePlan>& plan = state.open_slots.plan();
  if (plan && !plan->slots.Empty()) AppendMove(*plan, out);
  AppendVoting(state, out);
  if (state.ledger) AppendLedger(*state.ledger, out);
  absl::StrAppend(&out, " ", Av(kChecksum), " ");
  absl::StrAppend(&out, ChecksumText(out), "\n");
  return out;
}

}  // namespace
}  // namespace clusterkit::file

namespace clusterkit {

std::string FormatNodesConf(const PersistentState& state) { return file::Format(state); }

}  // namespace clusterkit
