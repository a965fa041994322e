// The protocol as a state machine: inputs in, one ordered batch of effects out.
//
// For hosts that drive everything themselves; most use node.h.

#ifndef CLUSTERKIT_NODE_CORE_H_
#define CLUSTERKIT_NODE_CORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/fault_injection.h"
#include "clusterkit/message.h"
#include "clusterkit/metrics.h"
#include "clusterkit/options.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/ready.h"
#include "clusterkit/replication_status.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

enum class ResetMode : uint8_t {
  kSoft,  // Forget everybody, release slots, become an empty primary.
  kHard,  // Also a new identity and epoch zero.
};

// How a replica replaces its primary by command. Spec: "Manual failover".
enum class FailoverMode : uint8_t {
  // The primary pauses its writes, the replica catches up and is elected: nothing is lost.
  kCatchUp,
  // Stands for election at once, whatever the primary is doing. Needs a majority. What was not
  // replicated is lost.
  kForce,
  // Takes the slots without asking anybody. For when no majority is left; two sides of a partition
  // that both do it both serve.
  kTakeover,
};

// Live figures of one known node, for operators.
struct NodeStatus {
  NodeView view;
  bool self = false;
  bool handshake = false;                  // MEET not answered yet; view.id is a placeholder.
  std::optional<absl::Duration> ping_age;  // Of the outstanding ping.
  std::optional<absl::Duration> pong_age;  // Since it last answered.
  int failure_reports = 0;                 // Unexpired, by others.
  Progress progress;
  Epoch shown_epoch;  // A replica shows its primary's config epoch.
};

// An established link with a known node, for operators.
struct LinkStatus {
  LinkId link{};
  NodeId node;
  bool outbound = false;    // We dialled it.
  absl::Duration age;       // Since it was connected.
  size_t queued_bytes = 0;  // Waiting to be sent, as far as the transport can tell; filled by Node.
};

struct CoreStatus {
  Role role = Role::kPrimary;  // Of this node, as decided; views follow when that is durable.
  Epoch current_epoch, my_epoch;
  Epoch last_vote_epoch;
  std::vector<NodeStatus> nodes;  // Ascending by id, handshakes last.
  std::vector<LinkStatus> links;  // Ascending by node, ours before theirs.
};

// No I/O, clock, thread or lock. Thread-compatible: one thread at a time.
// Same state, seed and inputs: same outputs, byte for byte.
//
// `now` is the loop's time. One before the last counts as the last. After every input take the
// batch with TakeReady().
class NodeCore {
 public:
  // `state` as loaded, or empty on a first start: an identity is then drawn from the seed, and
  // the first batch saves it. InvalidArgument: options or state contradict themselves.
  static absl::StatusOr<std::unique_ptr<NodeCore>> Create(const Options& options,
                                                          std::optional<PersistentState> state,
                                                          uint64_t seed, Instant now);
  ~NodeCore();

  // --- Inputs --------------------------------------------------------------------------------
  void OnTick(Instant now);
  // A peer connected to us. `peer_host` is its address as the transport sees it.
  LinkId OnAccept(const std::string& peer_host, Instant now);
  // A dial succeeded.
  void OnLinkUp(LinkId link, Instant now);
  // A dial failed or a link ended. Once per link; unknown links are ignored.
  void OnLinkDown(LinkId link, LinkDownCause cause, Instant now);
  void OnFrame(LinkId link, const Frame& frame, Instant now);
  // Bytes arrived that are no frame. Closes the link and reports the peer.
  void OnBadFrame(LinkId link, const absl::Status& error, Instant now);
  // Save `number` and all before it are durable.
  void OnSaved(uint64_t number, Instant now);

  // From the host. See Node for their meaning.
  void ReportReplication(const ReplicationStatus& status, Instant now);
  void ReportHostAlive(Instant now);
  void ReportDataPresent(bool present, Instant now);
  void ReportSlotsTransferred(uint64_t number, const SlotSet& slots, Instant now);

  // --- Commands: not OK means that nothing changed. See Node for each. -----------------------
  absl::Status Meet(const Endpoint& bus, Instant now);
  absl::Status AddSlots(const SlotSet& slots, Instant now);
  absl::Status RemoveSlots(const SlotSet& slots, Instant now);
  absl::Status CompleteImport(const SlotSet& slots, Instant now);
  absl::Status Replicate(const NodeId& primary, Instant now);
  absl::Status Forget(const NodeId& node, Instant now);
  absl::Status Reset(ResetMode mode, Instant now);
  absl::Status SetConfigEpoch(Epoch epoch, Instant now);
  absl::Status OverruleDataGuard(Instant now);
  absl::Status Reconfigure(const Options& options, Instant now);
  bool BumpEpoch(Instant now);
  absl::Status BeginExport(const SlotSet& slots, const NodeId& to, Instant now);
  absl::Status BeginImport(const SlotSet& slots, const NodeId& from, Instant now);
  absl::Status EndMigration(const SlotSet& slots, Instant now);
  absl::Status BindSlots(const SlotSet& slots, const NodeId& owner, Instant now);
  absl::Status MoveSlots(const SlotSet& slots, const NodeId& to, Instant now);
  absl::Status CancelMove(Instant now);
  absl::Status Failover(FailoverMode mode, Instant now);
  absl::Status Depart(Departure kind, absl::Duration at_most, Instant now);
  void InjectFaults(const FaultInjection& faults);
  const FaultInjection& injected_faults() const;
  absl::Status KillLinks(const NodeId& peer, LinksWith which, Instant now);

  // This node takes part no longer: views given out must not be served from, from now on. Peers
  // see closed links, and may have replaced it within moments.
  void EndAuthority();

  // --- Outputs -------------------------------------------------------------------------------
  Ready TakeReady();                // Moves the pending batch out.
  Instant NextDeadline() const;     // Call OnTick no later than this.
  const ClusterView& view() const;  // As last put into a batch.
  CoreStatus Status(Instant now) const;
  Metrics Measure(Instant now) const;  // Without what a Node adds.
  // Those that are up; for what only a transport knows of them.
  void ForEachLink(absl::FunctionRef<void(LinkId)> fn) const;
  // Off at first. While it is on, Ready::trace tells of each decision.
  void SetTracing(bool on);
  const Options& options() const;

 private:
  class Impl;
  explicit NodeCore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_NODE_CORE_H_
