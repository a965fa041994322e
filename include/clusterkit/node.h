// Start here: one member of a cluster, wired to a network, a disk and a clock.

#ifndef CLUSTERKIT_NODE_H_
#define CLUSTERKIT_NODE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/codec.h"
#include "clusterkit/event_loop.h"
#include "clusterkit/node_core.h"
#include "clusterkit/observer.h"
#include "clusterkit/options.h"
#include "clusterkit/state_store.h"
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
  // Whether the data of the slots this node owns is here. Report before or right after Start on
  // a restart; unreported counts as present. A full synchronisation makes it present.
  void ReportDataPresent(bool present);

  // --- Commands: not OK means that nothing changed -----------------------------------------
  // Unavailable, from each of them: the node has halted (see Halted).
  // Introduces this node to another; gossip does the rest. Ends in NodeAdded or MeetFailed.
  // InvalidArgument: no usable address. ResourceExhausted: max_nodes. Spec: "Node handshake".
  absl::Status Meet(const Endpoint& bus);
  // Takes unbound slots. AlreadyExists: one is bound. FailedPrecondition: we are a replica.
  absl::Status AddSlots(const SlotSet& slots);
  // Unbinds slots in the local table, whoever owns them. NotFound: one is unbound.
  absl::Status RemoveSlots(const SlotSet& slots);
  // The end of an import: the content is here, take the slots from whoever owns them, under a
  // config epoch above all known ones. FailedPrecondition: we are a replica.
  absl::Status CompleteImport(const SlotSet& slots);
  // Becomes a replica. NotFound: unknown node. InvalidArgument: it is this node.
  // FailedPrecondition: it is a replica itself, or we own slots. The host checks that it holds
  // no data of its own. OK without effect if it is our primary already.
  absl::Status Replicate(const NodeId& primary);
  // Removes a node and refuses to learn of it again for Options::forget_ban, unless Meet is called.
  // Peers hear of it and do the same, all but the node's replicas; so does the node itself (see
  // ForgottenByPeer). OK without effect if it is banned already.
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
  // Serve although the data is missing. FailedPrecondition: no guard is active.
  absl::Status OverruleDataGuard();
  // Changes what can change at run time: everything but the port of the bus, the name, the seed,
  // and the limits of nodes, frames and queues. Peers hear of another address in the next messages;
  // where the bus listens stays.
  // InvalidArgument: see Options::Validate, or a fixed field differs.
  absl::Status Reconfigure(const Options& options);

  // --- For operators -----------------------------------------------------------------------
  CoreStatus Status() const;
  const Options& options() const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_NODE_H_
