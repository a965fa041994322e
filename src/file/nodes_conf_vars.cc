#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "file/checksum.h"
#include "file/nodes_conf_parser.h"
#include "file/nodes_conf_text.h"

namespace clusterkit::file {
namespace {

absl::Status Reason(std::string_view text) { return absl::DataLossError(Av(text)); }

absl::Status ParseEpoch(std::string_view key, std::string_view value, Epoch& epoch) {
  const std::optional<uint64_t> number = ParseNumber<uint64_t>(value);
  if (!number) return Reason(absl::StrCat(Av(key), " ", Quote(value), " is not a number"));
  epoch.value = *number;
  return absl::OkStatus();
}

absl::Status ParseHosts(std::string_view value, Vars& vars) {
  for (std::string_view entry : Split(value, ';')) {
    const auto malformed = [&] { return Reason(absl::StrCat("bad hosts entry ", Quote(entry))); };
    const Fields sides = Split(entry, '=');
    if (sides.size() != 2) return malformed();
    const Fields hosts = Split(sides[1], ',');
    const absl::StatusOr<NodeId> id = NodeId::FromHex(sides[0]);
    if (!id.ok() || hosts.size() != 2) return malformed();
    std::optional<std::string> bus = UnescapeHost(hosts[0]), client = UnescapeHost(hosts[1]);
    if (!bus || !client) return malformed();
    const bool added = vars.hosts.try_emplace(*id, *std::move(bus), *std::move(client)).second;
    if (!added) return Reason(absl::StrCat("hosts of node ", id->ToHex(), " listed twice"));
  }
  return absl::OkStatus();
}

absl::Status ParseMove(std::string_view value, SlotMovePlan& plan) {
  const Fields sides = Split(value, ':');
  const absl::StatusOr<NodeId> target = NodeId::FromHex(sides[0]);
  if (sides.size() != 2 || !target.ok()) return Reason(absl::StrCat("bad move ", Quote(value)));
  plan.target = *target;
  for (std::string_view field : Split(sides[1], ',')) {
    SlotRange range;
    if (const std::string reason = ParseRange(field, range); !reason.empty()) {
      return Reason(absl::StrCat("move: ", reason));
    }
    plan.slots.Add(range);
  }
  return absl::OkStatus();
}

absl::Status ParseVoting(std::string_view value, Vars& vars) {
  for (std::string_view entry : Split(value, ';')) {
    const Fields sides = Split(entry, '=');
    const bool whole = sides.size() == 2 && (sides[1] == kVotesAlways || sides[1] == kWitness);
    const absl::StatusOr<NodeId> id = NodeId::FromHex(sides[0]);
    if (!whole || !id.ok()) return Reason(absl::StrCat("bad voting entry ", Quote(entry)));
    const Voting voting = sides[1] == kWitness ? Voting::kWitness : Voting::kAlways;
    if (!vars.voting.try_emplace(*id, voting).second) {
      return Reason(absl::StrCat("voting of node ", id->ToHex(), " listed twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<VoteRecord> ParseVote(std::string_view entry) {
  const Fields parts = Split(entry, ':');
  if (parts.size() == 3) {
    const absl::StatusOr<ShardId> shard = ShardId::FromHex(parts[0]);
    const std::optional<uint64_t> epoch = ParseNumber<uint64_t>(parts[1]);
    const absl::StatusOr<NodeId> candidate = NodeId::FromHex(parts[2]);
    if (shard.ok() && epoch && candidate.ok()) return VoteRecord{*shard, Epoch{*epoch}, *candidate};
  }
  return Reason(absl::StrCat("bad ledger entry ", Quote(entry)));
}

absl::Status ParseVotes(std::string_view value, std::vector<VoteRecord>& votes) {
  if (value == "-") return absl::OkStatus();
  for (std::string_view entry : Split(value, ';')) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const VoteRecord vote, ParseVote(entry));
    if (!votes.empty() && votes.back().shard >= vote.shard) {
      return Reason("ledger entries are not in ascending order of their shards");
    }
    votes.push_back(vote);
  }
  return absl::OkStatus();
}

// `value` is a view into `text`: what stands before its key is covered.
absl::Status CompareChecksum(std::string_view value, std::string_view text) {
  const size_t begin = static_cast<size_t>(value.data() - text.data());
  if (text.substr(begin + value.size()) != "\n") return Reason("text follows the checksum");
  const std::string expected = ChecksumText(text.substr(0, begin));
  if (value == expected) return absl::OkStatus();
  return Reason(absl::StrCat("checksum is ", expected, ", the file says ", Quote(value)));
}

// The pair's key and value, and whether the key was there before.
struct Seen {
  bool current_epoch = false, last_vote_epoch = false, hosts = false, move = false, voting = false,
       floor = false, settled = false, ledger = false, checksum = false;
};

absl::Status ParsePair(std::string_view key, std::string_view value, std::string_view text,
                       Vars& vars, VoteLedgerState& ledger, Seen& seen) {
  const auto once = [key](bool& flag) {
    return std::exchange(flag, true) ? Reason(absl::StrCat(Av(key), " given twice"))
                                     : absl::OkStatus();
  };
  if (key == kCurrentEpoch) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.current_epoch));
    return ParseEpoch(key, value, vars.current_epoch);
  }
  if (key == kLastVoteEpoch) {
    // Only checked: it is one epoch for all shards, the ledger has one for each.
    Epoch ignored;
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.last_vote_epoch));
    return ParseEpoch(key, value, ignored);
  }
  if (key == kHosts) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.hosts));
    return ParseHosts(value, vars);
  }
  if (key == kMove) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.move));
    return ParseMove(value, vars.move.emplace());
  }
  if (key == kVoting) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.voting));
    return ParseVoting(value, vars);
  }
  if (key == kLedgerFloor) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.floor));
    return ParseEpoch(key, value, ledger.floor);
  }
  if (key == kLedgerSettled) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.settled));
    if (value != "0" && value != "1")
      return Reason(absl::StrCat("bad ledger-settled ", Quote(value)));
    ledger.settled = value == "1";
    return absl::OkStatus();
  }
  if (key == kLedger) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.ledger));
    return ParseVotes(value, ledger.votes);
  }
  if (key == kChecksum) {
    CLUSTERKIT_RETURN_IF_ERROR(once(seen.checksum));
    return CompareChecksum(value, text);
  }
  return absl::OkStatus();  // As Redis does: a pair for somebody else.
}

}  // namespace

absl::StatusOr<Vars> ParseVars(const Fields& fields, std::string_view text) {
  if (fields.size() % 2 == 0) return Reason("a key of the vars line has no value");
  Vars vars;
  VoteLedgerState ledger;
  Seen seen;
  for (size_t i = 1; i < fields.size(); i += 2) {
    CLUSTERKIT_RETURN_IF_ERROR(ParsePair(fields[i], fields[i + 1], text, vars, ledger, seen));
  }
  if (!seen.current_epoch) return Reason("currentEpoch is missing");
  if (seen.floor != seen.ledger || seen.settled != seen.ledger) {
    return Reason("ledger, ledger-floor and ledger-settled belong together");
  }
  // Redis drops the ledger when it saves; only damage or an editor leaves it without a checksum.
  if (seen.ledger && !seen.checksum) return Reason("a ledger without a checksum");
  if (seen.ledger) vars.ledger = std::move(ledger);
  return vars;
}

}  // namespace clusterkit::file
