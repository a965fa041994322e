// What a node may conclude from what it was told: owners, failures, members.

#include <algorithm>

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
    if (!checked.insert({*held, change.to}).second) continue;
    const NodeView* from = before.Find(*held);
    const NodeView* to = after.Find(change.to);
    // A replica holds nothing under an epoch of its own.
    if (from == nullptr || from->role != Role::kPrimary || to == nullptr) continue;
    Saw();
    if (to->config_epoch > from->config_epoch) continue;
    Report(absl::StrCat("at ", ShortName(observer), " slot ", change.slot.value, " moved from ",
                        ShortName(*held), " epoch ", from->config_epoch.value, " to ",
                        ShortName(change.to), " epoch ", to->config_epoch.value));
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

void FailNeedsMajority::OnNotice(const NodeId& observer, const FailNotice& notice) {
  heard_[observer].notices[notice.subject].emplace_back(notice.reporters.begin(),
                                                        notice.reporters.end());
}

void FailNeedsMajority::OnFail(const NodeId& observer, const HealthChanged& change,
                               const std::vector<NodeId>& voters, absl::Duration validity,
                               Instant now) {
  Saw();
  const Heard& heard = heard_[observer];
  const size_t majority = voters.size() / 2 + 1;
  const auto is_voter = [&](const NodeId& id) {
    return std::find(voters.begin(), voters.end(), id) != voters.end();
  };
  const auto fail = [&](const std::string& why) {
    Report(absl::StrCat(ShortName(observer), " takes ", ShortName(change.id), " as FAIL ", why));
  };
  if (change.cause == HealthChanged::Cause::kReports) {
    size_t fresh = 0;
    for (const NodeId& reporter : change.reporters) {
      const auto report = heard.reports.find({change.id, reporter});
      const bool heard_it = report != heard.reports.end() && now - report->second <= validity;
      if (is_voter(reporter) && (reporter == observer || heard_it)) ++fresh;
    }
    if (fresh < majority) {
      fail(absl::StrCat("with ", fresh, " fresh reports of voters, needs ", majority));
    }
    return;
  }
  const auto notices = heard.notices.find(change.id);
  if (notices != heard.notices.end()) {
    for (const std::set<NodeId>& reporters : notices->second) {
      const auto known = std::count_if(reporters.begin(), reporters.end(), is_voter);
      if (static_cast<size_t>(known) >= majority) return;
    }
  }
  fail("without a notice that proves it");
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
  Report(absl::StrCat(ShortName(observer), " knows ", ShortName(added.id), " again, ",
                      absl::FormatDuration(found->second - now), " before the end of its ban"));
}

void ForgottenStay::OnStart(const NodeId& observer) {
  std::erase_if(until_, [&](const auto& entry) { return entry.first.first == observer; });
}

}  // namespace clusterkit::sim
