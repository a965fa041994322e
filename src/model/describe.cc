#include "clusterkit/describe.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/strings.h"
#include "model/describe_text.h"

namespace clusterkit {

namespace internal {

std::string Names(const std::vector<NodeId>& ids, NameOf name, std::string_view separator) {
  std::string text;
  for (const NodeId& id : ids) absl::StrAppend(&text, text.empty() ? "" : Av(separator), name(id));
  return text;
}

std::string SlotsText(const SlotSet& slots, std::string_view separator) {
  std::string text;
  for (const SlotRange& range : slots.Ranges()) {
    absl::StrAppend(&text, text.empty() ? "" : Av(separator), range.first.value);
    if (range.last != range.first) absl::StrAppend(&text, "-", range.last.value);
  }
  return text.empty() ? "none" : text;
}

std::string DurationText(absl::Duration duration) {
  return duration == absl::ZeroDuration() ? "0ms" : absl::FormatDuration(duration);
}

std::string OneLine(std::string_view text) {
  constexpr size_t kMaxBytes = 200;
  std::string line = absl::CHexEscape(Av(text.substr(0, kMaxBytes)));
  if (text.size() > kMaxBytes) line += "...";
  return line;
}

std::string_view GoodbyeText(Goodbye::Reason reason) {
  switch (reason) {
    case Goodbye::Reason::kClusterName:
      return "other cluster";
    case Goodbye::Reason::kVersion:
      return "no common version";
    case Goodbye::Reason::kLimit:
      return "over a limit";
    case Goodbye::Reason::kProtocol:
      return "protocol error";
    case Goodbye::Reason::kLeaving:
      return "leaving";
  }
  return "unknown";
}

}  // namespace internal

namespace {

using internal::DurationText;
using internal::Names;
using internal::OneLine;
using internal::SlotsText;

std::string_view ClaimText(const Header& header) {
  if (header.claim) return "full";
  return header.claim_digest != 0 ? "digest" : "none";
}

// What of a body is worth a line, each piece with a leading blank. Shard ids and digests are left
// out: to a reader they are noise, and the sender of a message is known where it is traced.

std::string BodyText(const Header&, const Heartbeat& body, NameOf name) {
  std::vector<NodeId> forgotten;
  for (const ForgottenNode& node : body.forgotten) forgotten.push_back(node.id);
  return absl::StrCat(" gossip=", body.gossip.size(), body.withholds_lease ? " no-lease" : "",
                      forgotten.empty() ? "" : " forgotten=", Names(forgotten, name, ","));
}

std::string BodyText(const Header&, const SuspicionReport& body, NameOf name) {
  std::vector<NodeId> suspected;
  std::vector<NodeId> cleared;
  for (const SuspicionReport::Item& item : body.items) {
    (item.suspected ? suspected : cleared).push_back(item.subject);
  }
  std::string text;
  if (!suspected.empty()) absl::StrAppend(&text, " suspects=", Names(suspected, name, ","));
  if (!cleared.empty()) absl::StrAppend(&text, " cleared=", Names(cleared, name, ","));
  return text;
}

std::string BodyText(const Header&, const FailNotice& body, NameOf name) {
  return absl::StrCat(" subject=", name(body.subject),
                      " reporters=", Names(body.reporters, name, ","));
}

std::string BodyText(const Header& header, const ProgressReport& body, NameOf name) {
  return absl::StrCat(" primary=", name(body.primary), " progress=", Describe(header.progress),
                      body.final ? " final" : "");
}

std::string BodyText(const Header& header, const FailoverAuthRequest& body, NameOf name) {
  return absl::StrCat(" election=", body.epoch.value, " primary=", name(body.primary),
                      " claim-epoch=", body.claim_epoch.value,
                      " slots=", SlotsText(body.slots, ","), " round=", DurationText(body.round),
                      " progress=", Describe(header.progress),
                      body.primary_consents ? " consent" : "");
}

std::string BodyText(const Header&, const FailoverAuthAck& body, NameOf) {
  return absl::StrCat(" election=", body.epoch.value);
}

std::string BodyText(const Header&, const FailoverAuthRefusal& body, NameOf) {
  std::string text =
      absl::StrCat(" election=", body.epoch.value, " (", Av(Describe(body.reason)), ")");
  if (body.retry_after != absl::ZeroDuration()) {
    absl::StrAppend(&text, " retry-after=", DurationText(body.retry_after));
  }
  return text;
}

std::string BodyText(const Header&, const FailoverAuthWithdraw& body, NameOf) {
  return absl::StrCat(" election=", body.epoch.value);
}

std::string BodyText(const Header&, const SlotUpdate& body, NameOf name) {
  return absl::StrCat(" owner=", name(body.owner), " owner-epoch=", body.config_epoch.value,
                      " slots=", SlotsText(body.slots, ","));
}

std::string BodyText(const Header&, const StandRequest& body, NameOf) {
  return body.catch_up ? " catch-up" : "";
}

std::string BodyText(const Header&, const PauseRequest&, NameOf) { return ""; }

std::string_view StepText(SlotMoveStep::Step step) {
  switch (step) {
    case SlotMoveStep::Step::kOpen:
      return "open";
    case SlotMoveStep::Step::kTake:
      return "take";
    case SlotMoveStep::Step::kDrop:
      return "drop";
  }
  return "unknown";
}

std::string BodyText(const Header&, const SlotMoveStep& body, NameOf) {
  return absl::StrCat(" ", Av(StepText(body.step)), " slots=", SlotsText(body.slots, ","));
}

std::string BodyText(const Header&, const SlotMoveAnswer& body, NameOf) {
  std::string text =
      absl::StrCat(" ", Av(StepText(body.step)), " slots=", SlotsText(body.slots, ","));
  if (!body.refusal.empty()) absl::StrAppend(&text, " refusal=\"", OneLine(body.refusal), "\"");
  return text;
}

std::string FrameText(const Hello& hello, NameOf name) {
  return absl::StrCat("HELLO from ", name(hello.sender), " cluster=\"", OneLine(hello.cluster_name),
                      "\" version=", hello.min_version, "-", hello.max_version,
                      " features=", absl::Hex(hello.features));
}

std::string FrameText(const Goodbye& goodbye, NameOf) {
  std::string line = absl::StrCat("GOODBYE (", Av(internal::GoodbyeText(goodbye.reason)), ")");
  if (!goodbye.text.empty()) absl::StrAppend(&line, " ", OneLine(goodbye.text));
  return line;
}

std::string FrameText(const Message& message, NameOf name) {
  const Header& header = message.header;
  std::string line =
      absl::StrCat(absl::AsciiStrToUpper(Av(MessageKindName(KindOf(message)))),
                   " epoch=", header.current_epoch.value, " config=", header.config_epoch.value);
  if (header.role == Role::kReplica) {
    absl::StrAppend(&line, " replica-of=", header.primary ? name(*header.primary) : "unknown");
  } else {
    absl::StrAppend(&line, " claim=", Av(ClaimText(header)));
  }
  if (header.no_failover) line += " no-failover";
  if (header.data_missing) line += " data-missing";
  return line +
         std::visit([&](const auto& body) { return BodyText(header, body, name); }, message.body);
}

std::string_view WhyText(ClusterDown::Why why) {
  switch (why) {
    case ClusterDown::Why::kSlotUnbound:
      return "unbound";
    case ClusterDown::Why::kState:
      return "state fail";
    case ClusterDown::Why::kWritesRefused:
      return "state fail, reads only";
    case ClusterDown::Why::kLeaseLapsed:
      return "lease lapsed";
    case ClusterDown::Why::kDataMissing:
      return "data missing";
  }
  return "unknown";
}

std::string RouteText(const Serve&) { return "serve"; }

std::string RouteText(const Moved& moved) {
  return absl::StrCat("moved slot ", moved.slot.value, " to ", Describe(moved.to));
}

std::string RouteText(const Ask& ask) {
  return absl::StrCat("ask ", ask.slot.value, " at ", Describe(ask.to));
}
std::string RouteText(const TryAgain& again) {
  return absl::StrCat("try again: slot ", again.slot.value, " is on its way");
}
std::string RouteText(const CrossSlot&) { return "cross slot"; }

std::string RouteText(const ClusterDown& down) {
  return absl::StrCat("cluster down, slot ", down.slot.value, " (", Av(WhyText(down.why)), ")");
}

}  // namespace

std::string ShortName(const NodeId& id) { return id.ToHex().substr(0, 8); }

std::string_view Describe(Role role) { return role == Role::kPrimary ? "primary" : "replica"; }

std::string_view Describe(Voting voting) {
  switch (voting) {
    case Voting::kWithSlots:
      return "votes with slots";
    case Voting::kAlways:
      return "votes always";
    case Voting::kWitness:
      return "witness";
  }
  return "unknown";
}

std::string_view Describe(Health health) {
  switch (health) {
    case Health::kOnline:
      return "online";
    case Health::kPfail:
      return "PFAIL";
    case Health::kFail:
      return "FAIL";
  }
  return "unknown";
}

std::string_view Describe(ClusterState state) { return state == ClusterState::kOk ? "ok" : "fail"; }

std::string_view Describe(DownReason reason) {
  switch (reason) {
    case DownReason::kNone:
      return "none";
    case DownReason::kStarting:
      return "starting";
    case DownReason::kSlotUncovered:
      return "slot uncovered";
    case DownReason::kMinority:
      return "minority";
  }
  return "unknown";
}

std::string_view Describe(VoteRefusal refusal) {
  switch (refusal) {
    case VoteRefusal::kNone:
      return "granted";
    case VoteRefusal::kNotVoter:
      return "not a voter";
    case VoteRefusal::kAbstaining:
      return "abstaining";
    case VoteRefusal::kUnknownCandidate:
      return "unknown candidate";
    case VoteRefusal::kPrimaryNotFailed:
      return "primary not failed";
    case VoteRefusal::kPrimaryAnswers:
      return "primary answers";
    case VoteRefusal::kOldEpoch:
      return "old epoch";
    case VoteRefusal::kStaleClaim:
      return "stale claim";
    case VoteRefusal::kRoundOpen:
      return "round open";
    case VoteRefusal::kNeverSynced:
      return "never synced";
    case VoteRefusal::kFresherSibling:
      return "fresher sibling";
    case VoteRefusal::kNotConfirmed:
      return "not confirmed";
    case VoteRefusal::kRoundTooLong:
      return "round too long";
  }
  return "unknown";
}

std::string_view Describe(LinkDownCause cause) {
  switch (cause) {
    case LinkDownCause::kRefused:
      return "refused";
    case LinkDownCause::kReset:
      return "reset";
    case LinkDownCause::kTimeout:
      return "timeout";
    case LinkDownCause::kOverflow:
      return "overflow";
    case LinkDownCause::kLocal:
      return "local";
  }
  return "unknown";
}

std::string_view Describe(Ineligible reason) {
  switch (reason) {
    case Ineligible::kNone:
      return "none";
    case Ineligible::kNoFailover:
      return "no-failover is set";
    case Ineligible::kNeverSynced:
      return "never synced";
    case Ineligible::kDataTooOld:
      return "data too old";
    case Ineligible::kPrimaryHasNoSlots:
      return "primary has no slots";
  }
  return "unknown";
}

std::string Describe(const Endpoint& endpoint) {
  return absl::StrCat(endpoint.host, ":", endpoint.port);
}

std::string Describe(const Progress& progress) {
  if (!progress.synced) return "unsynced";
  return absl::StrCat(progress.history.value, "/", progress.offset);
}

std::string Describe(const SlotSet& slots) { return SlotsText(slots, " "); }

std::string Describe(const Frame& frame, NameOf name) {
  return std::visit([name](const auto& value) { return FrameText(value, name); }, frame);
}

std::string Describe(const RouteDecision& decision) {
  return std::visit([](const auto& value) { return RouteText(value); }, decision);
}

}  // namespace clusterkit
