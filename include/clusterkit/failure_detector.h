// Who is alive: PFAIL from this node's own observation, FAIL from a majority of voters.

#ifndef CLUSTERKIT_FAILURE_DETECTOR_H_
#define CLUSTERKIT_FAILURE_DETECTOR_H_

#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/options.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Observations in, health changes out; the caller applies them to its view and passes that view
// in again. Thread-compatible. Spec: "Failure detection".
class FailureDetector {
 public:
  explicit FailureDetector(const Options& options) : options_(&options) {}  // Outlives this.

  // Starts and ends the observation of a peer. Untracked peers are ignored everywhere.
  void Track(const NodeId& peer, Instant now);
  void Untrack(const NodeId& peer);

  // --- Own observation -----------------------------------------------------------------------
  void OnPingSent(const NodeId& peer, Instant now);  // Keeps an older outstanding ping.
  void OnHeard(const NodeId& peer, Instant now);     // Any message that came from it directly.
  void OnPong(const NodeId& peer, Instant now);      // An answer to our ping.
  // A link of ours to it completed; the evidence against it is void.
  void OnLinkUp(const NodeId& peer);
  // A completed link was broken by the peer (not by us, not by a timeout).
  void OnBrokenByPeer(const NodeId& peer, Instant now);
  // The address of the broken link refused a connection. Counts after OnBrokenByPeer, once per
  // 50 ms.
  void OnRefused(const NodeId& peer, Instant now);

  // --- Others' observation -------------------------------------------------------------------
  // From a voter, directly or by gossip.
  void OnReport(const NodeId& reporter, const NodeId& subject, bool suspected, Instant now);
  // Whether the notice proves FAIL: its reporters include a quorum of the voters of `view`.
  bool Proves(const ClusterView& view, const FailNotice& notice) const;

  // --- Conclusions ---------------------------------------------------------------------------
  // Changes for one subject, or for all. At most one step each: online -> PFAIL -> FAIL, or back.
  // `hold_fail`: a vote for the subject's shard may still count, so its FAIL is not cleared yet.
  std::optional<HealthChanged> Evaluate(const ClusterView& view, const NodeId& subject,
                                        bool hold_fail, Instant now);
  // Peers that owe an answer, or broke their link: of all those who are online, only they can
  // become PFAIL by the mere passing of time.
  std::vector<NodeId> Doubtful() const;
  // The caller believed a FailNotice.
  void OnFailedByNotice(const NodeId& subject, Instant now);

  // --- Figures -------------------------------------------------------------------------------
  // Unexpired reports of others that count in `view`.
  std::vector<NodeId> Reporters(const ClusterView& view, const NodeId& subject, Instant now) const;
  // Since the subject failed here, it answered one of our pings.
  bool AnsweredSinceFail(const NodeId& peer) const;
  // We heard it directly within node_timeout, and it has not broken its link since. While this
  // holds, what we said to it may still extend its lease.
  bool SeemsAlive(const NodeId& peer, Instant now) const;
  // Its link broke and its address refuses connections: the evidence of a dead process.
  bool ProcessGone(const NodeId& peer) const;
  std::optional<Instant> PingOutstandingSince(const NodeId& peer) const;
  std::optional<Instant> LastPong(const NodeId& peer) const;
  std::optional<Instant> LastHeard(const NodeId& peer) const;

 private:
  struct Peer {
    Instant heard;  // Or tracked since.
    std::optional<Instant> pong;
    std::optional<Instant> ping_sent;  // Outstanding.
    std::optional<Instant> failed_at;
    bool broken = false;  // By the peer; no link has completed since.
    int refusals = 0;
    Instant last_refusal = Instant::InfinitePast();
  };
  using Reports = absl::btree_map<NodeId, Instant>;  // At most one per voter that reported.

  bool CrashEvidence(const Peer& peer, Instant now) const;
  bool Silent(const Peer& peer, Instant now) const;

  const Options* options_;
  absl::btree_map<NodeId, Peer> peers_;
  // By subject; none is empty. Apart from the peers, because a tenth of all nodes is reported to be
  // well with each heartbeat, and mostly there is nothing to retract.
  absl::btree_map<NodeId, Reports> reports_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FAILURE_DETECTOR_H_
