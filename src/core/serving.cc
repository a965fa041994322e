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
}

std::optional<Instant> Serving::AnsweredByMajority(const ClusterView& view, Instant now) const {
  std::vector<Instant> sent;
  for (const NodeId& voter : view.voters()) {
    if (voter == view.self().id) {
      sent.push_back(now);
    } else if (auto it = answered_.find(voter); it != answered_.end()) {
      sent.push_back(it->second);
    }
  }
  const auto majority = static_cast<size_t>(view.Quorum());
  if (sent.size() < majority) return std::nullopt;
  std::nth_element(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(majority) - 1,
                   sent.end(), std::greater<>());
  return sent[majority - 1];
}

void Serving::Renew(const ClusterView& view, Instant now) {
  if (view.self().role != Role::kPrimary || view.self().slot_count == 0) return;
  if (view.data_missing() || HostStalled(now)) return;
  if (std::optional<Instant> sent = AnsweredByMajority(view, now)) {
    lease_->Extend(*sent + options_->ServeLease());
  }
}

bool Serving::Confirmed(const ClusterView& view, Instant now) const {
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

bool Serving::Evaluate(const ClusterView& view, Instant now) {
  const bool primary = view.self().role == Role::kPrimary;
  ClusterState state = ClusterState::kOk;
  DownReason reason = DownReason::kNone;
  int reachable = 0;
  bool uncovered = view.slots().AssignedCount() < kSlotCount;
  for (const NodeId& voter : view.voters()) {
    const Health health = view.Find(voter)->health;
    if (health == Health::kOnline) ++reachable;
    if (health == Health::kFail) uncovered = true;
  }
  if (options_->require_full_coverage && uncovered) {
    state = ClusterState::kFail;
    reason = DownReason::kSlotUncovered;
  }
  if (reachable < view.Quorum()) {
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
