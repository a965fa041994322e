#include "clusterkit/sim/coverage.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {
namespace {

// A candidate that keeps the rules is never refused for these.
bool OnlyForLiars(VoteRefusal refusal) {
  return refusal == VoteRefusal::kNeverSynced || refusal == VoteRefusal::kRoundTooLong;
}

std::string Refused(VoteRefusal refusal) {
  if (refusal == VoteRefusal::kNone) return "vote: granted";
  return absl::StrCat("vote refused: ", Av(Describe(refusal)));
}

struct NameOfBranch {
  std::string operator()(const NodeAdded& e) const {
    return e.by == NodeAdded::By::kMeet ? "member: added by MEET" : "member: added by gossip";
  }
  std::string operator()(const NodeRemoved& e) const {
    return e.told_by ? "member: removed by word of a peer" : "member: removed";
  }
  std::string operator()(const VotingChanged&) const { return "voting: changed"; }
  std::string operator()(const ForgottenByPeer&) const { return "member: forgotten by a peer"; }
  std::string operator()(const NodeDetailsChanged& e) const {
    return e.cause == NodeDetailsChanged::Cause::kCommand ? "details: command"
                                                          : "details: its own word";
  }
  std::string operator()(const AddressChanged& e) const {
    switch (e.cause) {
      case AddressChanged::Cause::kSaidSo:
        return "address: its own word";
      case AddressChanged::Cause::kGossip:
        return "address: by gossip";
      case AddressChanged::Cause::kLearned:
        return "address: learned";
      case AddressChanged::Cause::kCommand:
        return "address: command";
      case AddressChanged::Cause::kFound:
        return "address: found there";
    }
    return "";
  }
  std::string operator()(const HealthChanged& e) const {
    switch (e.cause) {
      case HealthChanged::Cause::kSilence:
        return "PFAIL: silence";
      case HealthChanged::Cause::kCrashEvidence:
        return "PFAIL: crash evidence";
      case HealthChanged::Cause::kReports:
        return "FAIL: reports";
      case HealthChanged::Cause::kNotice:
        return "FAIL: notice";
      case HealthChanged::Cause::kAnswered:
        return e.from == Health::kFail ? "FAIL: cleared" : "PFAIL: cleared";
    }
    return "";
  }
  std::string operator()(const SuspicionHeard& e) const {
    return e.suspected ? "suspicion: told" : "suspicion: taken back";
  }
  std::string operator()(const RoleChanged& e) const {
    switch (e.cause) {
      case RoleChanged::Cause::kElected:
        return "role: elected";
      case RoleChanged::Cause::kReplaced:
        return "role: replaced";
      case RoleChanged::Cause::kOrphan:
        return "role: moved to an orphan";
      case RoleChanged::Cause::kPrimaryReplaced:
        return "role: primary replaced";
      case RoleChanged::Cause::kCommand:
        return "role: command";
    }
    return "";
  }
  std::string operator()(const SlotsRebound&) const { return "slots: moved"; }
  std::string operator()(const ClusterStateChanged& e) const {
    if (e.to == ClusterState::kOk) return "state: ok";
    return absl::StrCat("state fail: ", Av(Describe(e.reason)));
  }
  std::string operator()(const ConfigEpochChanged& e) const {
    switch (e.cause) {
      case ConfigEpochChanged::Cause::kElection:
        return "epoch: election";
      case ConfigEpochChanged::Cause::kCollision:
        return "epoch: collision";
      case ConfigEpochChanged::Cause::kImport:
        return "epoch: import";
      case ConfigEpochChanged::Cause::kCommand:
        return "epoch: command";
    }
    return "";
  }
  std::string operator()(const SlotMigrationChanged& e) const {
    if (e.mark) {
      const bool importing = e.mark->direction == SlotMigration::kImporting;
      return importing ? "open slot: importing" : "open slot: exporting";
    }
    switch (e.cause) {
      case SlotMigrationChanged::Cause::kPeerGone:
        return "open slot: peer gone";
      case SlotMigrationChanged::Cause::kDemoted:
        return "open slot: demoted";
      default:
        return "open slot: closed";
    }
  }
  std::string operator()(const SlotTransferDue&) const { return "move: transfer due"; }
  std::string operator()(const SlotMoveProgress&) const { return "move: progress"; }
  std::string operator()(const SlotMoveEnded& e) const {
    switch (e.how) {
      case SlotMoveEnded::How::kDone:
        return "move: done";
      case SlotMoveEnded::How::kCancelled:
        return "move: cancelled";
      case SlotMoveEnded::How::kTargetGone:
        return "move: target gone";
      case SlotMoveEnded::How::kLost:
        return "move: slots lost";
      case SlotMoveEnded::How::kRefused:
        return "move: refused";
    }
    return "";
  }
  std::string operator()(const WritePauseChanged& e) const {
    return e.number != 0 ? "pause: begins" : "pause: ends";
  }
  std::string operator()(const FailoverProgress& e) const {
    switch (e.step) {
      case FailoverProgress::Step::kStarted:
        return "failover: started";
      case FailoverProgress::Step::kPaused:
        return "failover: primary paused";
      case FailoverProgress::Step::kCaughtUp:
        return "failover: caught up";
      case FailoverProgress::Step::kTimedOut:
        return "failover: timed out";
    }
    return "";
  }
  std::string operator()(const Departed& e) const {
    if (e.status.ok()) return "departure: done";
    return absl::IsDeadlineExceeded(e.status) ? "departure: too late" : "departure: no successor";
  }
  std::string operator()(const ElectionNotEligible& e) const {
    if (e.reason == Ineligible::kNone) return "eligible: again";
    return absl::StrCat("not eligible: ", Av(Describe(e.reason)));
  }
  std::string operator()(const ElectionScheduled& e) const {
    return e.rank == 0 ? "election: scheduled first" : "election: scheduled behind fresher ones";
  }
  std::string operator()(const ElectionStarted&) const { return "election: started"; }
  std::string operator()(const ElectionEnded& e) const {
    switch (e.how) {
      case ElectionEnded::How::kWon:
        return "election: won";
      case ElectionEnded::How::kTimeout:
        return "election lost: timeout";
      case ElectionEnded::How::kRefused:
        return "election lost: refused";
      case ElectionEnded::How::kPrimaryBack:
        return "election lost: primary is back";
      case ElectionEnded::How::kOvertaken:
        return "election lost: overtaken";
    }
    return "";
  }
  std::string operator()(const VoteDenied&) const { return "vote denied to us"; }
  std::string operator()(const VoteCast& e) const { return Refused(e.reason); }
  std::string operator()(const PeerRefused&) const { return "peer: refused"; }
  std::string operator()(const MeetFailed&) const { return "member: MEET failed"; }
  std::string operator()(const HostStalled& e) const {
    return e.stalled ? "host: stalled" : "host: goes on";
  }
  std::string operator()(const DataGuardChanged& e) const {
    return e.active ? "data guard: begins" : "data guard: ends";
  }
  std::string operator()(const Halted&) const { return "node: halted"; }
};

std::vector<Coverage::Branch> MakeKnown() {
  std::vector<Coverage::Branch> known;
  const auto add = [&](std::string name, bool required = true) {
    known.push_back({std::move(name), required});
  };
  for (const char* name : {"member: added by MEET",
                           "member: added by gossip",
                           "PFAIL: silence",
                           "PFAIL: crash evidence",
                           "PFAIL: cleared",
                           "FAIL: reports",
                           "FAIL: notice",
                           "FAIL: cleared",
                           "suspicion: told",
                           "suspicion: taken back",
                           "election: scheduled first",
                           "election: scheduled behind fresher ones",
                           "election: started",
                           "election: won",
                           "election lost: timeout",
                           "election lost: refused",
                           "election lost: primary is back",
                           "election lost: overtaken",
                           "restart during an election",
                           "vote: granted"}) {
    add(name);
  }
  for (int reason = 1; reason <= static_cast<int>(VoteRefusal::kRoundTooLong); ++reason) {
    const auto refusal = static_cast<VoteRefusal>(reason);
    if (!OnlyForLiars(refusal)) add(Refused(refusal));
  }
  for (const char* name :
       {"role: elected", "role: replaced", "role: primary replaced", "slots: moved", "state: ok",
        "epoch: election", "epoch: collision", "data guard: begins", "data guard: ends",
        "host: stalled", "host: goes on"}) {
    add(name);
  }
  for (const Ineligible reason : {Ineligible::kNeverSynced, Ineligible::kDataTooOld,
                                  Ineligible::kNoFailover, Ineligible::kPrimaryHasNoSlots}) {
    add(absl::StrCat("not eligible: ", Av(Describe(reason))), reason == Ineligible::kNeverSynced);
  }
  for (const DownReason reason :
       {DownReason::kStarting, DownReason::kSlotUncovered, DownReason::kMinority}) {
    add(absl::StrCat("state fail: ", Av(Describe(reason))), reason != DownReason::kStarting);
  }
  for (const char* name :
       {"member: removed", "member: MEET failed", "peer: refused", "role: command", "epoch: import",
        "epoch: command", "node: halted", "vote denied to us"}) {
    add(name);
  }
  for (const char* name :
       {"open slot: importing", "open slot: exporting", "open slot: closed", "open slot: demoted",
        "move: transfer due", "move: progress", "move: done", "move: cancelled", "pause: begins",
        "pause: ends", "failover: started", "failover: primary paused", "failover: caught up",
        "failover: timed out", "departure: done", "departure: too late",
        "departure: no successor"}) {
    add(name);
  }
  for (const char* name :
       {"open slot: peer gone", "move: target gone", "move: refused", "move: slots lost"}) {
    add(name, /*required=*/false);
  }
  for (size_t kind = 0; kind < kMessageKinds; ++kind) {
    add(absl::StrCat("message: ", Av(MessageKindName(static_cast<MessageKind>(kind)))));
  }
  add("message: hello");
  add("message: goodbye");
  const Checkers checkers;
  for (const Checker* checker : checkers.all()) add("checked: " + checker->rule());
  return known;
}

}  // namespace

const std::vector<Coverage::Branch>& Coverage::Known() {
  static const auto* known = new std::vector<Branch>(MakeKnown());
  return *known;
}

void Coverage::OnEvent(const Event& event) { Count(std::visit(NameOfBranch(), event)); }

void Coverage::OnFrame(const Frame& frame) {
  if (std::holds_alternative<Hello>(frame)) {
    ++hellos_;
  } else if (std::holds_alternative<Goodbye>(frame)) {
    ++goodbyes_;
  } else {
    ++messages_[static_cast<size_t>(KindOf(std::get<Message>(frame)))];
  }
}

std::map<std::string, uint64_t> Coverage::Counts() const {
  std::map<std::string, uint64_t> counts = counts_;
  if (hellos_ > 0) counts["message: hello"] += hellos_;
  if (goodbyes_ > 0) counts["message: goodbye"] += goodbyes_;
  for (size_t kind = 0; kind < kMessageKinds; ++kind) {
    if (messages_[kind] == 0) continue;
    counts[absl::StrCat("message: ", Av(MessageKindName(static_cast<MessageKind>(kind))))] +=
        messages_[kind];
  }
  return counts;
}

void Coverage::Merge(const Coverage& other) {
  for (const auto& [name, count] : other.Counts()) counts_[name] += count;
}

std::vector<std::string> Coverage::Missing() const {
  const std::map<std::string, uint64_t> counts = Counts();
  std::vector<std::string> missing;
  for (const Branch& branch : Known()) {
    if (branch.required && !counts.contains(branch.name)) missing.push_back(branch.name);
  }
  return missing;
}

std::string Coverage::Table() const {
  std::map<std::string, uint64_t> counts = Counts();
  std::string table;
  for (const Branch& branch : Known()) {
    const uint64_t count = counts[branch.name];
    absl::StrAppendFormat(&table, "  %-44s %12d%s\n", branch.name, count,
                          count > 0         ? ""
                          : branch.required ? "  NEVER"
                                            : "  never");
    counts.erase(branch.name);
  }
  for (const auto& [name, count] : counts) {
    absl::StrAppendFormat(&table, "  %-44s %12d\n", name, count);
  }
  return table;
}

}  // namespace clusterkit::sim
