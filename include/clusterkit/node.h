// Start here: one member of a cluster, wired to a network, a disk and a clock.

#ifndef CLUSTERKIT_NODE_H_
#define CLUSTERKIT_NODE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/codec.h"
#include "clusterkit/event_loop.h"
#include "clusterkit/metrics.h"
#include "clusterkit/node_core.h"
#include "clusterkit/observer.h"
#include "clusterkit/options.h"
#include "clusterkit/state_store.h"
#include "clusterkit/trace.h"
#include "clusterkit/transport.h"
#include "clusterkit/view_publisher.h"

namespace clusterkit {

// A NodeCore with its effects carried out. Loop thread only, except where noted. The library
// starts no thread, never exits and never logs: everything worth telling is an Event.
class Node {
 public:
  // Not owned; all must outlive the Node.
  struct Deps {
    EventLoop* loop = nullptr;
    Transport* transport = nullptr;
    Codec* codec = nullptr;
    StateStore* store = nullptr;
    Observer* observer = nullptr;  // May be null.
    TraceSink* trace = nullptr;    // Null: nothing is traced.
  };

  // Loads the state, or draws an identity and saves it, then listens on options.bus.
  // The store's, the options' or the transport's error; nothing keeps running then.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const Options& options, const Deps& deps);

  // Closes every link. No callback runs afterwards. Posted work that has not run is dropped.
  ~Node();

  // --- Any thread --------------------------------------------------------------------------
  // Never null.
  std::shared_ptr<const ClusterView> view() const;
  // For a ViewReader: the cheap way to look at every request.
  const ViewPublisher& views() const;

  // --- What the host owes the node ---------------------------------------------------------
  // On every change of the replication link and often while data flows (a few times a second).
  // When the link breaks, report it at once with link_up = false: elections wait for it.
  void ReportReplication(const ReplicationStatus& status);
  // The data plane is alive. Begin to call it and go on at least every node_timeout/4, from the
  // data plane's own turn of work, or the node falls silent (Options::host_stall_timeout).
  void ReportHostAlive();
  // Whether the data of our slots is here (unreported: it is). Report at a restart. False, after a
  // synced progress: an old copy; replicas ahead of it have more. A full sync makes it present.
  void ReportDataPresent(bool present);
  // Every key of these slots, all or some of those of SlotTransferDue `number`, is at the target of
  // the move, which acknowledged it, and none is left here. A transfer that is void has no effect.
  void ReportSlotsTransferred(uint64_t number, const SlotSet& slots);

  // --- Commands: not OK means that nothing changed -----------------------------------------
  // Unavailable, from each of them: the node has halted (see Halted).
  //
  // Introduces this node to another; gossip does the rest. Ends in NodeAdded or MeetFailed. Where
  // nobody listens yet it tries again for Options::HandshakeTimeout().
  // InvalidArgument: no usable address. ResourceExhausted: max_nodes. Spec: "Node handshake".
  absl::Status Meet(const Endpoint& bus);
  // Takes unbound slots; those that RemoveSlots took from others here, under a config epoch above
  // all known ones. AlreadyExists: one is bound. FailedPrecondition: we are a replica or a witness.
  absl::Status AddSlots(const SlotSet& slots);
  // Unbinds slots in the local table, whoever owns them. NotFound: one is unbound.
  absl::Status RemoveSlots(const SlotSet& slots);
  // The end of an import: the content is here, take the slots from whoever owns them, under a
  // config epoch above all known ones. FailedPrecondition: we are a replica or a witness.
  absl::Status CompleteImport(const SlotSet& slots);
  // Becomes a replica. NotFound: unknown node. InvalidArgument: it is this node.
  // FailedPrecondition: it is a replica itself, or we own slots or are a witness. The host checks
  // that it holds no data of its own. OK without effect if it is our primary already.
  absl::Status Replicate(const NodeId& primary);
  // Removes a node and refuses to learn of it again for Options::forget_ban, unless Meet is called.
  // Peers hear of it and do the same, all but the node's replicas; so does the node itself (see
  // ForgottenByPeer). OK if it is banned already; the ban begins anew.
  // NotFound, InvalidArgument (this node), FailedPrecondition (our primary).
  absl::Status Forget(const NodeId& node);
  // The host drops its data if this was a replica.
  absl::Status Reset(ResetMode mode);
  // FailedPrecondition: other nodes are known, or the epoch is not zero any more.
  // InvalidArgument: more than 2^32 above the current epoch; no peer would believe it.
  absl::Status SetConfigEpoch(Epoch epoch);
  // Raises our config epoch above all others without consensus, unless it is their unique
  // maximum already. True if it grew.
  bool BumpEpoch();

  // --- Slots between two shards. Spec: "Cluster live reconfiguration" -----------------------
  // From all of them FailedPrecondition: we are a replica. From those that name a node NotFound: it
  // is unknown; InvalidArgument: it is this node; FailedPrecondition: it is a replica.
  //
  // Moves slots to another shard while they are served. The library opens them at both ends, a few
  // at a time, asks the host to send their keys (SlotTransferDue) and has the target take them;
  // SlotMoveProgress and SlotMoveEnded tell how it goes. Goes on by itself after a restart and when
  // either end is replaced by a replica. More slots for the same target may be added meanwhile.
  // FailedPrecondition: a slot is not ours or on its way to somebody else, or a move to another
  // node is under way.
  absl::Status MoveSlots(const SlotSet& slots, const NodeId& to);
  // Opens no more slots; those that are open are moved to the end, for their keys may be on both
  // sides. FailedPrecondition: no move is under way.
  absl::Status CancelMove();

  // What MoveSlots is made of, for tools that carry a move out themselves, as redis-cli does: open
  // the slots at the target (BeginImport), then here (BeginExport), send the keys, and bind the
  // slots to the target, there first.
  // FailedPrecondition: a slot is not ours.
  absl::Status BeginExport(const SlotSet& slots, const NodeId& to);
  // FailedPrecondition: a slot is ours.
  absl::Status BeginImport(const SlotSet& slots, const NodeId& from);
  // The slots are stable again, wherever their keys are.
  absl::Status EndMigration(const SlotSet& slots);
  // The end of a move. To ourselves: as CompleteImport. Our own slots to another: we claim them no
  // more; the host checks that it holds no keys of them, and a primary that gives its last slot
  // away becomes a replica of who has it (Options::allow_replica_migration). Slots of others: a
  // hint in the local table, which is ignored if it contradicts what their owner says.
  absl::Status BindSlots(const SlotSet& slots, const NodeId& owner);

  // --- Planned changes of a primary. Spec: "Manual failover" --------------------------------
  // Makes this replica the primary of its shard. Ends in RoleChanged, or in FailoverProgress with
  // kTimedOut after Options::manual_failover_timeout. FailedPrecondition: we are a primary.
  // NotFound: our primary is not known. Unavailable, kCatchUp only: it has failed, or we are not
  // connected to it.
  absl::Status Failover(FailoverMode mode);
  // Gives this primary's slots to its freshest replica, after a pause of writes in which that
  // catches up. Ends in Departed. FailedPrecondition: we own no slots.
  absl::Status HandOver(absl::Duration at_most);
  // HandOver if we own slots, then silence, whether it succeeded or not: destroy the Node when
  // Departed tells of it. It remains a member, and may be started again.
  absl::Status Stop(absl::Duration at_most);
  // HandOver if we own slots, then the others forget this node, for good. If the handover fails it
  // stays. FailedPrecondition: we own slots, and no replica could take them.
  absl::Status Leave(absl::Duration at_most);

  // Serve although the data is missing. FailedPrecondition: no guard is active.
  absl::Status OverruleDataGuard();
  // Changes what can change at run time: everything but the port of the bus, the name, the seed,
  // and the limits of nodes, frames and queues. Peers hear of another address in the next messages;
  // where the bus listens stays.
  // InvalidArgument: see Options::Validate, or a fixed field differs. FailedPrecondition: to become
  // a witness, while we own slots or are a replica.
  absl::Status Reconfigure(const Options& options);

  // --- For tests of the cluster around this node ---------------------------------------------
  // Replaces what was injected before.
  void InjectFaults(const FaultInjection& faults);
  const FaultInjection& injected_faults() const;
  // Closes links with a peer, which are dialled anew as always. NotFound: unknown node.
  absl::Status KillLinks(const NodeId& peer, LinksWith which);

  // --- For operators -----------------------------------------------------------------------
  CoreStatus Status() const;
  // Much cheaper than Status: what it costs does not grow with what was counted.
  Metrics Measure() const;
  const Options& options() const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_NODE_H_
