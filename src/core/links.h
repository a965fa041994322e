// The connections of a node and when to make new ones. Knows nothing of what is said on them.

#ifndef CLUSTERKIT_CORE_LINKS_H_
#define CLUSTERKIT_CORE_LINKS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "clusterkit/options.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct Link {
  enum class Phase : uint8_t {
    kDialing,   // Outbound, not connected yet.
    kGreeting,  // Connected, the peer's hello is missing.
    kReady,
  };
  LinkId id{};
  bool outbound = false;
  Phase phase = Phase::kDialing;
  std::string remote_host;       // Dialled, or as the transport saw it.
  uint16_t remote_port = 0;      // Outbound only.
  std::optional<NodeId> target;  // Outbound: whom we dialled; empty for a MEET.
  std::optional<NodeId> peer;    // Once ready.
  uint64_t incarnation = 0;      // Of the peer.
  uint64_t features = 0;         // Common to both.
  Instant since;                 // Opened or connected.
  // Digests of the last full claim and of the last details sent on it.
  std::optional<uint64_t> claim_sent, details_sent;
};

// A node has at most one link of each direction with each peer. Thread-compatible.
class Links {
 public:
  explicit Links(const Options& options) : options_(&options) {}

  Link& OpenOutbound(std::optional<NodeId> target, const Endpoint& to, Instant now);
  Link& OpenInbound(const std::string& host, Instant now);
  Link* Find(LinkId id);
  // A ready link; returns the link of the same direction that it replaces, if any.
  std::optional<LinkId> Bind(Link& link, const NodeId& peer);
  void Erase(LinkId id);

  // Ready links only, except HasOutbound, which also sees one under way.
  Link* Outbound(const NodeId& peer);
  Link* Inbound(const NodeId& peer);
  // Whatever a message can be sent on, outbound first.
  Link* Any(const NodeId& peer);
  bool HasOutbound(const NodeId& peer) const { return outbound_.contains(peer); }
  std::vector<LinkId> All() const;
  // Ready ones, ascending by peer, outbound before inbound.
  void ForEachReady(absl::FunctionRef<void(const Link&)> fn) const;
  std::vector<LinkId> AllOf(const NodeId& peer) const;
  size_t anonymous() const { return anonymous_; }  // Inbound, without a hello yet.
  // Ready inbound links of peers that fit.
  size_t CountInbound(absl::FunctionRef<bool(const NodeId&)> fits) const;

  // --- When to dial --------------------------------------------------------------------------
  // Dial soon; `at_once` forgets earlier failures.
  void WantDial(const NodeId& peer, Instant now, bool at_once);
  // After a failed dial. Two quick tries (crash evidence needs them), then backing off to
  // clamp(node_timeout / 4, 250 ms, 2 s): many dead nodes must not cost much.
  void DialFailed(const NodeId& peer, Instant now);
  void StopDialing(const NodeId& peer) { redials_.erase(peer); }
  // Peers to dial now; each is returned once until it is wanted again.
  std::vector<NodeId> TakeDueDials(Instant now);
  Instant NextDial() const;

  // Links that have been dialling or greeting for too long.
  std::vector<LinkId> Overdue(Instant now) const;

 private:
  struct Redial {
    Instant at = Instant::InfiniteFuture();
    int failures = 0;
  };

  const Options* options_;
  uint64_t next_id_ = 1;
  // References to links stay valid while others come and go.
  absl::btree_map<LinkId, std::unique_ptr<Link>> links_;
  absl::btree_set<LinkId> unready_;  // Those of links_ that are not kReady.
  size_t anonymous_ = 0;
  absl::btree_map<NodeId, LinkId> outbound_, inbound_;
  absl::btree_map<NodeId, Redial> redials_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_LINKS_H_
