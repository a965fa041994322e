#include "kvserver/event_ring.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "clusterkit/describe.h"

namespace kv {
namespace {

using clusterkit::NodeId;
using Nodes = std::vector<NodeId>;

Nodes With(const NodeId& id, const std::optional<NodeId>& other) {
  return other.has_value() ? Nodes{id, *other} : Nodes{id};
}

Nodes Of(const std::optional<NodeId>& id) { return id.has_value() ? Nodes{*id} : Nodes(); }

struct NodesOf {
  Nodes operator()(const clusterkit::NodeAdded& e) const { return {e.id}; }
  Nodes operator()(const clusterkit::NodeRemoved& e) const { return With(e.id, e.told_by); }
  Nodes operator()(const clusterkit::ForgottenByPeer& e) const { return {e.by}; }
  Nodes operator()(const clusterkit::AddressChanged& e) const { return {e.id}; }
  Nodes operator()(const clusterkit::NodeDetailsChanged& e) const { return {e.id}; }
  Nodes operator()(const clusterkit::HealthChanged& e) const {
    Nodes nodes = {e.id};
    nodes.insert(nodes.end(), e.reporters.begin(), e.reporters.end());
    return nodes;
  }
  Nodes operator()(const clusterkit::SuspicionHeard& e) const { return {e.subject, e.reporter}; }
  Nodes operator()(const clusterkit::RoleChanged& e) const { return With(e.id, e.primary); }
  Nodes operator()(const clusterkit::SlotsRebound& e) const {
    // Who gained, then who lost.
    std::set<NodeId> to, from;
    for (const clusterkit::SlotRebind& change : e.changes) {
      to.insert(change.to);
      if (change.from.has_value()) from.insert(*change.from);
    }
    Nodes nodes(to.begin(), to.end());
    std::copy_if(from.begin(), from.end(), std::back_inserter(nodes),
                 [&to](const NodeId& id) { return to.count(id) == 0; });
    return nodes;
  }
  Nodes operator()(const clusterkit::ConfigEpochChanged& e) const { return Of(e.other); }
  Nodes operator()(const clusterkit::VotingChanged& e) const { return {e.id}; }
  Nodes operator()(const clusterkit::VoteDenied& e) const { return {e.voter}; }
  Nodes operator()(const clusterkit::VoteCast& e) const { return {e.candidate}; }
  Nodes operator()(const clusterkit::DataGuardChanged& e) const { return Of(e.successor); }
  Nodes operator()(const clusterkit::SlotMigrationChanged& e) const {
    return e.mark.has_value() ? Nodes{e.mark->peer} : Nodes();
  }
  Nodes operator()(const clusterkit::SlotTransferDue& e) const { return {e.target}; }
  Nodes operator()(const clusterkit::SlotMoveProgress& e) const { return {e.target}; }
  Nodes operator()(const clusterkit::SlotMoveEnded& e) const { return {e.target}; }
  Nodes operator()(const clusterkit::WritePauseChanged& e) const { return Of(e.successor); }
  template <typename Other>
  Nodes operator()(const Other&) const {
    return {};
  }
};

}  // namespace

void EventRing::Add(const clusterkit::StampedEvent& stamped, int64_t time_ms) {
  Entry entry{stamped.number,
              stamped.cause,
              time_ms,
              clusterkit::EventName(stamped.event),
              clusterkit::Describe(stamped.event),
              std::visit(NodesOf(), stamped.event)};
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  if (entries_.size() > kCapacity) entries_.pop_front();
}

EventRing::Range EventRing::range() const {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) return {};
  return {entries_.front().number, entries_.back().number};
}

std::vector<EventRing::Entry> EventRing::After(uint64_t number, size_t at_most) const {
  const std::lock_guard lock(mutex_);
  const auto from =
      std::upper_bound(entries_.begin(), entries_.end(), number,
                       [](uint64_t wanted, const Entry& entry) { return wanted < entry.number; });
  const auto count = std::min<size_t>(at_most, static_cast<size_t>(entries_.end() - from));
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace kv
