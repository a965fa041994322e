#include "clusterkit/failure_detector.h"

#include <algorithm>
#include <iterator>

namespace clusterkit {
namespace {

constexpr absl::Duration kBetweenRefusals = absl::Milliseconds(50);
constexpr int kRefusalsForEvidence = 2;

}  // namespace

void FailureDetector::Track(const NodeId& peer, Instant now) {
  auto [it, added] = peers_.try_emplace(peer);
  if (added) it->second.heard = now;
}

void FailureDetector::Untrack(const NodeId& peer) {
  peers_.erase(peer);
  reports_.erase(peer);
  for (auto it = reports_.begin(); it != reports_.end();) {
    it->second.erase(peer);
    it = it->second.empty() ? reports_.erase(it) : std::next(it);
  }
}

void FailureDetector::OnPingSent(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it != peers_.end() && !it->second.ping_sent) it->second.ping_sent = now;
}

void FailureDetector::OnHeard(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it != peers_.end()) it->second.heard = now;
}

void FailureDetector::OnPong(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second.heard = now;
  it->second.pong = now;
  it->second.ping_sent.reset();
}

void FailureDetector::OnLinkUp(const NodeId& peer) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second.broken = false;
  it->second.refusals = 0;
}

void FailureDetector::OnBrokenByPeer(const NodeId& peer, Instant) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second.broken = true;
  it->second.refusals = 0;
}

void FailureDetector::OnRefused(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it == peers_.end() || !it->second.broken) return;
  if (it->second.refusals > 0 && now - it->second.last_refusal < kBetweenRefusals) return;
  ++it->second.refusals;
  it->second.last_refusal = now;
}

void FailureDetector::OnReport(const NodeId& reporter, const NodeId& subject, bool suspected,
                               Instant now) {
  if (suspected) {
    if (reporter != subject && peers_.contains(subject)) reports_[subject][reporter] = now;
    return;
  }
  auto it = reports_.find(subject);
  if (it == reports_.end()) return;
  it->second.erase(reporter);
  if (it->second.empty()) reports_.erase(it);
}

bool FailureDetector::Proves(const ClusterView& view, const FailNotice& notice) const {
  int voters = 0;
  for (const NodeId& voter : view.voters()) {
    voters += std::binary_search(notice.reporters.begin(), notice.reporters.end(), voter) ? 1 : 0;
  }
  return voters >= view.Quorum();
}

bool FailureDetector::CrashEvidence(const Peer& peer, Instant now) const {
  return options_->crash_evidence && peer.broken && peer.refusals >= kRefusalsForEvidence &&
         now - peer.last_refusal >= options_->crash_evidence_grace;
}

bool FailureDetector::Silent(const Peer& peer, Instant now) const {
  return now - peer.heard >= options_->node_timeout && peer.ping_sent &&
         now - *peer.ping_sent >= options_->node_timeout / 4;
}

std::vector<NodeId> FailureDetector::Reporters(const ClusterView& view, const NodeId& subject,
                                               Instant now) const {
  std::vector<NodeId> reporters;
  auto it = reports_.find(subject);
  if (it == reports_.end()) return reporters;
  const absl::Duration validity = options_->ReportValidity();
  for (const auto& [reporter, at] : it->second) {
    if (now - at <= validity && view.IsVoter(reporter)) {
      reporters.push_back(reporter);
    }
  }
  return reporters;
}

std::vector<NodeId> FailureDetector::Doubtful() const {
  std::vector<NodeId> doubtful;
  for (const auto& [id, peer] : peers_) {
    if (peer.ping_sent || peer.broken) doubtful.push_back(id);
  }
  return doubtful;
}

std::optional<HealthChanged> FailureDetector::Evaluate(const ClusterView& view,
                                                       const NodeId& subject, bool hold_fail,
                                                       Instant now) {
  auto it = peers_.find(subject);
  const NodeView* node = view.Find(subject);
  if (it == peers_.end() || node == nullptr) return std::nullopt;
  Peer& peer = it->second;
  HealthChanged change;
  change.id = subject;
  change.from = node->health;
  if (node->health == Health::kOnline) {
    const bool evidence = CrashEvidence(peer, now);
    if (!evidence && !Silent(peer, now)) return std::nullopt;
    change.to = Health::kPfail;
    change.cause = evidence ? HealthChanged::Cause::kCrashEvidence : HealthChanged::Cause::kSilence;
    return change;
  }
  const bool answers = !peer.ping_sent && peer.pong && !peer.broken;
  if (node->health == Health::kPfail) {
    if (answers) {
      change.to = Health::kOnline;
      change.cause = HealthChanged::Cause::kAnswered;
      return change;
    }
    change.reporters = Reporters(view, subject, now);
    if (view.IsVoter(view.self().id)) {
      change.reporters.insert(
          std::lower_bound(change.reporters.begin(), change.reporters.end(), view.self().id),
          view.self().id);
    }
    change.needed = view.Quorum();
    if (static_cast<int>(change.reporters.size()) < change.needed) return std::nullopt;
    change.to = Health::kFail;
    change.cause = HealthChanged::Cause::kReports;
    peer.failed_at = now;
    return change;
  }
  if (!peer.failed_at) peer.failed_at = now;
  if (!AnsweredSinceFail(subject) || peer.ping_sent || peer.broken || hold_fail) {
    return std::nullopt;
  }
  peer.failed_at.reset();
  change.to = Health::kOnline;
  change.cause = HealthChanged::Cause::kAnswered;
  return change;
}

void FailureDetector::OnFailedByNotice(const NodeId& subject, Instant now) {
  auto it = peers_.find(subject);
  if (it != peers_.end()) it->second.failed_at = now;
}

bool FailureDetector::AnsweredSinceFail(const NodeId& peer) const {
  auto it = peers_.find(peer);
  if (it == peers_.end() || !it->second.pong || !it->second.failed_at) return false;
  return *it->second.pong > *it->second.failed_at;
}

bool FailureDetector::ProcessGone(const NodeId& peer) const {
  auto it = peers_.find(peer);
  return it != peers_.end() && options_->crash_evidence && it->second.broken &&
         it->second.refusals >= kRefusalsForEvidence;
}

bool FailureDetector::SeemsAlive(const NodeId& peer, Instant now) const {
  auto it = peers_.find(peer);
  if (it == peers_.end() || it->second.broken) return false;
  return now - it->second.heard < options_->node_timeout;
}

std::optional<Instant> FailureDetector::PingOutstandingSince(const NodeId& peer) const {
  auto it = peers_.find(peer);
  return it == peers_.end() ? std::nullopt : it->second.ping_sent;
}

std::optional<Instant> FailureDetector::LastPong(const NodeId& peer) const {
  auto it = peers_.find(peer);
  return it == peers_.end() ? std::nullopt : it->second.pong;
}

std::optional<Instant> FailureDetector::LastHeard(const NodeId& peer) const {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return std::nullopt;
  return it->second.heard;
}

}  // namespace clusterkit
