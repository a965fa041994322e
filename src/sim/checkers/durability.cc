// What is on disk, and what may be said because of it.

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {

void EpochsNeverGoBack::OnDurable(const PersistentState& state) {
  Saw();
  Marks& marks = marks_[state.self];
  const auto grow = [&](const std::string& what, Epoch& mark, Epoch value) {
    if (value < mark) {
      Report(absl::StrCat(what, " of ", Who(state.self), " went back from ", mark.value, " to ",
                          value.value));
    }
    mark = std::max(mark, value);
  };
  grow("current epoch", marks.current, state.current_epoch);
  for (const NodeRecord& record : state.nodes) {
    if (record.id == state.self && record.role == Role::kPrimary) {
      grow("config epoch", marks.config, record.config_epoch);
    }
  }
  if (!state.ledger) {
    if (marks.ledger) Report(absl::StrCat(Who(state.self), " has lost its vote ledger"));
    return;
  }
  marks.ledger = true;
  grow("vote floor", marks.floor, state.ledger->floor);
  std::map<ShardId, Epoch> votes;
  for (const VoteRecord& vote : state.ledger->votes) votes[vote.shard] = vote.epoch;
  for (auto& [shard, epoch] : marks.votes) {
    const auto vote = votes.find(shard);
    if (vote == votes.end() ? state.ledger->floor >= epoch : vote->second >= epoch) continue;
    Report(absl::StrCat("the vote of ", Who(state.self), " in shard ", shard.ToHex().substr(0, 8),
                        " epoch ", epoch.value, " is forgotten"));
  }
  marks.votes = std::move(votes);
}

void DurableBeforeSent::OnDurable(const PersistentState& state) {
  Durable& durable = durable_[state.self];
  durable.current = std::max(durable.current, state.current_epoch);
  for (const NodeRecord& record : state.nodes) {
    if (record.id == state.self) durable.config = std::max(durable.config, record.config_epoch);
  }
  if (!state.ledger) return;
  for (const VoteRecord& vote : state.ledger->votes) durable.votes[vote.shard] = vote;
}

void DurableBeforeSent::OnHeader(const Header& header) {
  Saw();
  const Epoch durable = durable_[header.sender].config;
  if (header.role != Role::kPrimary || header.config_epoch <= durable) return;
  Report(absl::StrCat(Who(header.sender), " speaks of its config epoch ", header.config_epoch.value,
                      ", durable is ", durable.value));
}

void DurableBeforeSent::OnRequest(const NodeId& candidate, Epoch epoch) {
  Saw();
  const Epoch durable = durable_[candidate].current;
  if (epoch <= durable) return;
  Report(absl::StrCat(Who(candidate), " stands in epoch ", epoch.value, ", durable is ",
                      durable.value));
}

void DurableBeforeSent::OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch,
                              const NodeId& candidate) {
  Saw();
  const auto& votes = durable_[voter].votes;
  const auto found = votes.find(shard);
  // A later vote in the ledger rules out a second one in this epoch as well.
  if (found != votes.end() &&
      (found->second.epoch > epoch || found->second == VoteRecord{shard, epoch, candidate})) {
    return;
  }
  Report(absl::StrCat("vote of ", Who(voter), " for ", Who(candidate), " in shard ",
                      shard.ToHex().substr(0, 8), " epoch ", epoch.value,
                      " left before it was durable"));
}

}  // namespace clusterkit::sim
