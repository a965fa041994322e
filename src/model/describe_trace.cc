#include <string>
#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "clusterkit/trace.h"
#include "model/describe_text.h"

namespace clusterkit {
namespace {

using internal::DurationText;
using internal::Names;

std::string NodeText(const std::optional<NodeId>& id, NameOf name) {
  return id ? name(*id) : std::string("?");
}

std::string Line(const FrameHeard& detail, NameOf name) {
  return absl::StrCat("heard ", NodeText(detail.from, name), ": ", Describe(*detail.frame, name));
}

std::string Line(const FrameRefused& detail, NameOf name) {
  return absl::StrCat("ignores frame of ", NodeText(detail.from, name), ": ",
                      Av(Describe(detail.reason)));
}

std::string Line(const FrameSaid& detail, NameOf name) {
  return absl::StrCat("says ", Av(MessageKindName(detail.kind)), " to ", NodeText(detail.to, name),
                      detail.after_save ? " once saved" : "");
}

std::string Line(const HealthJudged& detail, NameOf name) {
  std::string line = absl::StrCat("judges ", name(detail.subject), ": ", Av(Describe(detail.from)));
  if (detail.to != detail.from) absl::StrAppend(&line, " -> ", Av(Describe(detail.to)));
  absl::StrAppend(&line, "; silent ", DurationText(detail.silence));
  if (detail.ping_age) absl::StrAppend(&line, ", ping out ", DurationText(*detail.ping_age));
  if (detail.process_gone) line += ", process gone";
  absl::StrAppend(&line, ", reports ", detail.reporters.size(), " of ", detail.needed);
  if (!detail.reporters.empty()) {
    absl::StrAppend(&line, " (", Names(detail.reporters, name, " "), ")");
  }
  if (detail.vote_open) line += ", vote open";
  return line;
}

std::string Line(const VoteJudged& detail, NameOf name) {
  const bool granted = detail.result == VoteRefusal::kNone;
  std::string line = absl::StrCat(
      "judges request of ", name(detail.candidate), ", epoch ", detail.request.epoch.value, ": ",
      granted ? "granted" : Av(Describe(detail.result)), "; for ", name(detail.request.primary));
  absl::StrAppend(&line, " (", detail.primary ? Av(Describe(*detail.primary)) : "unknown",
                  detail.primary_answers ? ", answers" : "", ")");
  absl::StrAppend(&line, ", progress ", Describe(detail.progress), ", last voted ",
                  detail.last_voted.value, detail.confirmed ? "" : ", not confirmed");
  if (detail.retry_after > absl::ZeroDuration()) {
    absl::StrAppend(&line, ", retry after ", DurationText(detail.retry_after));
  }
  return line;
}

std::string Line(const ElectionJudged& detail, NameOf name) {
  std::string line =
      absl::StrCat("election for ", name(detail.primary), " (", Av(Describe(detail.health)), "): ");
  for (size_t i = 0; i < detail.steps.size(); ++i) {
    absl::StrAppend(&line, i == 0 ? "" : ", ", detail.steps[i]);
  }
  if (detail.steps.empty()) line += "waits";
  return absl::StrCat(line, "; progress ", Describe(detail.progress),
                      detail.link_up ? ", link up" : "", ", current epoch ",
                      detail.current_epoch.value);
}

std::string Line(const ClaimJudged& detail, NameOf name) {
  return absl::StrCat("claim of ", name(detail.owner), ", epoch ", detail.epoch.value, ": ",
                      detail.claimed, " slots, held ", detail.held, ", ", detail.changes.size(),
                      " change");
}

std::string Line(const CollisionJudged& detail, NameOf name) {
  return absl::StrCat("epoch ", detail.epoch.value, " is that of ", name(detail.other), ", too",
                      detail.same_shard ? ", of our shard" : "", ": ",
                      detail.we_move_on ? "we move on" : "it moves on");
}

std::string Line(const ServingJudged& detail, NameOf) {
  std::string line = absl::StrCat("serving: ", Av(Describe(detail.state)));
  if (detail.reason != DownReason::kNone) {
    absl::StrAppend(&line, " (", Av(Describe(detail.reason)), ")");
  }
  absl::StrAppend(&line, detail.confirmed ? ", confirmed" : ", not confirmed");
  if (detail.lease_left) absl::StrAppend(&line, ", lease ", DurationText(*detail.lease_left));
  return line;
}

}  // namespace

std::string Describe(const TraceRecord& record, NameOf name) {
  return std::visit([name](const auto& detail) { return Line(detail, name); }, record.detail);
}

std::string_view Describe(FrameRefusal refusal) {
  switch (refusal) {
    case FrameRefusal::kFraming:
      return "framing";
    case FrameRefusal::kMalformed:
      return "malformed";
    case FrameRefusal::kUnknownKind:
      return "unknown kind";
    case FrameRefusal::kOverLimit:
      return "over a limit";
    case FrameRefusal::kUnknownLink:
      return "unknown link";
    case FrameRefusal::kNoHello:
      return "no hello";
    case FrameRefusal::kWrongSender:
      return "wrong sender";
    case FrameRefusal::kImplausibleEpoch:
      return "implausible epoch";
    case FrameRefusal::kStranger:
      return "stranger";
    case FrameRefusal::kTooManyNodes:
      return "too many nodes";
    case FrameRefusal::kInjected:
      return "injected";
  }
  return "unknown";
}

std::string_view Describe(FrameDrop drop) {
  switch (drop) {
    case FrameDrop::kNoLink:
      return "no link";
    case FrameDrop::kOutdated:
      return "outdated";
    case FrameDrop::kHalted:
      return "halted";
  }
  return "unknown";
}

}  // namespace clusterkit
