// What a core counts. Most of it follows from its events.

#ifndef CLUSTERKIT_CORE_METER_H_
#define CLUSTERKIT_CORE_METER_H_

#include <optional>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/metrics.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

class Meter {
 public:
  // Counters of things that are no events are counted here directly.
  Metrics& counts() { return metrics_; }
  const Metrics& counts() const { return metrics_; }

  // `view`: as it was before the event.
  void OnEvent(const Event& event, const ClusterView& view, Instant now);
  void OnPingAnswered(Instant sent, Instant now);

  // --- Convergence after a promotion of this node --------------------------------------------
  bool AwaitsNodes() const { return convergence_.has_value(); }
  // It said that it holds our claim as it is.
  void OnClaimHeld(const NodeId& peer, const ClusterView& view, Instant now);

 private:
  struct Convergence {
    Convergence() : voters(0), majority(false) {}  // clang knows initialisers of members too late.
    Instant began;
    absl::btree_set<NodeId> awaited;
    int voters;
    bool majority;
  };

  void On(const HealthChanged& event, const ClusterView& view, Instant now);
  void On(const SuspicionHeard& event, const ClusterView& view, Instant now);
  void On(const NodeRemoved& event, const ClusterView& view, Instant now);
  void On(const ElectionScheduled& event, const ClusterView& view, Instant now);
  void On(const ElectionStarted& event, const ClusterView& view, Instant now);
  void On(const ElectionEnded& event, const ClusterView& view, Instant now);
  void On(const VoteDenied& event, const ClusterView& view, Instant now);
  void On(const VoteCast& event, const ClusterView& view, Instant now);
  void On(const RoleChanged& event, const ClusterView& view, Instant now);
  void On(const SlotsRebound& event, const ClusterView& view, Instant now);
  void On(const SlotMoveProgress& event, const ClusterView& view, Instant now);
  void On(const ConfigEpochChanged& event, const ClusterView& view, Instant now);
  void On(const ClusterStateChanged& event, const ClusterView& view, Instant now);
  void On(const PeerRefused& event, const ClusterView& view, Instant now);
  void On(const FailoverProgress& event, const ClusterView& view, Instant now);
  template <typename Other>
  void On(const Other&, const ClusterView&, Instant) {}

  void NoLongerAwaited(const NodeId& peer, Instant now);

  Metrics metrics_;
  absl::btree_map<NodeId, Instant> suspected_;  // Those in PFAIL.
  // A change of our primary: when it began, and its latest election.
  std::optional<Instant> began_;
  bool asked_ = false;
  std::optional<Instant> started_;
  ElectionStarted::Cause cause_ = ElectionStarted::Cause::kPrimaryFailed;
  std::optional<Convergence> convergence_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_METER_H_
