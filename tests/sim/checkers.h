// Safety, watched at every step of a run: small classes fed with what nodes send, save and say.
//
// Each keeps what it needs of the past and writes down violations. They know nothing of the
// simulator, so that checkers_test.cc can plant a violation for each.

#ifndef CLUSTERKIT_TESTS_SIM_CHECKERS_H_
#define CLUSTERKIT_TESTS_SIM_CHECKERS_H_

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "clusterkit/persistent_state.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/types.h"

namespace clusterkit::sim {

// What a checker found, in words.
using Violations = std::vector<std::string>;

// A voter acknowledges at most one candidate of a shard in an epoch, also across restarts.
class OneVotePerEpoch {
 public:
  void OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch, const NodeId& candidate);
  const Violations& violations() const { return violations_; }
  size_t seen() const { return granted_.size(); }

 private:
  std::map<std::tuple<NodeId, ShardId, Epoch>, NodeId> granted_;
  Violations violations_;
};

// A shard has at most one winner in an epoch.
class OneWinner {
 public:
  void OnWin(const NodeId& winner, const ShardId& shard, Epoch epoch);
  const Violations& violations() const { return violations_; }
  size_t seen() const { return winners_.size(); }

 private:
  std::map<std::pair<ShardId, Epoch>, NodeId> winners_;
  Violations violations_;
};

// What an identity has made durable never goes back: its current epoch, its config epoch as a
// primary, and the epoch of its last vote in each shard.
class EpochsNeverGoBack {
 public:
  void OnDurable(const PersistentState& state);
  const Violations& violations() const { return violations_; }
  size_t seen() const { return marks_.size(); }

 private:
  struct Marks {
    Epoch current, config;
    std::map<ShardId, Epoch> votes;
  };
  std::map<NodeId, Marks> marks_;
  Violations violations_;
};

// Nothing leaves before what it rests on is durable: a vote, a candidate's epoch, a primary's
// config epoch. (The current epoch in a header promises nothing.)
class DurableBeforeSent {
 public:
  void OnDurable(const PersistentState& state);
  void OnHeader(const Header& header);
  void OnRequest(const NodeId& candidate, Epoch epoch);
  void OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch, const NodeId& candidate);
  const Violations& violations() const { return violations_; }
  size_t seen() const { return durable_.size(); }

 private:
  struct Durable {
    Epoch current, config;
    std::map<ShardId, VoteRecord> votes;
  };
  std::map<NodeId, Durable> durable_;
  Violations violations_;
};

// At no time may two nodes serve the same slot: leases of primaries that follow each other do not
// overlap. (Where hosts check ClusterView::serve_until, as they have to.)
class OneServer {
 public:
  struct Server {
    NodeId node;
    SlotSet slots;
  };
  // All that may serve at this moment.
  void OnServers(Instant now, const std::vector<Server>& servers);
  const Violations& violations() const { return violations_; }
  size_t seen() const { return seen_; }

 private:
  size_t seen_ = 0;
  Violations violations_;
};

// All of them on a cluster.
class Checkers {
 public:
  // Both must live until the cluster is not advanced any more. `imports`: slots may be imported,
  // and then the old owner serves until it hears of it, for want of a data plane that stops it.
  void Attach(Cluster& cluster, bool imports = false);
  Violations violations() const;

  OneVotePerEpoch one_vote;
  OneWinner one_winner;
  EpochsNeverGoBack epochs;
  DurableBeforeSent durable;
  OneServer one_server;

 private:
  void OnFrame(Cluster& cluster, const Cluster::TracedFrame& traced);
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_TESTS_SIM_CHECKERS_H_
