// Figures of the node as it is now, and traces of what it decided.

#include <cstdint>
#include <utility>
#include <variant>

#include "core/impl.h"

namespace clusterkit {
namespace {

// Before the first answers of a majority, and once it was revoked, it ends before all time.
bool HasLease(const ClusterView& view) {
  return view.serve_until() > Instant{absl::Nanoseconds(INT64_MIN)};
}

struct NameOfStep {
  const char* operator()(const ScheduleElection&) const { return "schedule"; }
  const char* operator()(const StartElection&) const { return "stand"; }
  const char* operator()(const WithdrawElection&) const { return "withdraw"; }
  const char* operator()(const Promote&) const { return "promote"; }
  const char* operator()(const ReportIneligible&) const { return "not eligible"; }
};

}  // namespace

Metrics NodeCore::Impl::Measure(Instant now) const {
  Metrics metrics = meter_.counts();
  Metrics::Gauges& gauges = metrics.now;
  const ClusterView& view = *published_view_;
  gauges.nodes_known = view.nodes().size();
  for (const auto& node : view.nodes()) {
    if (node->health == Health::kPfail) ++gauges.nodes_pfail;
    if (node->health == Health::kFail) ++gauges.nodes_fail;
    if (node->linked && node->id != view.self().id) ++gauges.nodes_linked;
  }
  links_.ForEachReady([&gauges](const Link&) { ++gauges.links_up; });
  gauges.voters = view.voters().size();
  gauges.quorum = static_cast<uint64_t>(view.Quorum());
  gauges.slots_owned = static_cast<uint64_t>(view.self().slot_count);
  for (const NodeView* owner : view.slot_owners()) {
    if (owner->health != Health::kFail) {
      gauges.slots_covered += static_cast<uint64_t>(owner->slot_count);
    }
  }
  gauges.slots_open = view.open_slots().Count();
  gauges.current_epoch = current_epoch_.value;
  gauges.config_epoch = ShownConfigEpoch().value;
  gauges.last_vote_epoch = ledger().LastVoteEpoch().value;
  gauges.view_version = view.version();
  gauges.has_lease = HasLease(view);
  if (gauges.has_lease) gauges.lease_left = absl::ToInt64Nanoseconds(view.serve_until() - now);
  gauges.primary = IsPrimary();
  gauges.voter = view.IsVoter(view.self().id);
  gauges.abstaining = coordinator_.Abstaining();
  gauges.state_ok = view.state() == ClusterState::kOk;
  gauges.campaigning = coordinator_.RoundStartedAt().has_value();
  gauges.host_stalled = serving_.HostStalled(now);
  gauges.data_missing = view.data_missing();
  return metrics;
}

// --- Traces --------------------------------------------------------------------------------------

void NodeCore::Impl::TraceHealth(const KnownNode& node, Health to, bool vote_open) {
  HealthJudged judged;
  judged.subject = node.id;
  judged.from = node.health;
  judged.to = to;
  judged.silence = now_ - detector_.LastHeard(node.id).value_or(now_);
  if (const auto since = detector_.PingOutstandingSince(node.id)) judged.ping_age = now_ - *since;
  judged.process_gone = detector_.ProcessGone(node.id);
  judged.reporters = detector_.Reporters(View(), node.id, now_);
  judged.needed = View().Quorum();
  judged.vote_open = vote_open;
  Trace(std::move(judged));
}

void NodeCore::Impl::TraceVote(const NodeId& candidate, const ShardId& shard,
                               const Progress& progress, const FailoverAuthRequest& request,
                               Epoch last_voted, const VoteDecision& decision) {
  VoteJudged judged;
  judged.candidate = candidate;
  judged.shard = shard;
  judged.request = request;
  judged.progress = progress;
  if (const NodeView* primary = View().Find(request.primary)) judged.primary = primary->health;
  judged.primary_answers = detector_.SeemsAlive(request.primary, now_);
  judged.confirmed = serving_.Confirmed(View(), now_);
  judged.last_voted = last_voted;
  judged.result = decision.refusal;
  judged.retry_after = decision.retry_after;
  Trace(std::move(judged));
}

void NodeCore::Impl::TraceElection(const ClusterView& view,
                                   const std::vector<ElectionStep>& steps) {
  const NodeView* primary = self().primary ? view.Find(*self().primary) : nullptr;
  if (primary == nullptr || (primary->health == Health::kOnline && steps.empty())) return;
  ElectionJudged judged;
  judged.primary = primary->id;
  judged.health = primary->health;
  judged.progress = replication_.progress;
  judged.link_up = replication_.link_up;
  judged.current_epoch = current_epoch_;
  for (const ElectionStep& step : steps) judged.steps.push_back(std::visit(NameOfStep(), step));
  Trace(std::move(judged));
}

void NodeCore::Impl::TraceServing() {
  ServingJudged judged;
  judged.state = serving_.state();
  judged.reason = serving_.reason();
  judged.confirmed = serving_.Confirmed(View(), now_);
  if (HasLease(View())) judged.lease_left = View().serve_until() - now_;
  Trace(std::move(judged));
}

}  // namespace clusterkit
