// The voter's side of FailoverCoordinator. The candidate's is candidate.cc.

#include "clusterkit/failover_coordinator.h"

#include <algorithm>

namespace clusterkit {
namespace {

// A vote may count until the candidate's clock says that the round is over. The request took no
// negative time to arrive, so waiting the same length from here is enough for equal clocks; the
// margin is for unequal ones.
absl::Duration SurelyOver(absl::Duration round) { return round + round / 8; }

}  // namespace

FailoverCoordinator::FailoverCoordinator(const Options& options,
                                         std::optional<VoteLedgerState> ledger, bool restarted,
                                         Instant now)
    : options_(&options),
      ledger_(ledger.value_or(VoteLedgerState{}), options.max_nodes),
      own_reported_at_(now) {
  if (restarted && ledger.has_value()) {
    // The ledger remembers every vote, but not which rounds are still open.
    waits_as_new_voter_ = false;
    abstention_ = Abstention{now + SurelyOver(kLongestRound), false, {}};
  }
}

void FailoverCoordinator::OnView(const ClusterView& view, Instant now) {
  const bool is_voter = view.IsVoter(view.self().id);
  if (is_voter && !is_voter_ && waits_as_new_voter_) {
    // Whoever voted in our stead may have votes in open rounds that we know nothing of.
    abstention_ = Abstention{now + SurelyOver(kLongestRound), true, {}};
  }
  if (is_voter) waits_as_new_voter_ = true;
  is_voter_ = is_voter;
}

void FailoverCoordinator::OnVoterHeard(const ClusterView& view, const NodeId& voter,
                                       Epoch current_epoch, Instant now) {
  if (!abstention_ || !is_voter_ || now < abstention_->until) return;
  if (abstention_->needs_majority) {
    if (view.IsVoter(voter)) abstention_->heard.insert(voter);
    abstention_->heard.insert(view.self().id);
    int heard = 0;
    for (const NodeId& id : view.voters()) heard += abstention_->heard.contains(id) ? 1 : 0;
    if (heard < view.Quorum()) return;
    ledger_.RaiseFloor(current_epoch);
  }
  abstention_.reset();
}

std::optional<absl::Duration> FailoverCoordinator::AbstainsFor(Instant now) const {
  if (!abstention_) return std::nullopt;
  if (now < abstention_->until) return abstention_->until - now;
  // A restart with its ledger is over by time alone; a new voter still has to hear a majority.
  if (abstention_->needs_majority) return options_->PingInterval();
  return std::nullopt;
}

VoteRefusal FailoverCoordinator::CheckClaim(const ClusterView& view,
                                            const FailoverAuthRequest& request,
                                            std::optional<NodeId>& newer_owner) const {
  VoteRefusal refusal = VoteRefusal::kNone;
  NodeId last;
  request.slots.ForEach([&](SlotId slot) {
    const NodeId* owner = view.slots().OwnerOf(slot);
    if (owner == nullptr || *owner == last || refusal == VoteRefusal::kStaleClaim) return;
    last = *owner;
    const NodeView* node = view.Find(*owner);
    if (node == nullptr || view.slots().unclaimed().Contains(slot)) return;
    if (node->config_epoch > request.claim_epoch) {
      refusal = VoteRefusal::kStaleClaim;
      newer_owner = *owner;
    } else if (request.epoch <= node->config_epoch) {
      refusal = VoteRefusal::kOldEpoch;
    }
  });
  return refusal;
}

bool FailoverCoordinator::KnowsFresherSibling(const ClusterView& view, const Header& candidate,
                                              const FailoverAuthRequest& request) const {
  for (const auto& [id, sibling] : siblings_) {
    if (id == candidate.sender || sibling.final_for != request.primary) continue;
    if (!sibling.progress.synced) continue;
    const NodeView* node = view.Find(id);
    if (node == nullptr || node->role != Role::kReplica || node->shard != candidate.shard) continue;
    if (node->health != Health::kOnline || node->no_failover) continue;
    if (Progress::Compare(sibling.progress, candidate.progress) > 0) return true;
  }
  return false;
}

VoteDecision FailoverCoordinator::ConsiderVote(const ClusterView& view, const Header& candidate,
                                               const FailoverAuthRequest& request,
                                               bool primary_answers, Instant now) {
  const ShardId& shard = candidate.shard;
  if (!view.IsVoter(view.self().id)) return {VoteRefusal::kNotVoter, {}, {}};
  if (request.round > kLongestRound) return {VoteRefusal::kRoundTooLong, {}, {}};
  if (auto wait = AbstainsFor(now)) return {VoteRefusal::kAbstaining, *wait, {}};

  const NodeView* node = view.Find(candidate.sender);
  if (node == nullptr || node->role != Role::kReplica || node->shard != shard ||
      node->primary != request.primary) {
    return {VoteRefusal::kUnknownCandidate, {}, {}};
  }
  const NodeView* primary = view.Find(request.primary);
  if (primary == nullptr || primary->shard != shard) {
    return {VoteRefusal::kUnknownCandidate, {}, {}};
  }
  if (!request.primary_consents) {
    if (primary->health != Health::kFail) return {VoteRefusal::kPrimaryNotFailed, {}, {}};
    if (primary_answers) return {VoteRefusal::kPrimaryAnswers, {}, {}};
  }
  if (request.epoch <= ledger_.LastEpoch(shard)) return {VoteRefusal::kOldEpoch, {}, {}};
  std::optional<NodeId> newer_owner;
  if (VoteRefusal refusal = CheckClaim(view, request, newer_owner); refusal != VoteRefusal::kNone) {
    return {refusal, {}, newer_owner};
  }
  if (auto wait = ledger_.BlockedFor(shard, candidate.sender, now)) {
    return {VoteRefusal::kRoundOpen, *wait, {}};
  }
  if (!candidate.progress.synced) return {VoteRefusal::kNeverSynced, {}, {}};
  if (KnowsFresherSibling(view, candidate, request)) {
    // Freshness is a preference: it must not block a shard for ever.
    auto [it, added] = freshness_refusals_.try_emplace(shard, FreshnessRefusal{request.primary, now});
    if (it->second.primary != request.primary) it->second = {request.primary, now};
    const absl::Duration patience = options_->RankUnit() * 4 + options_->RoundLength();
    if (now - it->second.first <= patience) {
      return {VoteRefusal::kFresherSibling, options_->RankUnit(), {}};
    }
  }
  freshness_refusals_.erase(shard);
  ledger_.Grant(shard, request.epoch, candidate.sender, now + SurelyOver(request.round));
  return {};
}

void FailoverCoordinator::OnWithdraw(const NodeId& candidate,
                                     const FailoverAuthWithdraw& withdraw) {
  ledger_.Withdraw(withdraw.shard, withdraw.epoch, candidate);
}

}  // namespace clusterkit
