// Elections: who may vote for whom, and who may win.

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {
namespace {

std::string ShortShard(const ShardId& shard) { return shard.ToHex().substr(0, 8); }

}  // namespace

void OneVotePerEpoch::OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch,
                            const NodeId& candidate) {
  Saw();
  const auto [found, first] = granted_.try_emplace({voter, shard, epoch}, candidate);
  if (first || found->second == candidate) return;
  Report(absl::StrCat("two votes of ", Who(voter), " in shard ", ShortShard(shard), " epoch ",
                      epoch.value, ": for ", Who(found->second), " and ", Who(candidate)));
}

void OneVotePerEpoch::OnRestored(const NodeId& voter) {
  std::erase_if(granted_, [&](const auto& entry) { return std::get<0>(entry.first) == voter; });
}

void OneWinner::OnWin(const NodeId& winner, const ShardId& shard, Epoch epoch) {
  Saw();
  const auto [found, first] = winners_.try_emplace({shard, epoch}, winner);
  if (first || found->second == winner) return;
  Report(absl::StrCat("two winners of shard ", ShortShard(shard), " epoch ", epoch.value, ": ",
                      Who(found->second), " and ", Who(winner)));
}

void CandidateIsSynced::OnRequest(const NodeId& candidate, Epoch epoch, const Progress& truth) {
  Saw();
  if (truth.synced) return;
  Report(
      absl::StrCat(Who(candidate), " stands in epoch ", epoch.value, " without a complete copy"));
}

void FreshestIsPreferred::OnProgress(const NodeId& voter, const NodeId& replica,
                                     const Progress& progress, std::optional<NodeId> final_for) {
  Told& told = told_[voter][replica];
  if (final_for) {
    told.final_for = final_for;
  } else if (told.final_for) {
    // Said before the final word, but on another link.
    if (progress.synced && Progress::Compare(progress, told.progress) <= 0) return;
    told.final_for.reset();
  }
  told.progress = progress;
}

void FreshestIsPreferred::OnRefusal(const NodeId& voter, const ShardId& shard,
                                    const NodeId& primary, Instant now) {
  first_refusal_.try_emplace({voter, shard, primary}, now);
}

void FreshestIsPreferred::OnRequest(const ClusterView& view, const NodeId& candidate,
                                    const ShardId& shard, const NodeId& primary,
                                    const Progress& progress) {
  const NodeId& voter = view.self().id;
  std::vector<std::string>& fresher = fresher_[{voter, candidate}];
  fresher.clear();
  for (const auto& [id, told] : told_[voter]) {
    if (id == candidate || told.final_for != primary || !told.progress.synced) continue;
    const NodeView* node = view.Find(id);
    if (node == nullptr || node->role != Role::kReplica || node->shard != shard) continue;
    if (node->health != Health::kOnline || node->no_failover) continue;
    if (Progress::Compare(told.progress, progress) <= 0) continue;
    fresher.push_back(absl::StrCat(Who(voter), " votes for ", Who(candidate), " at ",
                                   Describe(progress), " but knows of ", Who(id), " at ",
                                   Describe(told.progress)));
  }
}

void FreshestIsPreferred::OnVote(const NodeId& voter, const NodeId& candidate, const ShardId& shard,
                                 const NodeId& primary, absl::Duration patience, Instant now) {
  Saw();
  const auto refused = first_refusal_.find({voter, shard, primary});
  const bool patient = refused == first_refusal_.end() || now - refused->second <= patience;
  if (refused != first_refusal_.end()) first_refusal_.erase(refused);
  if (!patient) return;
  for (const std::string& text : fresher_[{voter, candidate}]) Report(text);
}

void FreshestIsPreferred::OnPrimaryBack(const NodeId& voter, const NodeId& primary) {
  std::erase_if(first_refusal_, [&](const auto& entry) {
    return std::get<0>(entry.first) == voter && std::get<2>(entry.first) == primary;
  });
}

void FreshestIsPreferred::OnStart(const NodeId& voter) {
  told_.erase(voter);
  std::erase_if(first_refusal_,
                [&](const auto& entry) { return std::get<0>(entry.first) == voter; });
}

}  // namespace clusterkit::sim
