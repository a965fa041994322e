#include "core/meter.h"

#include <algorithm>
#include <variant>

namespace clusterkit {
namespace {

void Add(Histogram& histogram, Instant from, Instant to) {
  histogram.Add(static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(to - from), 0)));
}

}  // namespace

void Meter::OnEvent(const Event& event, const ClusterView& view, Instant now) {
  ++metrics_.events;
  std::visit([&](const auto& value) { On(value, view, now); }, event);
}

void Meter::OnPingAnswered(Instant sent, Instant now) { Add(metrics_.ping_round_trip, sent, now); }

void Meter::OnClaimHeld(const NodeId& peer, const ClusterView& view, Instant now) {
  if (!convergence_ || !convergence_->awaited.contains(peer)) return;
  if (view.IsVoter(peer)) ++convergence_->voters;
  const int own = view.IsVoter(view.self().id) ? 1 : 0;
  if (!convergence_->majority && convergence_->voters + own >= view.Quorum()) {
    convergence_->majority = true;
    Add(metrics_.convergence_majority, convergence_->began, now);
  }
  NoLongerAwaited(peer, now);
}

void Meter::NoLongerAwaited(const NodeId& peer, Instant now) {
  if (!convergence_ || convergence_->awaited.erase(peer) == 0) return;
  if (!convergence_->awaited.empty()) return;
  Add(metrics_.convergence_all, convergence_->began, now);
  convergence_.reset();
}

void Meter::On(const HealthChanged& event, const ClusterView& view, Instant now) {
  ++metrics_.health_changes[event.cause];
  const bool primary = view.self().primary == event.id;
  if (event.to == Health::kPfail) {
    suspected_.emplace(event.id, now);
    return;
  }
  const auto suspected = suspected_.find(event.id);
  if (event.to == Health::kFail) {
    if (suspected != suspected_.end()) Add(metrics_.pfail_to_fail, suspected->second, now);
    NoLongerAwaited(event.id, now);
    if (primary && !began_) began_ = now;
  } else if (primary) {
    began_.reset();
    asked_ = false;
  }
  if (suspected != suspected_.end()) suspected_.erase(suspected);
}

void Meter::On(const SuspicionHeard& event, const ClusterView&, Instant) {
  ++(event.suspected ? metrics_.suspicions_heard : metrics_.suspicions_retracted);
}

void Meter::On(const NodeRemoved& event, const ClusterView&, Instant now) {
  suspected_.erase(event.id);
  NoLongerAwaited(event.id, now);
}

void Meter::On(const ElectionScheduled&, const ClusterView&, Instant now) {
  if (!began_) began_ = now;
}

void Meter::On(const ElectionStarted& event, const ClusterView&, Instant now) {
  ++metrics_.elections_started[event.cause];
  cause_ = event.cause;
  started_ = now;
  if (!asked_ && began_ && cause_ == ElectionStarted::Cause::kPrimaryFailed) {
    Add(metrics_.fail_to_election, *began_, now);
  }
  asked_ = true;
}

void Meter::On(const ElectionEnded& event, const ClusterView& view, Instant now) {
  ++metrics_.elections_ended[event.how];
  if (event.how != ElectionEnded::How::kWon) return;
  ++metrics_.elections_won[cause_];
  const Instant began = began_.value_or(now);
  Add(metrics_.election, started_.value_or(now), now);
  Add(metrics_.failover, began, now);
  convergence_.emplace();
  convergence_->began = began;
  for (const auto& node : view.nodes()) {
    if (node->id != view.self().id && node->health != Health::kFail) {
      convergence_->awaited.insert(node->id);
    }
  }
}

void Meter::On(const VoteDenied& event, const ClusterView&, Instant) {
  ++metrics_.votes_denied[event.reason];
}

void Meter::On(const VoteCast& event, const ClusterView&, Instant) {
  if (event.reason == VoteRefusal::kNone) {
    ++metrics_.votes_granted;
  } else {
    ++metrics_.votes_refused[event.reason];
  }
}

void Meter::On(const RoleChanged& event, const ClusterView& view, Instant) {
  if (event.id != view.self().id) return;
  ++metrics_.role_changes;
  began_.reset();
  asked_ = false;
  if (event.to == Role::kReplica) convergence_.reset();
}

void Meter::On(const SlotsRebound& event, const ClusterView& view, Instant) {
  const NodeId& self = view.self().id;
  for (const SlotRebind& change : event.changes) {
    if (change.to == self && change.from != self) ++metrics_.slots_gained;
    if (change.from == self && change.to != self) ++metrics_.slots_lost;
  }
}

void Meter::On(const SlotMoveProgress& event, const ClusterView&, Instant) {
  metrics_.slots_moved_away += static_cast<uint64_t>(std::max(event.moved, 0));
}

void Meter::On(const ConfigEpochChanged& event, const ClusterView&, Instant) {
  ++metrics_.epoch_bumps[event.cause];
}

void Meter::On(const ClusterStateChanged& event, const ClusterView&, Instant) {
  if (event.to == ClusterState::kFail) ++metrics_.state_failures;
}

void Meter::On(const PeerRefused& event, const ClusterView&, Instant) {
  ++metrics_.links_refused[event.reason];
}

void Meter::On(const FailoverProgress& event, const ClusterView&, Instant now) {
  if (event.step == FailoverProgress::Step::kStarted) began_ = now;
  if (event.step == FailoverProgress::Step::kTimedOut) began_.reset();
}

}  // namespace clusterkit
