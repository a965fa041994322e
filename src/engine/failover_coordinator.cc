// The voter's side of FailoverCoordinator. The candidate's is candidate.cc.

#include "clusterkit/failover_coordinator.h"

#include <algorithm>

namespace clusterkit {
namespace {

constexpr uint64_t kFarFloor = uint64_t{1} << 16;

}  // namespace

FailoverCoordinator::FailoverCoordinator(const Options& options,
                                         std::optional<VoteLedgerState> ledger)
    : options_(&options),
      ledger_(ledger.value_or(VoteLedgerState{}), options.max_nodes),
      own_reported_at_(Instant::InfinitePast()) {}

void FailoverCoordinator::OnPromoted(const NodeId& replaced, bool gone) {
  promotion_ = Promotion{replaced, gone};
}

void FailoverCoordinator::OnView(const ClusterView& view, Instant now) {
  const bool is_voter = view.IsVoter(view.self().id);
  if (is_voter && (!is_voter_ || TakesSeat(view))) {
    Abstention waiting;
    waiting.since = now;
    waiting.until = now + SurelyOver(kLongestRound);
    // The ledger of a settled voter remembers every vote, but not which rounds are still open.
    waiting.new_voter = !(first_view_ && ledger_.settled());
    if (promotion_ && !promotion_->gone) waiting.replaced = promotion_->replaced;
    if (waiting.new_voter) ledger_.SetSettled(false);
    abstention_ = std::move(waiting);
  } else if (!is_voter) {
    abstention_.reset();
    ledger_.SetSettled(false);
  }
  if (abstention_ && abstention_->replaced) {
    // It knows that it was replaced: it votes no more. One that was forgotten need not know.
    const NodeView* replaced = view.Find(*abstention_->replaced);
    if (replaced != nullptr && replaced->role == Role::kReplica) abstention_->replaced.reset();
  }
  absl::erase_if(freshness_refusals_, [&](const auto& entry) {
    const NodeView* primary = view.Find(entry.second.primary);
    return primary == nullptr || primary->health != Health::kFail;
  });
  is_voter_ = is_voter;
  first_view_ = false;
  promotion_.reset();
}

// Of a promoted node that had a vote before. Where the one it replaces loses its own, others may go
// by either number of voters, and this one waits until the seat is surely empty.
bool FailoverCoordinator::TakesSeat(const ClusterView& view) const {
  if (!promotion_) return false;
  const NodeView* replaced = view.Find(promotion_->replaced);
  return replaced == nullptr || replaced->voting == Voting::kWithSlots;
}

bool FailoverCoordinator::OnVoterAnswered(const ClusterView& view, const Header& voter,
                                          bool confirms, Instant sent, Epoch current_epoch,
                                          Instant now) {
  if (!abstention_ || !view.IsVoter(voter.sender)) return false;
  if (confirms && sent >= abstention_->since) abstention_->confirmed.insert(voter.sender);
  if (abstention_->replaced) {
    int confirmed = 0;
    for (const NodeId& id : view.voters()) confirmed += abstention_->confirmed.contains(id) ? 1 : 0;
    if (confirmed < view.Quorum()) {
      // With voters missing, a majority with ourselves has to do, and a far floor.
      const bool waited = now - abstention_->since >= options_->ReportValidity();
      if (!waited || confirmed + 1 < view.Quorum()) return false;
      abstention_->far_floor = true;
    }
    // From here on nobody of this majority confirms the node we replaced, so its right to vote
    // lapses in ServeLease(), and a round that it voted in can last the longest round more.
    abstention_->replaced.reset();
    abstention_->until = std::max(
        abstention_->until, now + SurelyOver(options_->ServeLease()) + SurelyOver(kLongestRound));
    return false;
  }
  if (sent < abstention_->until) return false;  // Said before: it may know too little.
  if (!abstention_->new_voter) {
    abstention_.reset();
    return false;
  }
  // Who does not count us yet goes by a smaller number of voters.
  if (!confirms) return false;
  abstention_->heard.insert(voter.sender);
  if (!voter.abstaining) abstention_->heard_settled.insert(voter.sender);
  if (!HeardEnough(view, current_epoch, now)) return false;
  return true;
}

// A majority besides ourselves that is not waiting itself: we cannot know what was voted in our
// stead, and neither can others like us.
bool FailoverCoordinator::HeardEnough(const ClusterView& view, Epoch current_epoch, Instant now) {
  int settled = 0, heard = 0;
  for (const NodeId& id : view.voters()) {
    settled += abstention_->heard_settled.contains(id) ? 1 : 0;
    heard += abstention_->heard.contains(id) ? 1 : 0;
  }
  const bool everybody = heard + 1 >= static_cast<int>(view.voters().size());
  if (!abstention_->far_floor && (settled >= view.Quorum() || everybody)) {
    Settle(current_epoch);
    return true;
  }
  // With voters missing, the majority may not be had for long. A floor far above every epoch that
  // anybody can have voted in is as good; it only uses up numbers.
  const bool waited = abstention_->far_floor || now - abstention_->until >= options_->RoundLength();
  if (!waited || heard + 1 < view.Quorum()) return false;
  Settle({current_epoch.value + kFarFloor});
  return true;
}

void FailoverCoordinator::Settle(Epoch floor) {
  ledger_.RaiseFloor(floor);
  ledger_.SetSettled(true);
  abstention_.reset();
}

bool FailoverCoordinator::WantsAnswers(Instant now) {
  if (!abstention_ || abstention_->asked || abstention_->replaced || now < abstention_->until) {
    return false;
  }
  abstention_->asked = true;
  return true;
}

std::optional<absl::Duration> FailoverCoordinator::AbstainsFor(Instant now) const {
  if (!abstention_) return std::nullopt;
  if (abstention_->replaced) return options_->PingInterval();
  if (now < abstention_->until) return abstention_->until - now;
  // A restart with its ledger is over by time alone; a new voter still has to hear the others.
  if (abstention_->new_voter) return options_->RankUnit();
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
                                               bool primary_answers, bool confirmed, Instant now) {
  const ShardId& shard = candidate.shard;
  if (!view.IsVoter(view.self().id)) return {VoteRefusal::kNotVoter, {}, {}};
  if (request.round > kLongestRound) return {VoteRefusal::kRoundTooLong, {}, {}};
  if (auto wait = AbstainsFor(now)) return {VoteRefusal::kAbstaining, *wait, {}};
  if (!confirmed) return {VoteRefusal::kNotConfirmed, options_->RankUnit(), {}};

  const NodeView* node = view.Find(candidate.sender);
  if (node == nullptr || node->role != Role::kReplica || node->shard != shard ||
      node->primary != request.primary) {
    return {VoteRefusal::kUnknownCandidate, {}, {}};
  }
  const NodeView* primary = view.Find(request.primary);
  // A voter that joined after the primary died may never have heard of which shard it was.
  if (primary == nullptr || (primary->shard != shard && !primary->shard.IsZero())) {
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
    auto [it, added] =
        freshness_refusals_.try_emplace(shard, FreshnessRefusal{request.primary, now});
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
