#ifndef KVSERVER_REPLICATION_H_
#define KVSERVER_REPLICATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "clusterkit/replication_status.h"
#include "clusterkit/types.h"
#include "kvserver/command_gate.h"
#include "kvserver/loop_handles.h"
#include "kvserver/rdb_encoder.h"
#include "kvserver/replication_primary.h"
#include "kvserver/replication_replica.h"
#include "kvserver/replication_state.h"
#include "kvserver/replication_wait.h"

namespace kv {

class Server;

// Asynchronous replication of the data set: which side this node is on, which data it holds, and
// what the node is told of both. Data thread only.
class Replication final : public ReplicationSink, private ReplicationReplica::Owner {
 public:
  // What replication needs of the cluster.
  class Cluster {
   public:
    virtual ~Cluster() = default;
    // To be passed to the node at once: elections are decided by it.
    virtual void ReportReplication(const clusterkit::ReplicationStatus& status) = 0;
    virtual void ReportDataPresent() = 0;
    // The client endpoint of the primary that this node follows; an empty host: not known.
    virtual clusterkit::Endpoint PrimaryAddress() = 0;
    virtual std::string MyId() = 0;
    virtual std::string MyShardId() = 0;
    // Whether this node, a primary, serves its slots: what it holds is what there is.
    virtual bool Serving() = 0;
  };

  Replication(Server& server, Cluster& cluster);
  ~Replication() override;

  // --- Role -----------------------------------------------------------------------------------
  // At start, the data of a snapshot of this shard, and which ones they are.
  void Adopt(const RdbHead& head);
  // At start, as a primary. `has_data` is false if the data of its slots were lost, or are as old
  // as a snapshot: that is neither to change nor to spread to replicas, until the cluster lets this
  // node serve as it is.
  void StartAsPrimary(bool has_data);
  // It does. Called with each request that this node, a primary, may serve.
  void OnServing() {
    if (withheld_) Release();
  }
  // Follows a primary. The data stay, to be continued by the primary's stream, or until the first
  // bytes of its snapshot arrive. Those of
  // another shard are worth nothing; those of this shard are a complete, if old, copy, which may
  // still be the best there is when the primary dies first.
  void Follow(const clusterkit::NodeId& primary, bool other_shard);
  // Elected: serves at once, and goes on counting its stream in a new history.
  void Promote(uint64_t history);
  // Left its shard: an empty primary.
  void BecomeEmpty();

  bool withheld() const { return withheld_; }
  bool is_replica() const { return primary_id_.has_value(); }
  // Whether keys may be read: not while a snapshot replaces them.
  bool loading() const { return replica_side_.loading(); }
  bool link_up() const { return replica_side_.connected(); }
  const DataState& data() const { return data_; }
  const ReplicationPrimary& primary_side() const { return primary_side_; }
  const ReplicationReplica& replica_side() const { return replica_side_; }

  // --- Commands -------------------------------------------------------------------------------
  // The error that refuses PSYNC, or empty: then the client is a replica from now on.
  std::string_view Attach(Client& client, const ReplicationPrimary::Position& position);
  ReplicationPrimary::Announcement& AnnouncementOf(ClientId id) {
    return primary_side_.AnnouncementOf(id);
  }
  void OnAck(ClientId id, uint64_t offset);
  void Wait(Client& client, int64_t replicas, int64_t timeout_ms);
  // For the head of a snapshot; nothing while the data are incomplete.
  std::optional<RdbHead> Describe() const;
  bool EnoughGoodReplicas() const override;

  // --- Handover -------------------------------------------------------------------------------
  // Of a primary: changes have stopped because of this pause, or go on (0).
  void ObeyPause(uint64_t number);
  // Of a replica: it is to reach its primary's last offset; each step there is reported at once.
  void Hurry(bool on) { hurries_ = on; }

  // --- Stream ---------------------------------------------------------------------------------
  void Propagate(Args args) override;
  uint64_t offset() const override { return data_.progress.offset; }
  // Before any reply that acknowledges a change.
  void FlushStream() { primary_side_.Flush(); }

 private:
  void Release();
  void Report();
  void ReportIfDue();
  void Cron();

  // ReplicationReplica::Owner.
  clusterkit::Endpoint PrimaryAddress() override { return cluster_.PrimaryAddress(); }
  std::string PrimaryId() override { return primary_id_ ? primary_id_->ToHex() : std::string(); }
  void OnLoadingStarted(uint64_t history) override;
  void OnLoaded(std::string_view stream_id, uint64_t offset) override;
  void OnContinued(const ReplicationReplica::Continuation& continuation) override;
  void OnApplied(std::string_view bytes) override;
  void OnDiverged() override { data_.ForgetStream(); }
  void OnTurn();
  void OnLinkDown() override;

  Server& server_;
  Cluster& cluster_;
  DataState data_;
  std::optional<clusterkit::NodeId> primary_id_;  // of a replica
  ReplicationPrimary primary_side_;
  ReplicationReplica replica_side_;
  WaitList waits_;
  bool withheld_ = false;  // of a primary: see StartAsPrimary
  uint64_t obeyed_pause_ = 0;
  bool hurries_ = false;
  clusterkit::ReplicationStatus reported_;
  int64_t reported_at_ms_ = 0;
  int64_t backlog_used_ms_ = 0;  // when it was last of use
  LoopTimer cron_;
  LoopTurnHook turn_;
};

}  // namespace kv

#endif  // KVSERVER_REPLICATION_H_
