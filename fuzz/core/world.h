// A handful of cores in one process, with the network, disks and time between them, all of it
// driven from outside: nothing happens that was not asked for.
//
// Batches are carried out as ready.h asks: the part above the save at once, the part below when the
// disk has it.

#ifndef CLUSTERKIT_FUZZ_CORE_WORLD_H_
#define CLUSTERKIT_FUZZ_CORE_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "clusterkit/node_core.h"
#include "core/watch.h"

namespace clusterkit::fuzz {

struct Setup {
  size_t replicas = 1;         // 0 to 2, beside three primaries; of the first one.
  bool full_coverage = false;  // All slots have owners, and must have.
  bool crash_evidence = true;
  bool formats = false;  // Frames and states go through their formats.
};

class World {
 public:
  static constexpr size_t kPrimaries = 3;
  static constexpr size_t kMaxNodes = 8;    // Known to one: little more than there are.
  static constexpr size_t kMostWork = 400;  // Inputs to cores, after which a run ends.
  static SlotSet ShareOf(size_t primary, bool full_coverage);

  explicit World(const Setup& setup);

  // --- Time ------------------------------------------------------------------------------------
  void Advance(absl::Duration time) { now_ = now_ + time; }
  void Tick(size_t node);
  // Everything that can happen happens, at once, until time has moved on by this much. Nodes that
  // are due are ticked every `step`.
  void Run(absl::Duration time, absl::Duration step);

  // --- Network ---------------------------------------------------------------------------------
  // Bit a * size() + b: nothing gets from a to b.
  void SetCuts(uint64_t cuts) { cuts_ = cuts; }
  // The next frame on a link of the node, or the link's end, or the outcome of its dial.
  void Deliver(size_t node, size_t link);
  // Ends a link, or a dial, for one side; the other one hears of it later.
  void Break(size_t node, size_t link, LinkDownCause cause);

  // --- Disk and process ------------------------------------------------------------------------
  void Saved(size_t node);  // The oldest save is done.
  void SetSlowDisk(size_t node, bool slow) { nodes_[node].slow_disk = slow; }
  void SetPaused(size_t node, bool paused) { nodes_[node].paused = paused; }
  // Peers see resets and refused dials, unless the machine is gone. `torn`: the save under way is
  // durable nevertheless. What needed no sync is lost or not.
  void Crash(size_t node, bool torn, bool lose_unsynced, bool machine_gone);
  void Restart(size_t node);

  // --- Any other input: from the host, by command, from nowhere ----------------------------------
  using Input = absl::FunctionRef<void(NodeCore& core, Instant now)>;
  void Feed(size_t node, Input input);
  // What the host knows of its replication; it keeps to what roles do to it.
  void Report(size_t node, absl::FunctionRef<void(ReplicationStatus& status)> change);
  // A command that is refused changes nothing.
  void Command(size_t node, absl::FunctionRef<absl::Status(NodeCore& core, Instant now)> command);
  // From here on nodes need not be right about each other: only their own promises are checked.
  void Distrust() { trusted_ = false; }
  void AcceptStranger(size_t node);
  // A frame that its peer, or whoever is at its place, did not send.
  void Inject(size_t node, size_t link, const Frame& frame);

  // --- What there is ---------------------------------------------------------------------------
  size_t size() const { return nodes_.size(); }
  bool Running(size_t node) const { return nodes_[node].core != nullptr; }
  NodeId IdOf(size_t node) const { return nodes_[node].id; }
  const Options& OptionsOf(size_t node) const { return nodes_[node].options; }
  const ClusterView& ViewOf(size_t node) const { return nodes_[node].core->view(); }
  Instant LocalNow(size_t node) const { return now_ + nodes_[node].ahead; }
  // Of a running node. Empty if it has none; `link` is taken modulo their number.
  std::optional<LinkId> LinkOf(size_t node, size_t link) const;
  std::optional<NodeId> PeerOf(size_t node, LinkId link) const;
  bool Exhausted() const { return work_ > kMostWork; }

 private:
  struct Link {
    bool connected = false;
    Endpoint to;                 // Dialled.
    std::optional<size_t> peer;  // Empty: nobody, or a stranger.
    LinkId peer_link{};
    std::deque<Frame> inbox;
    bool reset = false;          // Ended by the peer: seen behind what it sent.
    std::optional<NodeId> said;  // The sender of the first hello.
  };
  struct Held {
    uint64_t gate = 0;
    std::vector<Outbound> sends;
    std::shared_ptr<const ClusterView> view;
    std::vector<StampedEvent> events;
  };
  struct Node {
    NodeId id;
    Options options;
    absl::Duration ahead;
    std::unique_ptr<NodeCore> core;  // Null while it does not run.
    std::map<LinkId, Link> links;
    bool paused = false, slow_disk = false, machine_gone = false;
    // Disk.
    PersistentState durable;
    std::optional<PersistentState> unsynced;
    std::deque<SaveRequest> saves;  // Under way, and what waits behind it.
    uint64_t saved = 0, gate = 0;
    std::deque<Held> held;
    // Host.
    std::shared_ptr<const ClusterView> view;
    SlotSet own_slots;
    bool has_rival = false;  // Somebody else's view gives it one of these slots.
    ReplicationStatus report;
  };

  static PersistentState FormedState(size_t nodes, bool full_coverage);
  void Start(Node& node);
  void FeedTo(Node& node, Input input);
  void CarryOut(Node& node, Ready ready);
  void Release(Node& node);
  void Send(Node& node, Outbound out);
  // One side is gone: the other one will see a reset.
  void Leave(Node& node, LinkId link);
  void MakeDurable(Node& node, const PersistentState& state);
  bool Cut(size_t from, size_t to) const;
  void ResolveDial(Node& node, LinkId id);
  bool DeliverNext(Node& node, LinkId id);  // False if there was nothing.
  void Receive(Node& node, LinkId id, const Frame& frame);
  // True if anything happened.
  bool Settle(Node& node);
  std::optional<size_t> At(const Endpoint& bus) const;
  size_t IndexOf(const Node& node) const { return static_cast<size_t>(&node - nodes_.data()); }
  Instant LocalNow(const Node& node) const { return now_ + node.ahead; }
  void OnEvent(Node& node, const Event& event);
  void CheckBounds(const Node& node) const;
  void FindRivals();
  void CheckServers();

  const Setup setup_;
  Instant now_{absl::Seconds(1000)};
  std::vector<Node> nodes_;
  uint64_t cuts_ = 0;
  bool trusted_ = true;
  size_t work_ = 0;
  Watch watch_;
};

}  // namespace clusterkit::fuzz

#endif  // CLUSTERKIT_FUZZ_CORE_WORLD_H_
