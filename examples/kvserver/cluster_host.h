#ifndef KVSERVER_CLUSTER_HOST_H_
#define KVSERVER_CLUSTER_HOST_H_

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/routing.h"
#include "clusterkit/uv/uv.h"
#include "clusterkit/view_publisher.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "kvserver/cluster_report.h"
#include "kvserver/command_gate.h"
#include "kvserver/config.h"
#include "kvserver/event_ring.h"
#include "kvserver/loop_handles.h"
#include "kvserver/message_links.h"
#include "kvserver/replication.h"
#include "kvserver/save_fence.h"

namespace kv {

class Server;

// Joins the data thread with a clusterkit::Node. Who embeds the library does what this class and
// no other of kvserver does. (cluster_gate.cc has what happens to each request.)
//
// The node lives on a thread of its own, so that a slow command does not make this process look
// dead to its peers. Between the two threads there are four paths:
//   view        node -> data     the published ClusterView, read for every request
//   commands    data -> node     Ask(): posted there, answered back, the client waits meanwhile
//   reports     data -> node     replication progress, liveness, whether the data are here
//   events      node -> data     role changes, lost slots
// Published messages take none of them: they go from data thread to data thread.
class ClusterHost final : public CommandGate,
                          private MessageRelay,
                          private clusterkit::Observer,
                          private Replication::Cluster {
 public:
  // Starts the node and plugs into the server. The error is one line for the log; nothing was
  // overwritten then, and nothing keeps running.
  static absl::StatusOr<std::unique_ptr<ClusterHost>> Start(Server& server);
  // After Server::Run. The server must still exist.
  ~ClusterHost() override;

  // --- For commands, on the data thread ------------------------------------------------------
  const clusterkit::ClusterView& view() { return views_->Get(); }
  Replication& replication() { return replication_; }
  Server& server() { return server_; }
  // The client endpoint of the primary that this node follows; an empty host: not known.
  clusterkit::Endpoint PrimaryAddress() override;
  std::string MyId() override { return view().self().id.ToHex(); }
  std::string MyShardId() override { return view().self().shard.ToHex(); }

  // Runs `work` with the node on its thread, and, once what it did is saved and published, what
  // it returns on this thread to write the reply. The client waits, its other requests behind it.
  using Answer = absl::AnyInvocable<void(ReplyWriter&)>;
  void Ask(Client& client, absl::AnyInvocable<Answer(clusterkit::Node&) &&> work);
  // For what only prints what the node knows; this does not wait for the disk.
  void AskReport(Client& client,
                 absl::AnyInvocable<void(const ClusterReport&, ReplyWriter&)> write);

  // --- For monitors, on a thread of their own ------------------------------------------------
  // What the node knows; empty if it does not answer in time.
  std::optional<ClusterReport> TakeReport(std::chrono::milliseconds at_most);
  const EventRing& events() const { return events_; }

  // --- CommandGate ---------------------------------------------------------------------------
  GateVerdict Admit(const GateQuery& query, std::string* refusal) override;
  bool MayAcknowledge(const Client& client) override;

 private:
  explicit ClusterHost(Server& server);

  // On the node's thread.
  absl::Status StartNode(const Config& config);
  bool OwnSnapshot() const;
  void OnStampedEvent(const clusterkit::StampedEvent& stamped, clusterkit::Instant now) override;
  void Act(const clusterkit::Event& event);
  void Post(absl::AnyInvocable<void(clusterkit::Node&) &&> work);  // From any thread.
  void PostAnswer(ClientId id, Answer answer);

  // On the data thread.
  void JoinData();
  void OnOwnRole(const clusterkit::RoleChanged& event);
  void OnMarksClosed(const clusterkit::SlotSet& slots);
  void OnSlotsRebound(const std::vector<clusterkit::SlotRebind>& changes);
  void OnWritePause(const clusterkit::WritePauseChanged& event);
  void ReportPause();
  void Leave(std::function<void()> done);
  void Drain(int64_t until_ms, uint64_t requests_before);
  void DropLostKeys();
  void FollowView();
  // Where a shard channel is served: by its slot's owner and the owner's replicas. It has no data,
  // so that it needs no lease.
  static clusterkit::RouteDecision RouteMessage(const clusterkit::ClusterView& view,
                                                clusterkit::SlotId slot, bool asking);
  clusterkit::RouteDecision RouteMessages(const GateQuery& query);
  GateVerdict Verdict(clusterkit::RouteDecision decision, std::string* refusal);
  bool LapsedForNow(const GateQuery& query, const clusterkit::RouteDecision& decision) const;
  void OnDirective(std::string_view directive);
  clusterkit::Instant Now() const { return loop_.Now(); }

  // MessageRelay.
  void Relay(ChannelKind kind, std::string_view channel, std::string_view message) override;

  // Replication::Cluster.
  void ReportReplication(const clusterkit::ReplicationStatus& status) override;
  void ReportDataPresent() override;
  bool Serving() override { return clusterkit::MayAcknowledge(view(), Now()); }

  Server& server_;

  // The node's thread, and what lives on it.
  clusterkit::uv::LoopThread thread_;
  clusterkit::uv::Loop& loop_;
  clusterkit::ProtobufCodec codec_;
  std::unique_ptr<SaveFence> store_;
  std::unique_ptr<clusterkit::Transport> transport_;
  std::unique_ptr<clusterkit::Node> node_;

  EventRing events_;

  // The data thread's part.
  std::optional<clusterkit::ViewReader> views_;
  Replication replication_;
  MessageLinks message_links_;
  std::optional<uint64_t>
      followed_view_;  // the one that links, shard channels and waiting clients accord with
  std::deque<clusterkit::SlotId> lost_slots_;
  uint64_t write_pause_ = 0;  // Number of the one under way.
  std::function<void()> left_;
  LoopTimer alive_timer_;
  LoopTimer lost_slots_timer_;
};

}  // namespace kv

#endif  // KVSERVER_CLUSTER_HOST_H_
