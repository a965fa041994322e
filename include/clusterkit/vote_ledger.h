// Which vote was given in which shard: the memory that makes elections safe.

#ifndef CLUSTERKIT_VOTE_LEDGER_H_
#define CLUSTERKIT_VOTE_LEDGER_H_

#include <cstddef>
#include <optional>

#include "absl/container/btree_map.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Keyed by shard, not by the failed primary: two views may differ on who that is, and a voter
// must not vote twice because of it. Thread-compatible.
class VoteLedger {
 public:
  // At most `max_entries` votes are remembered one by one.
  VoteLedger(VoteLedgerState state, size_t max_entries);

  // The epoch a request of this shard must exceed.
  Epoch LastEpoch(const ShardId& shard) const;
  // How long another candidate's round may still count our vote; empty if no such round is open.
  std::optional<absl::Duration> BlockedFor(const ShardId& shard, const NodeId& candidate,
                                           Instant now) const;
  bool RoundOpen(const ShardId& shard, Instant now) const;
  // The greatest epoch ever voted in.
  Epoch LastVoteEpoch() const;

  // REQUIRES: epoch > LastEpoch(shard). `round_end`: when the vote has surely stopped counting.
  void Grant(const ShardId& shard, Epoch epoch, const NodeId& candidate, Instant round_end);
  // The candidate gave up: its round is over early.
  void Withdraw(const ShardId& shard, Epoch epoch, const NodeId& candidate);
  void RaiseFloor(Epoch floor);
  // The voter has done its waiting, or has to begin it anew.
  void SetSettled(bool settled) { settled_ = settled; }
  bool settled() const { return settled_; }
  Epoch floor() const { return floor_; }

  VoteLedgerState state() const;

 private:
  struct Entry {
    Epoch epoch;
    NodeId candidate;
    Instant round_end = Instant::InfinitePast();
  };

  size_t max_entries_;
  Epoch floor_;
  bool settled_ = false;
  absl::btree_map<ShardId, Entry> entries_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_VOTE_LEDGER_H_
