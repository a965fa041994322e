// Elections carried out: what FailoverCoordinator decides, made durable and sent.

#include <algorithm>
#include <utility>

#include "core/impl.h"

namespace clusterkit {

void NodeCore::Impl::AdvanceElection() {
  if (serving_.HostStalled(now_)) return;  // Nobody would serve what we win.
  // View() may change under the steps; the coordinator decides on the one it was given.
  std::shared_ptr<const ClusterView> view = SharedView();
  OwnVote own;
  if (self().primary) own.primary_answers = detector_.SeemsAlive(*self().primary, now_);
  own.confirmed = serving_.Confirmed(*view, now_);
  const std::vector<ElectionStep> steps =
      coordinator_.Advance(*view, current_epoch_, now_, rng_, own);
  if (tracing_) TraceElection(*view, steps);
  for (const ElectionStep& step : steps) {
    std::visit([this](const auto& decided) { Apply(decided); }, step);
  }
}

void NodeCore::Impl::Apply(const ScheduleElection& step) {
  Emit(ElectionScheduled{step.delay, step.rank, replication_.progress});
}

void NodeCore::Impl::Apply(const ReportIneligible& step) { Emit(ElectionNotEligible{step.reason}); }

void NodeCore::Impl::Apply(const StartElection& step) {
  AdoptEpoch(step.request.epoch);
  RequestSave(/*sync=*/true);
  RefreshFacts();
  Emit(ElectionStarted{step.request.epoch, step.needed, step.cause});
  if (step.own_vote) {
    // The ledger is saved with the epoch, before the request leaves.
    Emit(VoteCast{table_.self_id(), self().shard, step.request.epoch, *step.own_vote});
  }
  // What the primary has given away others may own, under epochs below its own.
  FailoverAuthRequest request = step.request;
  request.slots = table_.Heritage(request.primary);
  for (const NodeId& voter : View().voters()) {
    SendTo(voter, request, Path::kDurable);
  }
}

void NodeCore::Impl::Apply(const WithdrawElection& step) {
  coordinator_.OnWithdraw(table_.self_id(), {self().shard, step.epoch});
  for (const NodeId& voter : View().voters()) {
    SendTo(voter, FailoverAuthWithdraw{self().shard, step.epoch}, Path::kDurable);
  }
  Emit(ElectionEnded{step.how, step.epoch, step.votes, step.needed});
}

void NodeCore::Impl::Apply(const Promote& step) {
  Emit(ElectionEnded{ElectionEnded::How::kWon, step.epoch, step.votes, step.needed});
  const Epoch from = self().config_epoch;
  KnownNode& me = table_.Edit(table_.self_id(), /*config=*/true);
  me.role = Role::kPrimary;
  me.primary.reset();
  me.config_epoch = step.epoch;
  AdoptEpoch(step.epoch);
  const SlotSet moved = table_.Heritage(step.primary);
  table_.EditSlots().Bind(moved, table_.self_id());
  AdoptOpenSlots(table_.facts(step.primary).open_slots);
  replication_.progress.history = step.epoch;
  replication_.link_up = false;
  progress_final_ = false;
  data_present_.reset();
  coordinator_.OnPromoted(step.primary, detector_.ProcessGone(step.primary));
  serving_.Revoke();
  extras_changed_ = true;
  RequestSave(/*sync=*/true);
  announce_ = ask_voters_ = true;
  Emit(ConfigEpochChanged{ConfigEpochChanged::Cause::kElection, from, step.epoch, std::nullopt});
  SlotsRebound rebound;
  moved.ForEach([&](SlotId slot) {
    rebound.changes.push_back({slot, step.primary, table_.self_id()});
  });
  Emit(RoleChanged{RoleChanged::Cause::kElected, table_.self_id(), Role::kPrimary, std::nullopt,
                   false, step.epoch});
  Emit(std::move(rebound));
}

void NodeCore::Impl::OnAuthRequest(Link& link, const Header& header,
                                   const FailoverAuthRequest& request) {
  const Epoch last_voted = ledger().LastEpoch(header.shard);
  VoteDecision decision{VoteRefusal::kPrimaryNotFailed, {}, {}};
  if (request.primary != table_.self_id() || !request.agreed || MayGiveWayTo(header)) {
    decision = coordinator_.ConsiderVote(View(), header, request,
                                         detector_.SeemsAlive(request.primary, now_),
                                         serving_.Confirmed(View(), now_), now_);
  }
  if (tracing_) {
    TraceVote(header.sender, header.shard, header.progress, request, last_voted, decision);
  }
  Emit(VoteCast{header.sender, header.shard, request.epoch, decision.refusal});
  if (decision.refusal == VoteRefusal::kNone) {
    if (request.primary == table_.self_id()) {
      // Our own successor, which may serve as soon as it has this vote.
      const auto open = ledger().BlockedFor(self().shard, table_.self_id(), now_);
      given_way_ = GivenWay{header.sender, now_ + open.value_or(absl::ZeroDuration())};
      serving_.Revoke();
      extras_changed_ = true;
    }
    AdoptEpoch(request.epoch);
    RequestSave(/*sync=*/true);
    RefreshFacts();
    // Below the save in Ready: the vote leaves only when the ledger on disk knows of it.
    const auto voters = static_cast<uint32_t>(View().voters().size());
    SendBody(link, FailoverAuthAck{header.shard, request.epoch, voters}, Path::kDurable);
    return;
  }
  if (decision.newer_owner) SendUpdate(header.sender, *decision.newer_owner);
  SendBody(link,
           FailoverAuthRefusal{header.shard, request.epoch, decision.refusal,
                               absl::Ceil(decision.retry_after, absl::Milliseconds(1))},
           Path::kPrompt);
}

void NodeCore::Impl::OnWithdraw(const Header& header, const FailoverAuthWithdraw& withdraw) {
  coordinator_.OnWithdraw(header.sender, withdraw);
  const bool last =
      withdraw.shard == self().shard && withdraw.epoch >= ledger().LastEpoch(self().shard);
  if (last) OnHeirIsReplica(header, Instant::InfiniteFuture());
}

void NodeCore::Impl::OnAuthAck(const Header& header, const FailoverAuthAck& ack) {
  if (ack.shard != self().shard) return;
  const std::optional<Instant> asked = coordinator_.RoundStartedAt();
  if (!coordinator_.OnAck(header.sender, ack, now_)) return;
  // The winner may serve for as long as its voters have promised not to vote for another: until
  // the end of the round. Beyond that it needs answers like any primary.
  const absl::Duration beyond =
      std::min(options_.RoundLength() - options_.ServeLease(), absl::ZeroDuration());
  if (asked) serving_.OnVoterAnswered(header.sender, *asked + beyond);
}

void NodeCore::Impl::OnAuthRefusal(const Header& header, const FailoverAuthRefusal& refusal) {
  if (refusal.shard != self().shard) return;
  if (!coordinator_.OnRefusal(header.sender, refusal, now_)) return;
  Emit(VoteDenied{header.sender, refusal.epoch, refusal.reason});
}

// To siblings and voters: elections compare it.
void NodeCore::Impl::SendProgress(bool final) {
  if (IsPrimary() || !self().primary || (final && progress_final_)) return;
  progress_final_ = final;
  const ProgressReport report{*self().primary, final};
  const ClusterView& view = View();
  for (const auto& node : view.nodes()) {
    if (node->id == table_.self_id() || node->id == *self().primary) continue;
    const bool sibling = node->role == Role::kReplica && node->shard == self().shard;
    if (sibling || view.IsVoter(node->id)) SendTo(node->id, report, Path::kPrompt);
  }
}

// Of two replicas, the one to ask to stand.
bool NodeCore::Impl::IsBetterSuccessor(const NodeView& node, const NodeId& than) const {
  auto order = Progress::Compare(table_.facts(node.id).progress, table_.facts(than).progress);
  if (order != 0) return order > 0;
  return node.replica_priority < table_.Find(than)->replica_priority;
}

// Than the old copy that is here, if there is one.
bool NodeCore::Impl::IsFresherThanOurs(const Progress& progress) const {
  return !replication_.progress.synced || Progress::Compare(progress, replication_.progress) > 0;
}

// A primary without its data neither serves nor feeds replicas while a replica has the data.
void NodeCore::Impl::UpdateDataGuard() {
  const bool missing = data_present_ == false && options_.guard_missing_data && IsPrimary() &&
                       table_.slots().CountOf(table_.self_id()) > 0;
  DataGuard guard = DataGuard::kOff;
  std::optional<NodeId> successor;
  if (missing) {
    if (!data_missing_since_) data_missing_since_ = now_;
    // Who has not spoken may hold the data. Who is gone, or stays silent for long, does not count.
    const bool patient = now_ - *data_missing_since_ < options_.ReportValidity();
    for (const auto& node : View().nodes()) {
      if (node->role != Role::kReplica || node->primary != table_.self_id()) continue;
      const PeerFacts& facts = table_.facts(node->id);
      if (facts.heard && !facts.progress_unknown) {
        if (!facts.progress.synced || !IsFresherThanOurs(facts.progress)) continue;
        guard = DataGuard::kActive;
        if (node->health != Health::kOnline || node->no_failover) continue;
        if (!successor || IsBetterSuccessor(*node, *successor)) successor = node->id;
      } else if (guard == DataGuard::kOff && patient && !facts.failed) {
        guard = DataGuard::kWaiting;
      }
    }
    // Nobody has it, and we have begun to serve what there is: now that is the data.
    if (guard == DataGuard::kOff && guard_ == DataGuard::kOff && serving_.lease()->until() > now_) {
      data_present_.reset();
    }
  } else {
    data_missing_since_.reset();
  }
  if (guard != guard_ || successor != guard_successor_) {
    guard_ = guard;
    guard_successor_ = successor;
    serving_.Revoke();
    extras_changed_ = true;
    announce_ = true;
    next_stand_request_ = now_;
    Emit(DataGuardChanged{guard != DataGuard::kOff, successor});
  }
  if (guard_ == DataGuard::kActive && guard_successor_ && now_ >= next_stand_request_) {
    next_stand_request_ = now_ + options_.PingInterval();
    RefreshFacts();
    SendTo(*guard_successor_, StandRequest{}, Path::kDurable);
  }
}

}  // namespace clusterkit
