// A cluster of real nodes in one thread and virtual time.
//
// Every node is a Node on simulated ports: network, disk and clock are functions of the seed, and
// every message passes through the codec. Hosts may run their own service on these nodes: attach
// an Observer to each, act on its events, send commands.

#ifndef CLUSTERKIT_SIM_CLUSTER_H_
#define CLUSTERKIT_SIM_CLUSTER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/options.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/time.h"
#include "clusterkit/transport.h"

namespace clusterkit::sim {

// What one direction between two nodes does to bytes. Links model TCP: they delay, stall and
// break, but never reorder, repeat or drop a part.
struct LinkFaults {
  absl::Duration latency = absl::Microseconds(100);
  absl::Duration jitter = absl::ZeroDuration();  // Added, uniform in [0, jitter].
  // Nothing arrives; dials time out. Established links send again with growing intervals, so
  // that bytes arrive some time after the end of the cut; after 60 s they die of it (kTimeout).
  bool cut = false;
  bool stalled = false;          // Bytes wait until this ends.
  bool refused = false;          // New links are refused, as by a firewall.
  uint32_t reset_per_mille = 0;  // Chance for each frame to break its link.
};

struct DiskFaults {
  // A save with sync takes this long. One without is durable 5 s later, or with the next sync.
  absl::Duration sync_latency = absl::Microseconds(200);
  bool fail = false;  // Every save answers with an error.
};

// Nodes are named by the caller; names appear in traces and scenario files.
using Name = std::string;

struct NodeSetup {
  std::function<void(Options&)> adjust;  // May be null.
  // What the disk holds before the first start: a node with a past, or with a chosen id.
  std::optional<PersistentState> disk;
};

// A state that gives a node that never ran this id, and nothing else.
PersistentState FreshState(const NodeId& id);

// Same seed and same calls: same run. Not for several threads. Sinks and hosts may call anything
// but Advance and AdvanceUntil; a node that is crashed from its own call is destroyed after it.
class Cluster {
 public:
  // Base of every node's options; addresses and seed are set for each.
  Cluster(uint64_t seed, Options base);
  ~Cluster();

  uint64_t seed() const;
  const Options& base_options() const;

  // --- Nodes --------------------------------------------------------------------------------
  // Starts a node at an address of its own ("10.0.0.<n>"), with an empty disk. AlreadyExists.
  // Buses listen on port 16379, the client endpoint has port 6379.
  absl::Status AddNode(const Name& name, const NodeSetup& setup = {});
  // Called for each start of each node, before it runs, to attach a host. May return null.
  using HostFactory = std::function<std::unique_ptr<Observer>(const Name&, Cluster&)>;
  void SetHostFactory(HostFactory factory);
  bool has_host_factory() const;

  std::vector<Name> names() const;  // In the order added.
  // False for a name that was never added.
  bool Running(const Name& name) const;  // Also while paused.
  bool Paused(const Name& name) const;
  Node& node(const Name& name) const;   // REQUIRES: Running(name).
  NodeId IdOf(const Name& name) const;  // The last one, if it does not run.
  Name NameOf(const NodeId& id) const;  // Short hex for an unknown id.
  Endpoint BusOf(const Name& name) const;
  // What would be found after losing everything unsynced. Empty: nothing was ever synced.
  std::optional<PersistentState> DiskOf(const Name& name) const;

  // --- For hosts ----------------------------------------------------------------------------
  // Calls `fn` on the node's process after this time on its clock. Waits while it is paused,
  // never runs if it dies. REQUIRES: the node runs or is being started.
  void After(const Name& name, absl::Duration delay, std::function<void()> fn);
  // Links of the host's own, for example between its data planes, with the same faults as the
  // node's. Ends with the process. REQUIRES: as above.
  std::unique_ptr<Transport> NewTransport(const Name& name);
  // The node's own clock: what its Instants are compared with.
  Instant LocalNow(const Name& name) const;

  // --- Faults -------------------------------------------------------------------------------
  // Nodes of different groups cannot reach each other; nodes in no group form one more.
  void Partition(const std::vector<std::vector<Name>>& groups);
  void Heal();  // Ends partitions and link faults.
  void SetFaults(const Name& from, const Name& to, const LinkFaults& faults);
  void SetDefaultFaults(const LinkFaults& faults);
  const LinkFaults& default_faults() const;
  // What is in force in this direction; `cut` also for a partition and for machines without power.
  LinkFaults FaultsBetween(const Name& from, const Name& to) const;
  void SetDiskFaults(const Name& name, const DiskFaults& faults);
  const DiskFaults& DiskFaultsOf(const Name& name) const;
  void ResetLinks(const Name& a, const Name& b);  // Breaks every link between the two now.
  // The process dies. Peers see resets, and refused connections, unless `host_gone` (power cut:
  // they see nothing). What was not synced is lost if `lose_unsynced`.
  void Crash(const Name& name, bool lose_unsynced = true, bool host_gone = false);
  absl::Status Restart(const Name& name);  // With what its disk holds.
  // Replaces what the disk holds: nothing, or an old state. REQUIRES: not running.
  void SetDisk(const Name& name, std::optional<PersistentState> content);
  // The file cannot be read: restarts fail with DataLoss until SetDisk. REQUIRES: not running.
  void DamageDisk(const Name& name);
  // Gives the machine another address, one that nobody had. REQUIRES: not running.
  void Readdress(const Name& name);
  // Gives each the address of the next, and the last that of the first. REQUIRES: none runs, none
  // is named twice.
  void RotateAddresses(const std::vector<Name>& names);
  // SIGSTOP: the clock goes on, nothing runs. Peers can connect and send; the process sees it
  // all when it is resumed.
  void Pause(const Name& name);
  // The whole machine stops, its kernel too: nothing answers. The clock goes on (CLOCK_BOOTTIME).
  void Suspend(const Name& name);
  void Resume(const Name& name);  // After either.
  // The node's clock is this far ahead of the simulation's from now on, or stands as it is if
  // that would turn it back, and gains on it by `drift_ppm` millionths.
  void SetClock(const Name& name, absl::Duration ahead, int64_t drift_ppm);
  // Sends a frame on a link that `from` dialled to `to`, as if `from` had decided to. NotFound
  // if there is none. For showing how nodes treat a liar.
  absl::Status Inject(const Name& from, const Name& to, const Frame& frame);

  // --- Time ---------------------------------------------------------------------------------
  Instant now() const;
  void Advance(absl::Duration virtual_time);
  // Advances until `done` or the limit, whichever is first; false at the limit. `done` is asked
  // every 10 ms.
  bool AdvanceUntil(const std::function<bool()>& done, absl::Duration limit);

  // --- Watching -----------------------------------------------------------------------------
  struct TracedEvent {
    Instant at;  // On the simulation's clock.
    Name node;
    Event event;
    uint64_t number = 0, cause = 0;  // In the stream of this process; see StampedEvent.
  };
  // Called for each event of each node, after the node's own host.
  using EventSink = std::function<void(const TracedEvent&)>;
  void AddEventSink(EventSink sink);
  // Called for each decision of the nodes that are started from now on; `at` is on the simulation's
  // clock, that of the record on the node's.
  using TraceRecordSink = std::function<void(Instant at, const Name&, const TraceRecord&)>;
  void AddTraceSink(TraceRecordSink sink);
  struct TracedFrame {
    Instant at;
    Name from, to;
    const Frame* frame;
    size_t bytes;
  };
  // Called for each frame of the nodes when it is sent, before faults apply. False breaks the
  // link instead of sending. The frame is as its sender built it.
  using FrameSink = std::function<bool(const TracedFrame&)>;
  void AddFrameSink(FrameSink sink);
  // Called for each frame of the nodes just before its receiver gets it, as the receiver will see
  // it.
  using DeliverySink = std::function<void(const TracedFrame&)>;
  void AddDeliverySink(DeliverySink sink);
  // Called for each start of a node, once it runs.
  using StartSink = std::function<void(const Name&)>;
  void AddStartSink(StartSink sink);
  // Called for each save that has become durable.
  using SaveSink = std::function<void(Instant, const Name&, const PersistentState&)>;
  void AddSaveSink(SaveSink sink);

  uint64_t frames_sent() const;  // By the nodes; not by transports of their hosts.
  uint64_t bytes_sent() const;
  uint64_t steps_run() const;  // Of the simulation: arrivals, timers, writes.

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Builds a formed cluster the short way: nodes "p1".."pN" with equal shares of the slots and
// config epochs 1..N, and "r1".."rM" as their replicas in turn, with ids that ascend in this
// order, all acquainted and in state ok.
// If the caller has set no host factory, the hosts are those of DataPlane (data_plane.h), because
// a replica that never synchronised stands for no election.
// Advances virtual time. DeadlineExceeded, saying what is missing, if it does not come together.
struct Topology {
  int primaries = 3;
  int replicas_per_primary = 1;
  // Start with disks on which all of this is written, instead of by MEET, gossip and commands.
  bool preloaded = false;
  // Shares of the slots, and who replicates whom, are drawn from the seed: some primaries may own
  // a single slot, or have no replica.
  bool uneven = false;
  // Replicas in all, if not as many as above.
  std::optional<int> replicas = std::nullopt;
  // Beside them: w1, w2, ... vote and do nothing else.
  int witnesses = 0;
};
absl::Status Form(Cluster& cluster, const Topology& topology);

// Why the running nodes do not agree on a healthy cluster: the first difference found, naming
// nodes. OK if all of them see each other online, in state ok, with the same roles and the same
// owner for each slot, and the owners are among them.
absl::Status CheckAgreement(Cluster& cluster);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_CLUSTER_H_
