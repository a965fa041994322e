// What a node may conclude from what it was told: owners, failures, members.

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {

void SlotsMoveUp::OnRebound(const NodeId& observer, const SlotsRebound& rebound,
                            const ClusterView& before, const ClusterView& after) {
  std::set<std::pair<NodeId, NodeId>> checked;
  for (const SlotRebind& change : rebound.changes) {
    const NodeId* held = before.slots().OwnerOf(change.slot);
    if (held == nullptr || *held == change.to) continue;
    if (before.slots().unclaimed().Contains(change.slot)) continue;
    if (*held == observer)
      continue;  // It may have been told to give it away. Others are asked, too.
    if (!checked.insert({*held, change.to}).second) continue;
    const NodeView* from = before.Find(*held);
    const NodeView* to = after.Find(change.to);
    // A replica holds nothing under an epoch of its own.
    if (from == nullptr || from->role != Role::kPrimary || to == nullptr) continue;
    Saw();
    if (to->config_epoch > from->config_epoch) continue;
    Report(absl::StrCat("at ", Who(observer), " slot ", change.slot.value, " moved from ",
                        Who(*held), " epoch ", from->config_epoch.value, " to ", Who(change.to),
                        " epoch ", to->config_epoch.value));
  }
}

void FailNeedsMajority::OnReport(const NodeId& observer, const NodeId& reporter,
                                 const NodeId& subject, bool suspected, Instant now) {
  auto& reports = heard_[observer].reports;
  if (suspected) {
    reports[{subject, reporter}] = now;
  } else {
    reports.erase({subject, reporter});
  }
}

void FailNeedsMajority::OnNotice(const NodeId& observer, const FailNotice& notice, Instant now) {
  heard_[observer].notices[notice.subject].push_back(
      {now, {notice.reporters.begin(), notice.reporters.end()}});
}

void FailNeedsMajority::OnConcluded(const NodeId& observer, const NodeId& subject,
                                    absl::Duration validity, Instant now) {
  Heard& heard = heard_[observer];
  std::set<NodeId>& fresh = heard.concluded[subject];
  for (const auto& [of, at] : heard.reports) {
    if (of.first == subject && now - at <= validity) fresh.insert(of.second);
  }
}

void FailNeedsMajority::OnFail(const NodeId& observer, const HealthChanged& change,
                               const std::vector<std::vector<NodeId>>& electorates) {
  Saw();
  Heard& heard = heard_[observer];
  std::vector<std::set<NodeId>> proofs;
  if (change.cause == HealthChanged::Cause::kReports) {
    std::set<NodeId>& fresh = heard.concluded[change.id];
    fresh.insert(observer);
    proofs.emplace_back();
    std::set_intersection(fresh.begin(), fresh.end(), change.reporters.begin(),
                          change.reporters.end(),
                          std::inserter(proofs.back(), proofs.back().end()));
  } else {
    for (const auto& notice : heard.notices[change.id]) proofs.push_back(notice.reporters);
  }
  heard.concluded.erase(change.id);
  for (const std::set<NodeId>& proof : proofs) {
    for (const std::vector<NodeId>& voters : electorates) {
      const auto counts = std::count_if(voters.begin(), voters.end(),
                                        [&](const NodeId& id) { return proof.contains(id); });
      if (static_cast<size_t>(counts) > voters.size() / 2) return;
    }
  }
  Report(absl::StrCat(
      Who(observer), " takes ", Who(change.id), " as FAIL",
      change.cause == HealthChanged::Cause::kReports
          ? absl::StrCat(" with ", proofs[0].size(), " fresh reports, needs ", change.needed)
          : std::string(" without a notice that proves it")));
}

void FailNeedsMajority::OnOnline(const NodeId& observer, const NodeId& subject, Instant now) {
  constexpr absl::Duration kMoment = absl::Seconds(5);
  std::erase_if(heard_[observer].notices[subject],
                [&](const auto& notice) { return now - notice.at > kMoment; });
}

void FailNeedsMajority::OnStart(const NodeId& observer) { heard_.erase(observer); }

void ForgottenStay::OnForgotten(const NodeId& observer, const NodeId& node, absl::Duration ban,
                                Instant now) {
  until_[{observer, node}] = now + ban;
}

void ForgottenStay::OnAdded(const NodeId& observer, const NodeAdded& added, Instant now) {
  const auto found = until_.find({observer, added.id});
  if (found == until_.end()) return;
  Saw();
  if (added.by == NodeAdded::By::kMeet || now >= found->second) {
    until_.erase(found);
    return;
  }
  Report(absl::StrCat(Who(observer), " knows ", Who(added.id), " again, ",
                      absl::FormatDuration(found->second - now), " before the end of its ban"));
}

void ForgottenStay::OnStart(const NodeId& observer) {
  std::erase_if(until_, [&](const auto& entry) { return entry.first.first == observer; });
}

}  // namespace clusterkit::sim
