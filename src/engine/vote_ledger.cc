#include "clusterkit/vote_ledger.h"

#include <algorithm>

namespace clusterkit {

VoteLedger::VoteLedger(VoteLedgerState state, size_t max_entries)
    : max_entries_(max_entries), floor_(state.floor), settled_(state.settled) {
  for (const VoteRecord& vote : state.votes) {
    entries_[vote.shard] = {vote.epoch, vote.candidate, Instant::InfinitePast()};
  }
}

Epoch VoteLedger::LastEpoch(const ShardId& shard) const {
  auto it = entries_.find(shard);
  return it == entries_.end() ? floor_ : std::max(floor_, it->second.epoch);
}

std::optional<absl::Duration> VoteLedger::BlockedFor(const ShardId& shard, const NodeId& candidate,
                                                     Instant now) const {
  auto it = entries_.find(shard);
  if (it == entries_.end() || it->second.candidate == candidate) return std::nullopt;
  if (now >= it->second.round_end) return std::nullopt;
  return it->second.round_end - now;
}

bool VoteLedger::RoundOpen(const ShardId& shard, Instant now) const {
  auto it = entries_.find(shard);
  return it != entries_.end() && now < it->second.round_end;
}

Epoch VoteLedger::LastVoteEpoch() const {
  Epoch last;
  for (const auto& [shard, entry] : entries_) last = std::max(last, entry.epoch);
  return last;
}

void VoteLedger::Grant(const ShardId& shard, Epoch epoch, const NodeId& candidate,
                       Instant round_end) {
  entries_[shard] = {epoch, candidate, round_end};
  if (entries_.size() <= max_entries_) return;
  // Forget the vote whose round ended first, but not what it promised: the floor takes over.
  auto oldest = std::min_element(
      entries_.begin(), entries_.end(),
      [](const auto& a, const auto& b) { return a.second.round_end < b.second.round_end; });
  RaiseFloor(oldest->second.epoch);
  entries_.erase(oldest);
}

void VoteLedger::Withdraw(const ShardId& shard, Epoch epoch, const NodeId& candidate) {
  auto it = entries_.find(shard);
  if (it == entries_.end() || it->second.candidate != candidate) return;
  if (it->second.epoch == epoch) it->second.round_end = Instant::InfinitePast();
}

void VoteLedger::RaiseFloor(Epoch floor) { floor_ = std::max(floor_, floor); }

VoteLedgerState VoteLedger::state() const {
  VoteLedgerState state;
  state.floor = floor_;
  state.settled = settled_;
  for (const auto& [shard, entry] : entries_) {
    state.votes.push_back({shard, entry.epoch, entry.candidate});
  }
  return state;
}

}  // namespace clusterkit
