#include "kvserver/event_log.h"

#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "clusterkit/describe.h"

namespace kv {
namespace {

using clusterkit::ClusterView;
using clusterkit::Event;
using clusterkit::Health;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;

std::string Hex(const NodeId& id) { return id.ToHex(); }

// Who tells it.
struct Teller {
  const ClusterView& view;

  bool IsSelf(const NodeId& id) const { return id == view.self().id; }
  // With what operators call it.
  std::string Node(const NodeId& id) const {
    const NodeView* node = view.Find(id);
    return absl::StrCat(id.ToHex(), " (", node == nullptr ? "" : node->details.name, ")");
  }
  std::string Nodes(const std::vector<NodeId>& ids) const {
    return absl::StrJoin(ids, ", ",
                         [this](std::string* out, const NodeId& id) { *out += Node(id); });
  }
};

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
      return {LogLevel::kNotice,
              absl::StrCat("FAIL message received from ", teller.Nodes(event.reporters), " about ",
                           teller.Node(event.id))};
    }
    return {LogLevel::kNotice,
            absl::StrCat("Marking node ", teller.Node(event.id), " as failing (quorum reached).")};
  }
  if (event.from == Health::kFail) {
    const NodeView* node = teller.view.Find(event.id);
    const bool owner = node != nullptr && node->role == Role::kPrimary && node->slot_count > 0;
    const bool replica = node != nullptr && node->role == Role::kReplica;
    return {LogLevel::kNotice,
            absl::StrCat("Clear FAIL state for node ", teller.Node(event.id), ": ",
                         owner     ? "is reachable again and nobody is serving its slots."
                         : replica ? "replica is reachable again."
                                   : "master without slots is reachable again.")};
  }
  return {LogLevel::kNotice, absl::StrCat("Node ", teller.Node(event.id), " is reachable again.")};
}

LogLine Line(const clusterkit::SuspicionHeard& event, const Teller& teller) {
  return {LogLevel::kVerbose,
          absl::StrCat("Node ", teller.Node(event.reporter), " reported node ",
                       teller.Node(event.subject),
                       event.suspected ? " as not reachable." : " is back online.")};
}

LogLine Line(const clusterkit::RoleChanged& event, const Teller& teller) {
  if (!teller.IsSelf(event.id)) return Plain(event, LogLevel::kVerbose);
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
  LogLine line = Plain(event);
  if (event.how == clusterkit::ElectionEnded::How::kTimeout) {
    line.text =
        absl::StrCat("Currently unable to failover: Failover attempt expired. (", line.text, ")");
  }
  return line;
}

LogLine Line(const clusterkit::ElectionNotEligible& event, const Teller&) {
  if (event.reason == clusterkit::Ineligible::kNone) return Plain(event);
  return {LogLevel::kNotice,
          absl::StrCat("Currently unable to failover: ",
                       event.reason == clusterkit::Ineligible::kDataTooOld
                           ? "Disconnected from master for longer than allowed. Please check the "
                             "'cluster-replica-validity-factor' configuration option."
                           : Text(clusterkit::Describe(event.reason)))};
}

LogLine Line(const clusterkit::VoteCast& event, const Teller& teller) {
  const bool granted = event.reason == clusterkit::VoteRefusal::kNone;
  std::string text = absl::StrCat("Failover auth ", granted ? "granted" : "denied", " to ",
                                  teller.Node(event.candidate), " for epoch ", event.epoch.value);
  if (!granted) absl::StrAppend(&text, ": ", Text(clusterkit::Describe(event.reason)));
  return {LogLevel::kNotice, std::move(text)};
}

LogLine Line(const clusterkit::AddressChanged& event, const Teller& teller) {
  if (teller.IsSelf(event.id)) {
    return {LogLevel::kNotice,
            absl::StrCat("IP address for this node updated to ", event.client.host)};
  }
  return {LogLevel::kNotice, absl::StrCat("Address updated for node ", teller.Node(event.id),
                                          ", now ", clusterkit::Describe(event.client))};
}

LogLine Line(const clusterkit::FailoverProgress& event, const Teller&) {
  using Step = clusterkit::FailoverProgress::Step;
  switch (event.step) {
    case Step::kStarted:
      return {LogLevel::kNotice, "Manual failover user request accepted."};
    case Step::kPaused:
      return {LogLevel::kNotice,
              absl::StrCat("Received replication offset for paused master manual failover: ",
                           event.target.has_value() ? event.target->offset : 0)};
    case Step::kCaughtUp:
      return {LogLevel::kNotice,
              "All master replication stream processed, manual failover can start."};
    case Step::kTimedOut:
      break;
  }
  return {LogLevel::kNotice, "Manual failover timed out."};
}

LogLine Line(const clusterkit::WritePauseChanged& event, const Teller& teller) {
  if (event.number == 0 || !event.successor.has_value()) return Plain(event);
  return {LogLevel::kNotice, absl::StrCat("Manual failover requested by replica ",
                                          teller.Node(*event.successor), ".")};
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

LogLine LineFor(const Event& event, const ClusterView& view) {
  const Teller teller{view};
  return std::visit([&teller](const auto& value) { return Line(value, teller); }, event);
}

}  // namespace kv
