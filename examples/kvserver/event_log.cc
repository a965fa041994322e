#include "kvserver/event_log.h"

#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "clusterkit/describe.h"

namespace kv {
namespace {

using clusterkit::Event;
using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::Role;

using clusterkit::NameOf;

std::string Hex(const NodeId& id) { return id.ToHex(); }

// Whose log it is, and what operators call the nodes.
struct Teller {
  const NodeId& self;
  NameOf name_of;

  std::string Node(const NodeId& id) const {
    return absl::StrCat(id.ToHex(), " (", name_of(id), ")");
  }
};

std::string Ids(const std::vector<NodeId>& ids) {
  return absl::StrJoin(ids, ",", [](std::string* out, const NodeId& id) { *out += id.ToHex(); });
}

std::string Text(std::string_view text) { return std::string(text); }

LogLine Plain(const Event& event, LogLevel level = LogLevel::kNotice) {
  return {level, clusterkit::Describe(event, Hex)};
}

LogLine Line(const clusterkit::HealthChanged& event, const Teller& teller) {
  if (event.to == Health::kPfail) {
    return {LogLevel::kNotice,
            absl::StrCat("Node ", teller.Node(event.id), " is possibly failing (",
                         event.cause == clusterkit::HealthChanged::Cause::kCrashEvidence
                             ? "it refuses connections"
                             : "no answer in time",
                         ").")};
  }
  if (event.to == Health::kFail) {
    if (event.cause == clusterkit::HealthChanged::Cause::kNotice) {
      return {LogLevel::kNotice, absl::StrCat("FAIL message received from ", Ids(event.reporters),
                                              " () about ", teller.Node(event.id))};
    }
    return {LogLevel::kNotice,
            absl::StrCat("Marking node ", teller.Node(event.id), " as failing (quorum reached).")};
  }
  if (event.from == Health::kFail) {
    return {LogLevel::kNotice, absl::StrCat("Clear FAIL state for node ", teller.Node(event.id),
                                            ": it is reachable again.")};
  }
  return {LogLevel::kNotice, absl::StrCat("Node ", teller.Node(event.id), " is reachable again.")};
}

LogLine Line(const clusterkit::SuspicionHeard& event, const Teller& teller) {
  return {LogLevel::kVerbose,
          absl::StrCat("Node ", teller.Node(event.reporter),
                       event.suspected ? " reported node " : " reported back online node ",
                       teller.Node(event.subject), event.suspected ? " as not reachable." : ".")};
}

LogLine Line(const clusterkit::RoleChanged& event, const Teller& teller) {
  if (event.id != teller.self) return Plain(event, LogLevel::kVerbose);
  if (event.to == Role::kReplica && event.primary.has_value()) {
    return {LogLevel::kNotice,
            absl::StrCat("Configuration change detected. Reconfiguring myself as a replica of ",
                         teller.Node(*event.primary))};
  }
  if (event.cause == clusterkit::RoleChanged::Cause::kElected) {
    return {LogLevel::kNotice, absl::StrCat("configEpoch set to ", event.config_epoch.value,
                                            " after successful failover")};
  }
  return Plain(event);
}

LogLine Line(const clusterkit::ClusterStateChanged& event, const Teller&) {
  const bool ok = event.to == clusterkit::ClusterState::kOk;
  std::string text = absl::StrCat("Cluster state changed: ", ok ? "ok" : "fail");
  if (!ok) absl::StrAppend(&text, " (", Text(clusterkit::Describe(event.reason)), ")");
  return {LogLevel::kNotice, std::move(text)};
}

LogLine Line(const clusterkit::ElectionScheduled& event, const Teller&) {
  return {
      LogLevel::kNotice,
      absl::StrCat("Start of election delayed for ", absl::ToInt64Milliseconds(event.delay),
                   " milliseconds (rank #", event.rank, ", offset ", event.progress.offset, ").")};
}

LogLine Line(const clusterkit::ElectionStarted& event, const Teller&) {
  return {LogLevel::kNotice,
          absl::StrCat("Starting a failover election for epoch ", event.epoch.value, ".")};
}

LogLine Line(const clusterkit::ElectionEnded& event, const Teller&) {
  if (event.how == clusterkit::ElectionEnded::How::kWon) {
    return {LogLevel::kNotice, "Failover election won: I'm the new master."};
  }
  return Plain(event);
}

LogLine Line(const clusterkit::ElectionNotEligible& event, const Teller&) {
  if (event.reason == clusterkit::Ineligible::kNone) return Plain(event);
  return {LogLevel::kNotice,
          absl::StrCat("Currently unable to failover: ", Text(clusterkit::Describe(event.reason)))};
}

LogLine Line(const clusterkit::VoteCast& event, const Teller& teller) {
  const bool granted = event.reason == clusterkit::VoteRefusal::kNone;
  std::string text = absl::StrCat("Failover auth ", granted ? "granted" : "denied", " to ",
                                  teller.Node(event.candidate), " for epoch ", event.epoch.value);
  if (!granted) absl::StrAppend(&text, ": ", Text(clusterkit::Describe(event.reason)));
  return {LogLevel::kNotice, std::move(text)};
}

LogLine Line(const clusterkit::PeerRefused& event, const Teller&) {
  return Plain(event, LogLevel::kWarning);
}

LogLine Line(const clusterkit::HostStalled& event, const Teller&) {
  return Plain(event, LogLevel::kWarning);
}

LogLine Line(const clusterkit::DataGuardChanged& event, const Teller&) {
  return Plain(event, LogLevel::kWarning);
}

LogLine Line(const clusterkit::Halted& event, const Teller&) {
  return {LogLevel::kWarning,
          absl::StrCat("Fatal: can't update cluster config file: ", event.cause.ToString())};
}

template <typename Other>
LogLine Line(const Other& event, const Teller&) {
  return Plain(event);
}

}  // namespace

LogLine LineFor(const Event& event, const NodeId& self, NameOf name_of) {
  const Teller teller{self, name_of};
  return std::visit([&teller](const auto& value) { return Line(value, teller); }, event);
}

}  // namespace kv
