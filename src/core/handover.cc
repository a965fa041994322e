// Planned changes of the primary of a shard. Spec: "Manual failover".
//
// The replica asks its primary to pause, or the primary, about to go, asks the replica to stand.
// Either way the primary's host stops executing writes and says where it stopped, the replica
// catches up to that point, and is elected at once. The primary's own vote must be among those that
// elect it, and by giving it the primary ceases to serve even reads, so at no moment do both serve.
// If anything takes too long, the pause ends and nothing has changed: the pause outlasts the time
// in which the replica can win.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {

// --- The replica ---------------------------------------------------------------------------------

absl::Status NodeCore::Impl::Failover(FailoverMode mode, Instant now) {
  Begin(now);
  if (IsPrimary()) return absl::FailedPreconditionError("this node is a primary");
  const KnownNode* primary = self().primary ? table_.Find(*self().primary) : nullptr;
  if (primary == nullptr) return absl::NotFoundError("the primary of this node is not known");
  const bool reachable = primary->health != Health::kFail && links_.Any(primary->id) != nullptr;
  if (mode == FailoverMode::kCatchUp && !reachable) {
    return absl::UnavailableError(
        absl::StrCat("primary ", primary->id.ToHex(), " has failed or is not connected"));
  }
  failover_.reset();
  coordinator_.ForgetCommand();
  if (mode == FailoverMode::kTakeover) {
    Apply(Promote{{GreatestEpoch().value + 1}, primary->id, 0, 0});
  } else {
    StartFailover(primary->id, mode);
  }
  Settle();
  return absl::OkStatus();
}

void NodeCore::Impl::StartFailover(const NodeId& primary, FailoverMode mode) {
  if (failover_ && failover_->primary == primary) return;  // Repeated.
  failover_ = CommandedFailover{primary, now_ + options_.manual_failover_timeout, {}, false};
  Emit(FailoverProgress{FailoverProgress::Step::kStarted, std::nullopt});
  if (mode == FailoverMode::kForce) {
    failover_->standing = true;
    coordinator_.OnCommand(primary, /*agreed=*/false, failover_->until);
  } else {
    SendTo(primary, PauseRequest{}, Path::kPrompt);
  }
}

void NodeCore::Impl::OnPrimaryPaused(const Header& header) {
  if (!failover_ || failover_->primary != header.sender) return;
  if (failover_->standing || failover_->target == header.progress) return;
  failover_->target = header.progress;
  Emit(FailoverProgress{FailoverProgress::Step::kPaused, header.progress});
}

void NodeCore::Impl::AdvanceFailover() {
  if (!failover_) return;
  if (IsPrimary()) return failover_.reset();  // Won.
  if (self().primary != failover_->primary || now_ >= failover_->until) {
    coordinator_.ForgetCommand();
    SendTo(failover_->primary, PauseRequest{.withdrawn = true}, Path::kPrompt);
    failover_.reset();
    Emit(FailoverProgress{FailoverProgress::Step::kTimedOut, std::nullopt});
    return;
  }
  if (failover_->standing || !failover_->target) return;
  const Progress& mine = replication_.progress;
  if (!mine.synced || Progress::Compare(mine, *failover_->target) < 0) return;
  failover_->standing = true;
  Emit(FailoverProgress{FailoverProgress::Step::kCaughtUp, mine});
  coordinator_.OnCommand(failover_->primary, /*agreed=*/true, failover_->until);
}

// --- The primary ---------------------------------------------------------------------------------

void NodeCore::Impl::OnPauseRequest(const Header& header, const PauseRequest& request) {
  const KnownNode& replica = *table_.Find(header.sender);
  if (request.withdrawn) {
    const bool ours = departing_ && departing_->successor == header.sender;
    if (pause_ && pause_->successor == header.sender && !ours) EndPause();
    return;
  }
  // It could not stand. It asks again.
  if (!header.progress.synced) return;
  if (!IsPrimary() || replica.primary != table_.self_id() || !MayElectSuccessor()) return;
  if (pause_ && pause_->successor == header.sender) {
    if (PauseObeyed()) Ping(header.sender);
    return;
  }
  BeginPause(header.sender);
}

// A pause that cannot end in an election would be for nothing. The replica asks again.
bool NodeCore::Impl::MayElectSuccessor() {
  if (coordinator_.AbstainsFor(now_) || !serving_.Confirmed(View(), now_)) return false;
  int votes = 1;
  for (const NodeId& voter : View().voters()) {
    if (voter == table_.self_id() || View().Find(voter)->health != Health::kOnline) continue;
    votes += table_.facts(voter).abstaining ? 0 : 1;
  }
  return votes >= View().Quorum();
}

void NodeCore::Impl::BeginPause(const NodeId& successor) {
  // The replica has manual_failover_timeout from when it asked, and clocks may differ.
  const absl::Duration at_most = options_.manual_failover_timeout * 2;
  pause_ = WritePause{++last_pause_, successor, now_ + at_most};
  Emit(WritePauseChanged{pause_->number, successor, at_most});
}

void NodeCore::Impl::EndPause() {
  if (!pause_) return;
  pause_.reset();
  Emit(WritePauseChanged{});
}

// We paused for this replica and still do, and it has all that we have.
bool NodeCore::Impl::MayGiveWayTo(const Header& candidate) const {
  return PauseObeyed() && pause_->successor == candidate.sender &&
         Progress::Compare(candidate.progress, replication_.progress) >= 0;
}

// From our vote on, the replica may serve without our knowing. We do not before we hear that it did
// not win: it withdraws, or answers as a replica what we asked when our vote was void. Others
// confirm us as soon as their votes are void, and a lone voter needs nobody to confirm it.
void NodeCore::Impl::OnHeirIsReplica(const Header& header, Instant sent) {
  if (!given_way_ || given_way_->heir != header.sender || header.role != Role::kReplica) return;
  if (sent > given_way_->until) given_way_.reset();
}

bool NodeCore::Impl::GaveWay() {
  if (given_way_) {
    const KnownNode* heir = table_.Find(given_way_->heir);
    if (!IsPrimary() || heir == nullptr || heir->health == Health::kFail) given_way_.reset();
  }
  return given_way_ || ledger().BlockedFor(self().shard, table_.self_id(), now_);
}

// A lost request costs a tick.
void NodeCore::Impl::RepeatHandoverRequests() {
  if (failover_ && !failover_->standing && !failover_->target) {
    SendTo(failover_->primary, PauseRequest{}, Path::kPrompt);
  }
  if (!pause_) return;
  if (departing_ && departing_->successor == pause_->successor) {
    SendTo(pause_->successor, StandRequest{.catch_up = true}, Path::kPrompt);
  }
  if (PauseObeyed()) Ping(pause_->successor);
}

// --- Leaving -------------------------------------------------------------------------------------

absl::Status NodeCore::Impl::Depart(Departure kind, absl::Duration at_most, Instant now) {
  Begin(now);
  if (gone_) return absl::FailedPreconditionError("this node has stopped");
  const bool owner = IsPrimary() && !table_.OwnSlots().Empty();
  if (kind == Departure::kHandOver && !owner) {
    return absl::FailedPreconditionError("this node owns no slots");
  }
  if (kind == Departure::kLeave && owner && !BestSuccessor()) {
    return absl::FailedPreconditionError(absl::StrCat("this node owns ", table_.OwnSlots().Count(),
                                                      " slots, and no replica can take them"));
  }
  if (departing_) {
    Emit(Departed{departing_->kind, absl::CancelledError("replaced by another command")});
    if (departing_->successor) EndPause();
  }
  departing_ = Departing{kind, now_ + std::max(at_most, absl::ZeroDuration()), {}, {}, {}};
  Settle();
  return absl::OkStatus();
}

// The freshest replica that is complete and answers.
std::optional<NodeId> NodeCore::Impl::BestSuccessor() {
  std::optional<NodeId> best;
  for (const NodeId& id : table_.Peers()) {
    const KnownNode& node = *table_.Find(id);
    const PeerFacts& facts = table_.facts(id);
    if (node.primary != table_.self_id() || node.health != Health::kOnline) continue;
    if (!node.linked || !facts.heard || !facts.progress.synced || node.no_failover) continue;
    if (departing_ && departing_->tried.contains(id)) continue;
    if (!best || IsBetterSuccessor(*View().Find(id), *best)) best = id;
  }
  return best;
}

// A replica that answers, but has not said yet that it has everything.
bool NodeCore::Impl::AnySuccessorLater() const {
  for (const NodeId& id : table_.Peers()) {
    const KnownNode& node = *table_.Find(id);
    if (node.primary != table_.self_id() || node.health != Health::kOnline) continue;
    if (!node.linked || node.no_failover || departing_->tried.contains(id)) continue;
    const PeerFacts& facts = table_.facts(id);
    if (!facts.heard || facts.progress_unknown || !facts.progress.synced) return true;
  }
  return false;
}

void NodeCore::Impl::AdvanceDeparture() {
  if (pause_ && (!IsPrimary() || now_ >= pause_->until)) EndPause();
  if (!leaving_.empty()) ForgetLeaving();
  if (!departing_) return;
  if (!IsPrimary() || table_.OwnSlots().Empty()) {
    // Peers hear what we are now before we go, or they would take us for a primary that failed.
    const bool news = announce_ || SyncPending();
    if (!news || now_ >= departing_->until) FinishDeparture(absl::OkStatus());
    return;
  }
  if (now_ >= departing_->until) {
    return FinishDeparture(absl::DeadlineExceededError("no replica took over in time"));
  }
  if (departing_->successor) {
    const bool gone = table_.Find(*departing_->successor) == nullptr;
    if (!gone && now_ - departing_->asked < options_.manual_failover_timeout) return;
    departing_->tried.insert(*departing_->successor);
    EndPause();
  }
  departing_->successor.reset();
  const std::optional<NodeId> best = BestSuccessor();
  if (!best && AnySuccessorLater()) return;
  if (!best) return FinishDeparture(absl::FailedPreconditionError("no replica can take over"));
  if (!MayElectSuccessor()) return;
  departing_->successor = best;
  departing_->asked = now_;
  BeginPause(*departing_->successor);
  SendTo(*departing_->successor, StandRequest{.catch_up = true}, Path::kPrompt);
}

// Whoever leaves has handed over; until we have heard that, too, its slots still show us the way.
void NodeCore::Impl::ForgetLeaving() {
  const std::vector<NodeId> leaving(leaving_.begin(), leaving_.end());
  for (const NodeId& id : leaving) {
    const bool known = table_.Find(id) != nullptr;
    if (known && (table_.slots().CountOf(id) > 0 || self().primary == id)) continue;
    leaving_.erase(id);
    if (known) ForgetNode(id, {now_, now_ + options_.forget_ban}, id);
  }
}

void NodeCore::Impl::FinishDeparture(absl::Status status) {
  const Departure kind = departing_->kind;
  departing_.reset();
  EndPause();
  const bool goes = kind == Departure::kStop || (kind == Departure::kLeave && status.ok());
  if (goes) {
    serving_.Revoke();
    extras_changed_ = true;
    for (LinkId link : links_.All()) {
      if (kind == Departure::kLeave) {
        ready_.prompt.push_back({link, Goodbye{Goodbye::Reason::kLeaving, "leaves the cluster"}});
      }
      CloseLink(link);
    }
    gone_ = true;
  }
  Emit(Departed{kind, std::move(status)});
}

}  // namespace clusterkit
