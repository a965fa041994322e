// Suspicion, agreement and recovery: what the detector concludes, and who is told.

#include <utility>

#include "core/impl.h"

namespace clusterkit {

void NodeCore::Impl::EvaluateTouched() {
  while (!touched_.empty()) {
    const NodeId subject = *touched_.begin();
    touched_.erase(touched_.begin());
    const KnownNode* node = table_.Find(subject);
    if (node == nullptr || subject == table_.self_id()) continue;
    // While our vote for its replica may still count, its return must not look like "nothing
    // happened": the election has to end first.
    const bool hold_fail = coordinator_.RoundOpen(node->shard, now_);
    std::optional<HealthChanged> change = detector_.Evaluate(View(), subject, hold_fail, now_);
    if (tracing_) TraceHealth(*node, change ? change->to : node->health, hold_fail);
    if (!change) continue;
    ApplyHealth(*change);
    Touch(subject);  // PFAIL may be FAIL at once, if the others suspected it before.
  }
}

void NodeCore::Impl::ApplyHealth(const HealthChanged& change) {
  table_.Edit(change.id).health = change.to;
  table_.facts(change.id).failed = change.to == Health::kFail;
  Emit(change);
  if (change.to == Health::kPfail) {
    QueueReports(change.id, true);
    return;
  }
  RequestSave(/*sync=*/false);
  if (change.to == Health::kOnline) {
    QueueReports(change.id, false);
    return;
  }
  if (change.cause == HealthChanged::Cause::kReports) {
    for (const NodeId& peer : table_.Peers()) {
      if (peer != change.id) SendTo(peer, FailNotice{change.id, change.reporters}, Path::kPrompt);
    }
  }
  if (self().primary == change.id) SendProgress(/*final=*/!replication_.link_up);
}

// A voter's word counts; it goes straight to those who wait for it, the suspect's replicas.
void NodeCore::Impl::QueueReports(const NodeId& subject, bool suspected) {
  if (!View().IsVoter(table_.self_id())) return;
  for (const auto& node : View().nodes()) {
    if (node->primary == subject && node->id != table_.self_id()) {
      reports_[node->id].push_back({subject, suspected});
    }
  }
}

void NodeCore::Impl::FlushReports() {
  auto reports = std::exchange(reports_, {});
  for (auto& [target, items] : reports) {
    SendTo(target, SuspicionReport{std::move(items)}, Path::kPrompt);
  }
}

void NodeCore::Impl::OnSuspicion(const Header& header, const SuspicionReport& report) {
  if (!View().IsVoter(header.sender)) return;
  for (const SuspicionReport::Item& item : report.items) {
    if (table_.Find(item.subject) == nullptr || item.subject == table_.self_id()) continue;
    detector_.OnReport(header.sender, item.subject, item.suspected, now_);
    Emit(SuspicionHeard{header.sender, item.subject, item.suspected});
    Touch(item.subject);
  }
}

// Differs from Redis, which believes any node's FAIL: here the notice carries its proof.
void NodeCore::Impl::OnFailNotice(const FailNotice& notice) {
  const KnownNode* node = table_.Find(notice.subject);
  if (node == nullptr || notice.subject == table_.self_id()) return;
  if (node->health == Health::kFail || !detector_.Proves(View(), notice)) return;
  detector_.OnFailedByNotice(notice.subject, now_);
  HealthChanged change;
  change.cause = HealthChanged::Cause::kNotice;
  change.id = notice.subject;
  change.from = node->health;
  change.to = Health::kFail;
  change.reporters = notice.reporters;
  change.needed = View().Quorum();
  ApplyHealth(change);
  Touch(notice.subject);
}

}  // namespace clusterkit
