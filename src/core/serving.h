// Whether this node may serve, and until when.

#ifndef CLUSTERKIT_CORE_SERVING_H_
#define CLUSTERKIT_CORE_SERVING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/container/btree_map.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/options.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Thread-compatible.
class Serving {
 public:
  // `restarted`: this node served before, and may have been replaced without knowing it yet.
  Serving(const Options& options, bool restarted, Instant now);

  // --- Lease ---------------------------------------------------------------------------------
  // A voter answered something that we sent at `sent`.
  void OnVoterAnswered(const NodeId& voter, Instant sent);
  // The lease reaches ServeLease() beyond the sending of what a majority has answered. The
  // sending, not the answer: a voter begins to count our silence no earlier than that.
  void Renew(const ClusterView& view, Instant now);
  // A majority answered what we sent less than ServeLease() ago, so nobody can have become a
  // voter in our stead and done its waiting. A voter votes only while this holds.
  bool Confirmed(const ClusterView& view, Instant now);
  // Ends the authority of every view given out so far.
  void Revoke();
  std::shared_ptr<const ServeLease> lease() const { return lease_; }

  // --- Cluster state -------------------------------------------------------------------------
  // True if state or reason changed. Spec: "Cluster state", with Redis's delays before a primary
  // goes back to ok.
  bool Evaluate(const ClusterView& view, Instant now);
  ClusterState state() const { return state_; }
  DownReason reason() const { return reason_; }

  // --- The host ------------------------------------------------------------------------------
  void OnHostAlive(Instant now) { host_alive_ = now; }
  bool HostStalled(Instant now) const;

 private:
  // The latest sending that a majority of voters, this node included, has answered.
  std::optional<Instant> AnsweredByMajority(const ClusterView& view, Instant now);
  // The latest sending that so many other voters have answered.
  std::optional<Instant> AnsweredBy(size_t count, const ClusterView& view) const;
  void CountVoters(const ClusterView& view);

  const Options* options_;
  Instant started_;
  bool restarted_;
  std::shared_ptr<ServeLease> lease_ = std::make_shared<ServeLease>();
  absl::btree_map<NodeId, Instant> answered_;  // Voter -> when we had sent what it answered.
  // Everything here is asked for at each input, but views and answers change less often. What
  // follows from them is kept, with the version of the view it was found for; zero: outdated.
  std::optional<Instant> majority_answered_;
  uint64_t majority_version_ = 0;
  int reachable_ = 0;          // Voters.
  bool owner_failed_ = false;  // Of any slot.
  uint64_t voters_version_ = 0;
  ClusterState state_ = ClusterState::kFail;
  DownReason reason_ = DownReason::kStarting;
  std::optional<Instant> minority_since_;  // Last moment in a minority.
  std::optional<Instant> host_alive_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_SERVING_H_
