// The replica's side of FailoverCoordinator: when to stand, and when it has won.

#include <algorithm>
#include <tuple>

#include "clusterkit/failover_coordinator.h"

namespace clusterkit {
namespace {

// Shards that fail together ask for different epochs, so that they do not compete for one. The
// others may only be suspected yet: agreement reaches the replicas of each shard first.
uint64_t IndexAmongFailedShards(const ClusterView& view, const ShardId& shard) {
  absl::btree_set<ShardId> failed;
  for (const NodeView* owner : view.slot_owners()) {
    if (owner->health != Health::kOnline) failed.insert(owner->shard);
  }
  return static_cast<uint64_t>(std::distance(failed.begin(), failed.lower_bound(shard)));
}

bool MayStand(const NodeView& sibling) {
  return sibling.health == Health::kOnline && !sibling.no_failover;
}

// The order in which replicas stand: data first, then what the operator wishes, then the ids.
bool Precedes(const NodeView& sibling, const Progress& theirs, const NodeView& self,
              const Progress& mine) {
  if (auto order = Progress::Compare(theirs, mine); order != 0) return order > 0;
  return std::tie(sibling.replica_priority, sibling.id) < std::tie(self.replica_priority, self.id);
}

}  // namespace

void FailoverCoordinator::OnOwnStatus(const ReplicationStatus& status, Instant now) {
  own_ = status;
  own_reported_at_ = now;
}

void FailoverCoordinator::OnProgress(const NodeId& node, const Progress& progress,
                                     std::optional<NodeId> final_for) {
  Sibling& sibling = siblings_[node];
  if (final_for.has_value()) {
    sibling.final_for = final_for;
  } else if (sibling.final_for) {
    // Said before the final word, but on the other link.
    if (progress.synced && Progress::Compare(progress, sibling.progress) <= 0) return;
    sibling.final_for.reset();
  }
  sibling.progress = progress;
}

void FailoverCoordinator::Untrack(const NodeId& node) { siblings_.erase(node); }

bool FailoverCoordinator::HasConsent(const NodeId& primary, Instant now) const {
  return consent_.has_value() && consent_->primary == primary && now < consent_->until;
}

void FailoverCoordinator::OnStandRequest(const NodeId& primary, Instant now) {
  if (HasConsent(primary, now) && consent_->commanded) return;
  consent_ = Consent{primary, now + options_->ReportValidity()};
}

void FailoverCoordinator::ForgetStandRequest() {
  if (!Commanded()) consent_.reset();
}

void FailoverCoordinator::OnCommand(const NodeId& primary, bool agreed, Instant until) {
  consent_ = Consent{primary, until, /*commanded=*/true, agreed};
  // What was waited for until now has no more to do with it; an open round may go on.
  if (!std::holds_alternative<Campaigning>(state_)) state_ = Idle{};
}

void FailoverCoordinator::ForgetCommand() {
  if (Commanded()) consent_.reset();
}

Ineligible FailoverCoordinator::Eligibility(const NodeView& primary, bool consent,
                                            Instant now) const {
  if (options_->no_failover && !(consent && Commanded())) return Ineligible::kNoFailover;
  if (primary.slot_count == 0) return Ineligible::kPrimaryHasNoSlots;
  if (!own_.progress.synced) return Ineligible::kNeverSynced;
  // A primary that asks has lost its data: any complete copy is younger. Who commands knows.
  if (consent || options_->replica_validity_factor == 0) return Ineligible::kNone;
  absl::Duration age = own_.since_last_io + (now - own_reported_at_);
  absl::Duration limit =
      options_->replica_validity_base + options_->node_timeout * options_->replica_validity_factor;
  // The primary is allowed to be silent for node_timeout before it counts as failed at all.
  if (age - options_->node_timeout > limit) return Ineligible::kDataTooOld;
  return Ineligible::kNone;
}

int FailoverCoordinator::Rank(const ClusterView& view) const {
  int rank = 0;
  for (const auto& node : view.nodes()) {
    if (node->role != Role::kReplica || node->shard != view.self().shard) continue;
    if (node->id == view.self().id || !MayStand(*node)) continue;
    auto it = siblings_.find(node->id);
    if (it == siblings_.end() || !it->second.progress.synced) continue;
    if (Precedes(*node, it->second.progress, view.self(), own_.progress)) ++rank;
  }
  return rank;
}

bool FailoverCoordinator::EverybodyFresherIsExcluded(const ClusterView& view) const {
  const NodeId& primary = *view.self().primary;
  for (const auto& node : view.nodes()) {
    if (node->role != Role::kReplica || node->shard != view.self().shard) continue;
    if (node->id == view.self().id || !MayStand(*node)) continue;
    auto it = siblings_.find(node->id);
    if (it == siblings_.end()) return false;
    if (!it->second.progress.synced) continue;
    if (it->second.final_for != primary) return false;
    if (Precedes(*node, it->second.progress, view.self(), own_.progress)) return false;
  }
  return true;
}

Instant FailoverCoordinator::StandsAt(const ClusterView& view, const Waiting& waiting) const {
  if (Commanded() || EverybodyFresherIsExcluded(view)) return waiting.since;
  return waiting.since + options_->RankUnit() * Rank(view) + waiting.jitter;
}

void FailoverCoordinator::Stop(ElectionEnded::How how, const ClusterView& view,
                               std::vector<ElectionStep>& steps) {
  if (const auto* round = std::get_if<Campaigning>(&state_)) {
    steps.push_back(
        WithdrawElection{round->epoch, how, static_cast<int>(round->votes.size()), view.Quorum()});
  }
  state_ = Idle{};
}

std::vector<ElectionStep> FailoverCoordinator::Advance(const ClusterView& view, Epoch current_epoch,
                                                       Instant now, Rng& rng, const OwnVote& own) {
  std::vector<ElectionStep> steps;
  const NodeView& self = view.self();
  const NodeView* primary =
      self.role == Role::kReplica && self.primary ? view.Find(*self.primary) : nullptr;
  const auto* round = std::get_if<Campaigning>(&state_);
  if (primary == nullptr || (round != nullptr && round->primary != primary->id)) {
    Stop(ElectionEnded::How::kOvertaken, view, steps);
    if (primary == nullptr) return steps;
  }
  if (primary->health == Health::kFail && consent_ && consent_->agreed) {
    // It will not keep its word; and who voted by it did not look whether it is gone. Begin anew.
    consent_.reset();
    if (round != nullptr && round->agreed) Stop(ElectionEnded::How::kOvertaken, view, steps);
  }
  const bool consent = HasConsent(primary->id, now);
  if (primary->health != Health::kFail && !consent) {
    Stop(ElectionEnded::How::kPrimaryBack, view, steps);
    timeouts_ = 0;
    last_ineligible_ = Ineligible::kNone;
    return steps;
  }
  if (Ineligible reason = Eligibility(*primary, consent, now); reason != Ineligible::kNone) {
    Stop(ElectionEnded::How::kOvertaken, view, steps);
    if (reason != last_ineligible_) steps.push_back(ReportIneligible{reason});
    last_ineligible_ = reason;
    return steps;
  }
  last_ineligible_ = Ineligible::kNone;

  if (std::holds_alternative<Idle>(state_)) {
    Waiting waiting{now, rng.Between(absl::ZeroDuration(), options_->RankUnit()), now};
    steps.push_back(ScheduleElection{StandsAt(view, waiting) - now, Rank(view)});
    state_ = waiting;
  }
  if (auto* waiting = std::get_if<Waiting>(&state_)) {
    waiting->stands_at = StandsAt(view, *waiting);
    if (now >= waiting->stands_at) Stand(view, *primary, consent, current_epoch, now, own, steps);
  } else if (const auto* resting = std::get_if<Resting>(&state_)) {
    if (now >= resting->until) Stand(view, *primary, consent, current_epoch, now, own, steps);
  }
  Count(view, now, rng, steps);
  return steps;
}

void FailoverCoordinator::Stand(const ClusterView& view, const NodeView& primary, bool consent,
                                Epoch current_epoch, Instant now, const OwnVote& own,
                                std::vector<ElectionStep>& steps) {
  const ShardId& shard = view.self().shard;
  const Epoch known = std::max(current_epoch, ledger_.LastEpoch(shard));
  Epoch epoch{known.value + 1 + IndexAmongFailedShards(view, shard)};
  // Slow disks make slow votes: a round that was too short is not repeated at the same length.
  const absl::Duration round =
      std::min(options_->RoundLength() * (1 << std::min(timeouts_, 4)), kLongestRound);
  StartElection start;
  start.request.epoch = epoch;
  start.request.primary = primary.id;
  start.request.claim_epoch = primary.config_epoch;
  start.request.slots = view.slots().SlotsOf(primary.id);
  start.request.round = round;
  start.request.primary_consents = consent;
  start.request.agreed = consent && consent_->agreed;
  start.needed = view.Quorum();
  if (consent) {
    start.cause =
        Commanded() ? ElectionStarted::Cause::kCommand : ElectionStarted::Cause::kDataLost;
  }
  const bool agreed = consent && consent_->agreed;
  state_ = Campaigning{epoch, primary.id, now, now + round, agreed, {}, 0, {}};
  if (view.IsVoter(view.self().id)) start.own_vote = VoteForSelf(view, start.request, own, now);
  steps.push_back(std::move(start));
}

// A candidate that is a voter is asked like any other, but for the order among siblings, which it
// has kept before it stood.
VoteRefusal FailoverCoordinator::VoteForSelf(const ClusterView& view,
                                             const FailoverAuthRequest& request, const OwnVote& own,
                                             Instant now) {
  auto& round = std::get<Campaigning>(state_);
  const NodeId& self = view.self().id;
  const auto refuse = [&](VoteRefusal reason, absl::Duration retry_after) {
    round.refusals.emplace(self, retry_after);
    return reason;
  };
  if (auto wait = AbstainsFor(now)) return refuse(VoteRefusal::kAbstaining, *wait);
  if (!own.confirmed) return refuse(VoteRefusal::kNotConfirmed, options_->RankUnit());
  if (own.primary_answers && !request.primary_consents) {
    return refuse(VoteRefusal::kPrimaryAnswers, {});
  }
  if (auto wait = ledger_.BlockedFor(view.self().shard, self, now)) {
    return refuse(VoteRefusal::kRoundOpen, *wait);
  }
  ledger_.Grant(view.self().shard, request.epoch, self, now + SurelyOver(request.round));
  round.votes.insert(self);
  round.most_voters = static_cast<uint32_t>(view.voters().size());
  return VoteRefusal::kNone;
}

bool FailoverCoordinator::OnAck(const NodeId& voter, const FailoverAuthAck& ack, Instant now) {
  auto* round = std::get_if<Campaigning>(&state_);
  if (round == nullptr || round->epoch != ack.epoch || now >= round->ends_at) return false;
  round->most_voters = std::max(round->most_voters, ack.voters);
  return round->votes.insert(voter).second;
}

bool FailoverCoordinator::OnRefusal(const NodeId& voter, const FailoverAuthRefusal& refusal,
                                    Instant now) {
  auto* round = std::get_if<Campaigning>(&state_);
  if (round == nullptr || round->epoch != refusal.epoch || now >= round->ends_at) return false;
  return round->refusals.emplace(voter, refusal.retry_after).second;
}

void FailoverCoordinator::Count(const ClusterView& view, Instant now, Rng& rng,
                                std::vector<ElectionStep>& steps) {
  auto* round = std::get_if<Campaigning>(&state_);
  if (round == nullptr) return;
  const int needed = std::max(view.Quorum(), static_cast<int>(round->most_voters / 2) + 1);
  int votes = 0, possible = 0;
  bool refused = round->agreed && round->refusals.contains(round->primary);
  const bool broken_agreement = refused;
  for (const NodeId& voter : view.voters()) {
    if (round->votes.contains(voter)) {
      ++votes;
    } else if (round->refusals.contains(voter)) {
      refused = true;
    } else if (view.Find(voter)->health != Health::kFail) {
      ++possible;
    }
  }
  const bool agreed = !round->agreed || round->votes.contains(round->primary);
  if (now < round->ends_at && votes >= needed && agreed) {
    steps.push_back(Promote{round->epoch, round->primary, votes, needed});
    state_ = Idle{};
    timeouts_ = 0;
    consent_.reset();
    return;
  }
  // Failed voters will hardly answer in this round. Without any refusal that is no reason to end
  // it early: nobody said when to try again.
  const bool hopeless = broken_agreement || (refused && votes + possible < view.Quorum());
  if (now < round->ends_at && !hopeless) return;
  steps.push_back(WithdrawElection{
      round->epoch, hopeless ? ElectionEnded::How::kRefused : ElectionEnded::How::kTimeout, votes,
      needed});
  if (!hopeless) ++timeouts_;
  state_ = Resting{now + RestFor(*round, rng)};
}

// One to three rank units; longer if the voters said that they could not vote earlier.
absl::Duration FailoverCoordinator::RestFor(const Campaigning& round, Rng& rng) const {
  absl::Duration rest = rng.Between(options_->RankUnit(), options_->RankUnit() * 3);
  absl::Duration hint = absl::InfiniteDuration();
  for (const auto& [voter, retry_after] : round.refusals) {
    if (retry_after > absl::ZeroDuration()) hint = std::min(hint, retry_after);
  }
  if (hint < absl::InfiniteDuration()) rest = std::max(rest, std::min(hint, kLongestRound));
  return rest;
}

std::optional<Instant> FailoverCoordinator::RoundStartedAt() const {
  const auto* round = std::get_if<Campaigning>(&state_);
  if (round == nullptr) return std::nullopt;
  return round->started_at;
}

Instant FailoverCoordinator::NextDeadline() const {
  if (const auto* round = std::get_if<Campaigning>(&state_)) return round->ends_at;
  if (const auto* resting = std::get_if<Resting>(&state_)) return resting->until;
  if (const auto* waiting = std::get_if<Waiting>(&state_)) return waiting->stands_at;
  return Instant::InfiniteFuture();
}

}  // namespace clusterkit
