// Every knob of a node, with unit, range and formula.

#ifndef CLUSTERKIT_OPTIONS_H_
#define CLUSTERKIT_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/node_details.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct Options {
  // --- Identity and addresses -------------------------------------------------------------

  // Nodes of different names refuse each other. At most 64 bytes; may be empty.
  std::string cluster_name;

  // Where peers reach this node, and where its clients do. A port is required. An empty host is
  // learned from the first peer that reaches us or that we reach; a set one is announced as is:
  // at most 255 printable ASCII characters, without those that part fields of the state file
  // (space , @ =). All but the port of the bus, on which the node listens, can change at run time.
  Endpoint bus, client;

  // Names and tags, for people and clients. Can change at run time.
  NodeDetails details;

  // --- Failure detection ------------------------------------------------------------------

  // Silence, with a ping outstanding for at least a quarter of it, after which a peer is PFAIL.
  // Also sets: ping interval x/2, validity of failure reports 2x, round length x/4 (250 ms to
  // 2 s), election unit x/30 (20 ms to 500 ms), serving lease 0.8x. Keep it large against the
  // round trip and against scheduling delays. At least 1 ms.
  absl::Duration node_timeout = absl::Seconds(15);
  // Longest time without a ping to a peer; unset means node_timeout/2. At least 1 ms, and at most
  // node_timeout/2: leases live on the answers.
  std::optional<absl::Duration> ping_interval;

  // A link that the peer broke, followed by refused reconnects to the same address, is taken as
  // the death of its process: PFAIL at once instead of after node_timeout. Switch off where a
  // firewall or proxy refuses connections on behalf of live nodes.
  bool crash_evidence = true;
  // Extra wait between the evidence and PFAIL, for hosts whose supervisor restarts them quickly.
  absl::Duration crash_evidence_grace = absl::ZeroDuration();

  // A host that has begun to report its liveness (Node::ReportHostAlive) and then says nothing
  // for this long is treated as hung: the node stops answering pings, so that its shard fails
  // over. Zero switches it off; unset means 3 x node_timeout.
  std::optional<absl::Duration> host_stall_timeout;

  // --- Failover ---------------------------------------------------------------------------

  // A replica stands for election only if its data is younger than
  // replica_validity_base + factor x node_timeout. Factor 0: always.
  int replica_validity_factor = 10;
  absl::Duration replica_validity_base = absl::Seconds(10);
  // This node never stands for election by itself.
  bool no_failover = false;
  // How long a failover by command may take. Its primary pauses writes for at most twice as long.
  // At least 1 ms.
  absl::Duration manual_failover_timeout = absl::Seconds(5);
  // Of replicas with equal progress the one with the smaller number stands first; equal numbers
  // leave it to the smaller id. 0 to 1,000,000.
  int replica_priority = kUsualReplicaPriority;
  // A primary that lost its last slot to a node of another shard follows that node. And a replica
  // moves to a primary that has had no working replica for five seconds, from one that has more
  // than migration_barrier of them. Spec: "Replica migration".
  bool allow_replica_migration = true;
  // 0 or more; the last replica of a primary never moves.
  int migration_barrier = 1;
  // A slot owner that comes back without its data, while a replica of its shard has it, neither
  // serves nor feeds replicas, and asks the freshest replica to stand. Off: Redis's behaviour,
  // the shard is served empty.
  bool guard_missing_data = true;

  // Whether this node votes while it owns no slots. With one primary and one replica that vote
  // always, and one witness, a cluster survives the loss of any of them. Set it alike on all nodes
  // that own slots or replicate, and change it at run time on one node at a time.
  Voting voting = Voting::kWithSlots;

  // --- Serving ----------------------------------------------------------------------------

  // Any slot without a live owner puts the whole cluster in state kFail.
  bool require_full_coverage = true;
  // In state kFail, reads of own slots are still served.
  bool allow_reads_when_down = false;

  // --- Limits: what a peer can make us hold -------------------------------------------------

  // Known nodes, this one included. Beyond it MEET and gossip additions are refused. 3 to 65535.
  size_t max_nodes = 16384;
  // A larger frame, in either direction, closes the link. 64 KiB to 4 GiB - 1.
  size_t max_frame_bytes = size_t{1} << 20;
  // Bytes queued on one link; more closes it. At least max_frame_bytes.
  size_t max_link_queue_bytes = size_t{16} << 20;
  // Accepted links that have not yet said hello; more are refused.
  size_t max_anonymous_links = 256;
  // Gossip entries in one heartbeat, whatever the size of the cluster. 1 to 4096.
  size_t max_gossip_entries = 1024;
  // For how long Forget keeps a node from coming back, here and at the peers that hear of it. Peers
  // hear of whole seconds. Does not outlast the process.
  absl::Duration forget_ban = absl::Seconds(60);

  // Tests and simulations set it; otherwise Node::Start draws one from the operating system.
  std::optional<uint64_t> seed;

  // The defaults above: one data centre.
  static Options Lan();
  // Lan() with node_timeout 30 s: links with a long or uneven round trip.
  static Options Wan();
  // Lan() with node_timeout 1 s: demos and tests on one machine.
  static Options Loopback();

  // InvalidArgument naming field, value and allowed range.
  absl::Status Validate() const;

  // Derived lengths, in one place so that all parts agree.
  absl::Duration PingInterval() const;      // ping_interval or its default
  absl::Duration ReportValidity() const;    // 2 x node_timeout
  absl::Duration RoundLength() const;       // clamp(node_timeout / 4, 250 ms, 2 s)
  absl::Duration RankUnit() const;          // clamp(node_timeout / 30, 20 ms, 500 ms)
  absl::Duration ServeLease() const;        // 0.8 x node_timeout
  absl::Duration RejoinDelay() const;       // clamp(node_timeout, 500 ms, 5 s)
  absl::Duration HandshakeTimeout() const;  // max(node_timeout, 1 s)
  absl::Duration HostStallTimeout() const;  // host_stall_timeout or its default
};

// No round is longer than this, whatever a candidate's node_timeout.
inline constexpr absl::Duration kLongestRound = absl::Seconds(2);

}  // namespace clusterkit

#endif  // CLUSTERKIT_OPTIONS_H_
