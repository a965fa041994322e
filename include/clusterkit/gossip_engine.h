// Whom to ping, what to tell about third nodes, and what to take from what others tell.

#ifndef CLUSTERKIT_GOSSIP_ENGINE_H_
#define CLUSTERKIT_GOSSIP_ENGINE_H_

#include <optional>
#include <vector>

#include "clusterkit/cluster_view.h"
#include "clusterkit/message.h"
#include "clusterkit/options.h"
#include "clusterkit/random.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct GossipMerge {
  std::vector<GossipEntry> unknown;            // Nodes to get to know.
  std::vector<GossipEntry> moved;              // Failed here, alive elsewhere at another address.
  std::vector<SuspicionReport::Item> reports;  // The sender's opinion, if it is a voter.
};

// Thread-compatible. Spec: "Heartbeat and gossip messages", "Heartbeat packet content".
class GossipEngine {
 public:
  explicit GossipEngine(const Options& options) : options_(&options) {}  // Outlives this.
  GossipEngine(GossipEngine&&) = default;
  GossipEngine& operator=(GossipEngine&&) = default;

  void Track(const NodeId& peer, Instant now);
  void Untrack(const NodeId& peer);
  void OnPingSent(const NodeId& peer, Instant now);
  void OnPong(const NodeId& peer, Instant now);
  // The link to the peer is gone, and with it the ping that was on its way.
  void OnLinkDown(const NodeId& peer);

  // Linked peers that should get a PING now: once a second the one of five random peers that
  // answered longest ago, and everybody who has not answered for PingInterval(). An answer
  // learned by gossip postpones a ping, except between voters, whose leases need answers.
  std::vector<NodeId> PickPingTargets(const ClusterView& view, Instant now, Rng& rng);

  // A tenth of the known nodes, at least three, plus everybody in PFAIL, at most
  // Options::max_gossip_entries; never the receiver or ourselves.
  std::vector<GossipEntry> BuildGossip(const ClusterView& view, const NodeId& to, Instant now,
                                       Rng& rng);
  GossipMerge Merge(const ClusterView& view, const NodeId& from,
                    const std::vector<GossipEntry>& entries, Instant now);

 private:
  struct Peer {
    NodeId id;
    Instant answered;               // Last PONG we know of, our own or by gossip.
    Instant answered_us;            // Last PONG to us.
    std::optional<Instant> pinged;  // Not answered yet.
  };

  // The nodes of a view beside their peers. Every heartbeat chooses from all of them and looks a
  // tenth of them up, while the nodes rarely change.
  struct Roster {
    struct Entry {
      const NodeView* node;
      Peer* peer;  // Null if not tracked, like ourselves.
    };
    const Entry* Find(const NodeId& id) const;

    ClusterView::Nodes nodes;  // For which the rest was found.
    const NodeView* self = nullptr;
    std::vector<NodeId> ids;
    std::vector<Entry> entries;         // In the order of ids.
    std::vector<Entry> suspects, well;  // Whom gossip can be about: in PFAIL, or not.
  };

  std::vector<Peer>::iterator Position(const NodeId& id);  // Where it is, or belongs.
  Peer* Find(const NodeId& id);                            // Null if not tracked.
  const Roster& RosterOf(const ClusterView& view);

  const Options* options_;
  std::vector<Peer> peers_;  // Ascending by id.
  Roster roster_;
  Instant next_random_ping_ = Instant::InfinitePast();
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_GOSSIP_ENGINE_H_
