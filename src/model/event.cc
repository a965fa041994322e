#include "clusterkit/event.h"

namespace clusterkit {
namespace {

// One for each type: a new one does not compile without its name.
struct EventNames {
  std::string_view operator()(const NodeAdded&) const { return "NodeAdded"; }
  std::string_view operator()(const NodeRemoved&) const { return "NodeRemoved"; }
  std::string_view operator()(const ForgottenByPeer&) const { return "ForgottenByPeer"; }
  std::string_view operator()(const AddressChanged&) const { return "AddressChanged"; }
  std::string_view operator()(const NodeDetailsChanged&) const { return "NodeDetailsChanged"; }
  std::string_view operator()(const HealthChanged&) const { return "HealthChanged"; }
  std::string_view operator()(const SuspicionHeard&) const { return "SuspicionHeard"; }
  std::string_view operator()(const RoleChanged&) const { return "RoleChanged"; }
  std::string_view operator()(const SlotsRebound&) const { return "SlotsRebound"; }
  std::string_view operator()(const ClusterStateChanged&) const { return "ClusterStateChanged"; }
  std::string_view operator()(const ConfigEpochChanged&) const { return "ConfigEpochChanged"; }
  std::string_view operator()(const VotingChanged&) const { return "VotingChanged"; }
  std::string_view operator()(const ElectionNotEligible&) const { return "ElectionNotEligible"; }
  std::string_view operator()(const ElectionScheduled&) const { return "ElectionScheduled"; }
  std::string_view operator()(const ElectionStarted&) const { return "ElectionStarted"; }
  std::string_view operator()(const ElectionEnded&) const { return "ElectionEnded"; }
  std::string_view operator()(const VoteDenied&) const { return "VoteDenied"; }
  std::string_view operator()(const VoteCast&) const { return "VoteCast"; }
  std::string_view operator()(const PeerRefused&) const { return "PeerRefused"; }
  std::string_view operator()(const MeetFailed&) const { return "MeetFailed"; }
  std::string_view operator()(const HostStalled&) const { return "HostStalled"; }
  std::string_view operator()(const DataGuardChanged&) const { return "DataGuardChanged"; }
  std::string_view operator()(const Halted&) const { return "Halted"; }
  std::string_view operator()(const SlotMigrationChanged&) const { return "SlotMigrationChanged"; }
  std::string_view operator()(const SlotTransferDue&) const { return "SlotTransferDue"; }
  std::string_view operator()(const SlotMoveProgress&) const { return "SlotMoveProgress"; }
  std::string_view operator()(const SlotMoveEnded&) const { return "SlotMoveEnded"; }
  std::string_view operator()(const WritePauseChanged&) const { return "WritePauseChanged"; }
  std::string_view operator()(const FailoverProgress&) const { return "FailoverProgress"; }
  std::string_view operator()(const Departed&) const { return "Departed"; }
};

}  // namespace

std::string_view EventName(const Event& event) { return std::visit(EventNames(), event); }

}  // namespace clusterkit
