#include "core/serving.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace clusterkit {
namespace {

// A primary that comes back hears of its replacement in this time, if it was replaced.
constexpr absl::Duration kAfterRestart = absl::Seconds(2);

}  // namespace

Serving::Serving(const Options& options, bool restarted, Instant now)
    : options_(&options), started_(now), restarted_(restarted) {}

void Serving::OnVoterAnswered(const NodeId& voter, Instant sent) {
  auto [it, added] = answered_.emplace(voter, sent);
  if (!added) it->second = std::max(it->second, sent);
  majority_version_ = 0;
}

std::optional<Instant> Serving::AnsweredByMajority(const ClusterView& view, Instant now) {
  // Our own answer is there at once.
  const int others = view.Quorum() - (view.IsVoter(view.self().id) ? 1 : 0);
  if (others == 0) return now;
  if (majority_version_ != view.version()) {
    majority_version_ = view.version();
    majority_answered_ = AnsweredBy(static_cast<size_t>(others), view);
  }
  return majority_answered_;
}

std::optional<Instant> Serving::AnsweredBy(size_t count, const ClusterView& view) const {
  std::vector<Instant> sent;
  // Voters and answers are in the same order.
  auto answer = answered_.begin();
  for (const NodeId& voter : view.voters()) {
    while (answer != answered_.end() && answer->first < voter) ++answer;
    if (answer == answered_.end()) break;
    if (answer->first == voter) sent.push_back(answer->second);
  }
  if (sent.size() < count) return std::nullopt;
  std::nth_element(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(count) - 1, sent.end(),
                   std::greater<>());
  return sent[count - 1];
}

void Serving::Renew(const ClusterView& view, Instant now) {
  if (view.self().role != Role::kPrimary || view.self().slot_count == 0) return;
  if (view.data_missing() || HostStalled(now)) return;
  if (std::optional<Instant> sent = AnsweredByMajority(view, now)) {
    lease_->Extend(*sent + options_->ServeLease());
  }
}

bool Serving::Confirmed(const ClusterView& view, Instant now) {
  std::optional<Instant> sent = AnsweredByMajority(view, now);
  return sent && now - *sent < options_->ServeLease();
}

void Serving::Revoke() {
  lease_->Revoke();
  lease_ = std::make_shared<ServeLease>();
}

bool Serving::HostStalled(Instant now) const {
  const absl::Duration limit = options_->HostStallTimeout();
  return host_alive_ && limit > absl::ZeroDuration() && now - *host_alive_ > limit;
}

void Serving::CountVoters(const ClusterView& view) {
  if (voters_version_ == view.version()) return;
  voters_version_ = view.version();
  reachable_ = 0;
  owner_failed_ = false;
  for (const NodeId& voter : view.voters()) {
    const Health health = view.Find(voter)->health;
    if (health == Health::kOnline) ++reachable_;
  }
  for (const NodeView* owner : view.slot_owners()) {
    if (owner->health == Health::kFail) owner_failed_ = true;
  }
}

bool Serving::Evaluate(const ClusterView& view, Instant now) {
  CountVoters(view);
  const bool primary = view.self().role == Role::kPrimary;
  ClusterState state = ClusterState::kOk;
  DownReason reason = DownReason::kNone;
  const bool uncovered = owner_failed_ || view.slots().AssignedCount() < kSlotCount;
  if (options_->require_full_coverage && uncovered) {
    state = ClusterState::kFail;
    reason = DownReason::kSlotUncovered;
  }
  if (reachable_ < view.Quorum()) {
    state = ClusterState::kFail;
    reason = DownReason::kMinority;
    minority_since_ = now;
  } else if (state == ClusterState::kOk && state_ == ClusterState::kFail && primary) {
    if (minority_since_ && now - *minority_since_ < options_->RejoinDelay()) {
      state = ClusterState::kFail;
      reason = DownReason::kMinority;
    } else if (restarted_ && now - started_ < kAfterRestart) {
      state = ClusterState::kFail;
      reason = DownReason::kStarting;
    }
  }
  const bool changed = state != state_ || reason != reason_;
  state_ = state;
  reason_ = reason;
  return changed;
}

}  // namespace clusterkit
