#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "clusterkit/event.h"
#include "model/describe_text.h"

namespace clusterkit {
namespace {

using internal::DurationText;
using internal::Names;
using internal::OneLine;
using internal::SlotsText;

std::string Line(const NodeAdded& event, NameOf name) {
  return absl::StrCat(name(event.id), " added (",
                      event.by == NodeAdded::By::kMeet ? "meet" : "gossip", ", ",
                      Describe(event.bus), ")");
}

std::string Line(const NodeRemoved& event, NameOf name) {
  return absl::StrCat(
      name(event.id), " removed",
      event.told_by ? absl::StrCat(" (by word of ", name(*event.told_by), ")") : "");
}

std::string Line(const ForgottenByPeer& event, NameOf name) {
  return absl::StrCat(name(event.by), " has forgotten us, for ", DurationText(event.remaining));
}

std::string Line(const NodeDetailsChanged& event, NameOf name) {
  const NodeDetails& details = event.details;
  std::string line = absl::StrCat(name(event.id), details.Empty() ? " has no names or tags" : "");
  std::string_view separator = " has ";
  const auto add = [&](std::string_view what, const std::string& text) {
    absl::StrAppend(&line, Av(std::exchange(separator, ", ")), Av(what), " ", text);
  };
  if (!details.name.empty()) add("name", OneLine(details.name));
  if (!details.hostname.empty()) add("hostname", OneLine(details.hostname));
  for (const auto& [key, value] : details.metadata) add(OneLine(key), OneLine(value));
  const bool command = event.cause == NodeDetailsChanged::Cause::kCommand;
  return absl::StrCat(line, command ? " (command)" : " (its own word)");
}

std::string_view CauseText(AddressChanged::Cause cause) {
  switch (cause) {
    case AddressChanged::Cause::kSaidSo:
      return "its own word";
    case AddressChanged::Cause::kGossip:
      return "gossip";
    case AddressChanged::Cause::kLearned:
      return "learned";
    case AddressChanged::Cause::kCommand:
      return "command";
    case AddressChanged::Cause::kFound:
      return "found there";
  }
  return "unknown";
}

std::string Line(const AddressChanged& event, NameOf name) {
  return absl::StrCat(name(event.id), " is at ", Describe(event.client), ", bus ",
                      Describe(event.bus), " (", Av(CauseText(event.cause)), ")");
}

std::string CauseText(const HealthChanged& event, NameOf name) {
  switch (event.cause) {
    case HealthChanged::Cause::kSilence:
      return "silence";
    case HealthChanged::Cause::kCrashEvidence:
      return "crash evidence";
    case HealthChanged::Cause::kReports:
      return absl::StrCat("reports ", event.reporters.size(), " of ", event.needed, ": ",
                          Names(event.reporters, name, " "));
    case HealthChanged::Cause::kNotice:
      return absl::StrCat("notice: ", Names(event.reporters, name, " "));
    case HealthChanged::Cause::kAnswered:
      return "answers";
  }
  return "unknown";
}

std::string Line(const HealthChanged& event, NameOf name) {
  return absl::StrCat(name(event.id), " ", Av(Describe(event.to)), " (", CauseText(event, name),
                      ")");
}

std::string Line(const SuspicionHeard& event, NameOf name) {
  return absl::StrCat(name(event.reporter), event.suspected ? " suspects " : " no longer suspects ",
                      name(event.subject));
}

std::string_view CauseText(RoleChanged::Cause cause) {
  switch (cause) {
    case RoleChanged::Cause::kElected:
      return "elected";
    case RoleChanged::Cause::kReplaced:
      return "replaced";
    case RoleChanged::Cause::kOrphan:
      return "orphan";
    case RoleChanged::Cause::kPrimaryReplaced:
      return "primary replaced";
    case RoleChanged::Cause::kCommand:
      return "command";
  }
  return "unknown";
}

std::string Line(const RoleChanged& event, NameOf name) {
  std::string line = absl::StrCat(name(event.id), " is ", Av(Describe(event.to)));
  if (event.primary) absl::StrAppend(&line, " of ", name(*event.primary));
  absl::StrAppend(&line, " (", Av(CauseText(event.cause)));
  if (event.to == Role::kPrimary) {
    absl::StrAppend(&line, ", config epoch ", event.config_epoch.value);
  }
  if (event.shard_changed) line += ", shard changed";
  return line + ")";
}

// One entry for each pair of owners, in the order of their lowest slots.
std::string Line(const SlotsRebound& event, NameOf name) {
  using Move = std::pair<std::optional<NodeId>, NodeId>;
  std::vector<std::pair<Move, SlotSet>> moves;
  std::map<Move, size_t> index_of;
  for (const SlotRebind& change : event.changes) {
    const Move move(change.from, change.to);
    const auto [at, added] = index_of.emplace(move, moves.size());
    if (added) moves.emplace_back(move, SlotSet());
    moves[at->second].second.Add(change.slot);
  }
  std::string line;
  for (const auto& [move, slots] : moves) {
    const auto& [from, to] = move;
    absl::StrAppend(&line, line.empty() ? "slots " : ", ", Describe(slots), " ",
                    from ? name(*from) : "unbound", " -> ", name(to));
  }
  return line.empty() ? "slots unchanged" : line;
}

std::string Line(const ClusterStateChanged& event, NameOf) {
  std::string line = absl::StrCat("cluster state ", Av(Describe(event.to)));
  if (event.reason != DownReason::kNone) {
    absl::StrAppend(&line, " (", Av(Describe(event.reason)), ")");
  }
  return line;
}

std::string_view CauseText(ConfigEpochChanged::Cause cause) {
  switch (cause) {
    case ConfigEpochChanged::Cause::kElection:
      return "election";
    case ConfigEpochChanged::Cause::kCollision:
      return "collision";
    case ConfigEpochChanged::Cause::kImport:
      return "import";
    case ConfigEpochChanged::Cause::kCommand:
      return "command";
  }
  return "unknown";
}

std::string Line(const ConfigEpochChanged& event, NameOf name) {
  return absl::StrCat("config epoch ", event.from.value, " -> ", event.to.value, " (",
                      Av(CauseText(event.cause)),
                      event.other ? absl::StrCat(" with ", name(*event.other)) : "", ")");
}

std::string Line(const VotingChanged& event, NameOf name) {
  return absl::StrCat(name(event.id), ": ", Av(Describe(event.to)));
}

std::string Line(const ElectionNotEligible& event, NameOf) {
  if (event.reason == Ineligible::kNone) return "may stand";
  return absl::StrCat("may not stand: ", Av(Describe(event.reason)));
}

std::string Line(const ElectionScheduled& event, NameOf) {
  return absl::StrCat("election scheduled in ", DurationText(event.delay), ", rank ", event.rank,
                      ", progress ", Describe(event.progress));
}

std::string Line(const ElectionStarted& event, NameOf) {
  const bool failed = event.cause == ElectionStarted::Cause::kPrimaryFailed;
  return absl::StrCat("election epoch ", event.epoch.value, " started, needs ", event.needed,
                      failed ? "" : absl::StrCat(" (", Av(Describe(event.cause)), ")"));
}

std::string Line(const ElectionEnded& event, NameOf) {
  std::string_view how = "ended";
  std::string_view why;
  switch (event.how) {
    case ElectionEnded::How::kWon:
      how = "won";
      break;
    case ElectionEnded::How::kTimeout:
      how = "lost";
      why = ": timeout";
      break;
    case ElectionEnded::How::kRefused:
      how = "lost";
      why = ": refused";
      break;
    case ElectionEnded::How::kPrimaryBack:
      how = "given up";
      why = ": primary is back";
      break;
    case ElectionEnded::How::kOvertaken:
      how = "given up";
      why = ": overtaken";
      break;
  }
  return absl::StrCat("election epoch ", event.epoch.value, " ", Av(how), " with ", event.votes,
                      " of ", event.needed, Av(why));
}

std::string Line(const VoteDenied& event, NameOf name) {
  return absl::StrCat(name(event.voter), " refused our epoch ", event.epoch.value, ": ",
                      Av(Describe(event.reason)));
}

std::string Line(const VoteCast& event, NameOf name) {
  if (event.reason == VoteRefusal::kNone) {
    return absl::StrCat("voted for ", name(event.candidate), ", epoch ", event.epoch.value);
  }
  return absl::StrCat("refused ", name(event.candidate), ", epoch ", event.epoch.value, ": ",
                      Av(Describe(event.reason)));
}

std::string Line(const PeerRefused& event, NameOf) {
  std::string line = absl::StrCat("peer ", OneLine(event.peer), " refused (",
                                  Av(internal::GoodbyeText(event.reason)), ")");
  if (!event.text.empty()) absl::StrAppend(&line, ": ", OneLine(event.text));
  return line;
}

std::string Line(const MeetFailed& event, NameOf) {
  return absl::StrCat("MEET ", Describe(event.bus), " got no answer");
}

std::string Line(const HostStalled& event, NameOf) {
  return event.stalled ? "host stalled" : "host is back";
}

std::string Line(const DataGuardChanged& event, NameOf name) {
  if (!event.active) return "data guard ended";
  std::string line = "data missing, not serving";
  if (event.successor) absl::StrAppend(&line, ", asked ", name(*event.successor), " to stand");
  return line;
}

std::string_view CauseText(SlotMigrationChanged::Cause cause) {
  switch (cause) {
    case SlotMigrationChanged::Cause::kCommand:
      return "command";
    case SlotMigrationChanged::Cause::kMove:
      return "move";
    case SlotMigrationChanged::Cause::kPromoted:
      return "promoted";
    case SlotMigrationChanged::Cause::kReplaced:
      return "replaced";
    case SlotMigrationChanged::Cause::kOwnerMoved:
      return "owner changed";
    case SlotMigrationChanged::Cause::kPeerGone:
      return "peer gone";
    case SlotMigrationChanged::Cause::kDemoted:
      return "demoted";
  }
  return "unknown";
}

std::string Line(const SlotMigrationChanged& event, NameOf name) {
  std::string line = absl::StrCat("slots ", SlotsText(event.slots, ","));
  if (!event.mark) {
    absl::StrAppend(&line, " stable");
  } else {
    const bool importing = event.mark->direction == SlotMigration::kImporting;
    absl::StrAppend(&line, importing ? " importing from " : " exporting to ",
                    name(event.mark->peer));
  }
  return absl::StrCat(line, " (", Av(CauseText(event.cause)), ")");
}

std::string Line(const SlotTransferDue& event, NameOf name) {
  return absl::StrCat("keys of slots ", SlotsText(event.slots, ","), " are to go to ",
                      name(event.target));
}

std::string Line(const SlotMoveProgress& event, NameOf name) {
  return absl::StrCat(event.moved, " slots moved to ", name(event.target), ", ", event.left,
                      " left");
}

std::string Line(const SlotMoveEnded& event, NameOf name) {
  std::string line = absl::StrCat("move to ", name(event.target), " ");
  switch (event.how) {
    case SlotMoveEnded::How::kDone:
      return line + "done";
    case SlotMoveEnded::How::kCancelled:
      return line + "cancelled";
    case SlotMoveEnded::How::kTargetGone:
      return line + "ended: target gone";
    case SlotMoveEnded::How::kLost:
      return line + "ended: slots lost";
    case SlotMoveEnded::How::kRefused:
      return absl::StrCat(line, "refused: ", OneLine(event.text));
  }
  return line;
}

std::string Line(const WritePauseChanged& event, NameOf name) {
  if (event.number == 0) return "writes may go on";
  return absl::StrCat("writes are to pause for ",
                      event.successor ? name(*event.successor) : std::string("a successor"),
                      ", at most ", DurationText(event.at_most));
}

std::string Line(const FailoverProgress& event, NameOf) {
  switch (event.step) {
    case FailoverProgress::Step::kStarted:
      return "failover started";
    case FailoverProgress::Step::kPaused:
      return absl::StrCat("failover: primary paused at ",
                          event.target ? Describe(*event.target) : std::string("?"));
    case FailoverProgress::Step::kCaughtUp:
      return "failover: caught up";
    case FailoverProgress::Step::kTimedOut:
      return "failover timed out";
  }
  return "failover";
}

std::string Line(const Departed& event, NameOf) {
  std::string_view kind = "handed over";
  if (event.kind == Departure::kStop) kind = "stopped";
  if (event.kind == Departure::kLeave) kind = "left";
  return absl::StrCat(Av(kind),
                      event.status.ok() ? "" : ": " + OneLine(Sv(event.status.ToString())));
}

std::string Line(const Halted& event, NameOf) {
  return absl::StrCat("halted: ", OneLine(Sv(event.cause.ToString())));
}

}  // namespace

std::string_view Describe(ElectionStarted::Cause cause) {
  switch (cause) {
    case ElectionStarted::Cause::kPrimaryFailed:
      return "primary failed";
    case ElectionStarted::Cause::kDataLost:
      return "data lost";
    case ElectionStarted::Cause::kCommand:
      return "command";
  }
  return "unknown";
}

std::string Describe(const Event& event, NameOf name) {
  return std::visit([name](const auto& value) { return Line(value, name); }, event);
}

}  // namespace clusterkit
