// The host of one node: serves the registers of its slots while it is a primary, keeps a copy of
// its primary's while it is a replica. This is the part to take over into a service of your own;
// it does not know that it is simulated.
//
// A write is acknowledged when every holder of a copy has confirmed it, and the lease of the node
// still stands then. So whoever may be elected has it, and it is not lost as long as one copy is
// left and operators do not tell otherwise. The price: while a holder is away, nothing is
// acknowledged.

#ifndef CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_HOST_H_
#define CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_HOST_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/routing.h"
#include "clusterkit/transport.h"
#include "replicated_register/message.h"

namespace replicated_register {

// What a host stands on. In a process of its own: an event loop, a transport, a disk.
struct Surroundings {
  std::function<clusterkit::Node&()> node;  // Once it has started.
  std::function<clusterkit::Instant()> now;
  std::function<void(absl::Duration, std::function<void()>)> after;
  std::function<std::unique_ptr<clusterkit::Transport>()> new_transport;
  std::function<uint64_t()> random;
  std::function<bool()> hangs;  // For simulations: the data thread does nothing.
};

// What is on the disk of a node. Here every change is durable at once.
struct Disk {
  clusterkit::NodeId owner;  // A node with a new identity begins without data.
  Copy copy;
  // Written as a primary. When another has been elected since, nobody knows whether that one had
  // all of it, or has acknowledged more: what is here is no copy until it is replaced by one.
  bool own = false;
  bool present = true;  // False: it was lost.
};

// Progress as clusterkit understands it. A primary reports no complete copy, so that its node does
// not stand with what is here in the moments after it was replaced.
clusterkit::Progress ProgressOf(const Disk& disk);

// What hosts get wrong, for showing that a campaign finds it.
enum class Mistake : uint8_t {
  kNone,
  kAckLate,       // The lease is looked at before a write is executed, not when it is answered.
  kKeepHistory,   // A new primary goes on with the history of the one before it.
  kTrustOwnData,  // A replaced primary takes what it wrote for a copy.
};

struct HostOptions {
  // Wait for every holder. Otherwise writes are acknowledged at once and may be lost.
  bool synchronous = true;
  Mistake mistake = Mistake::kNone;
};

// For whoever watches: neither is part of the service.
struct Watcher {
  std::function<void(const Written&)> acknowledged;  // About to be sent.
  std::function<void()> saved;                       // The copy on the disk changed.
};

class Host : public clusterkit::Observer, public clusterkit::Transport::Handler {
 public:
  // `disk` must outlive this.
  Host(Surroundings around, Disk* disk, const HostOptions& options, Watcher watcher);

  void OnEvent(const clusterkit::Event& event, clusterkit::Instant now) override;

  clusterkit::LinkId OnAccept(const std::string& peer_host) override;
  void OnLinkUp(clusterkit::LinkId link) override;
  void OnLinkDown(clusterkit::LinkId link, clusterkit::LinkDownCause cause,
                  const absl::Status& detail) override;
  void OnFrame(clusterkit::LinkId link, std::string_view frame) override;
  void OnBadFrame(clusterkit::LinkId link, const absl::Status& error) override;

 private:
  clusterkit::Node& node() const { return around_.node(); }
  std::shared_ptr<const clusterkit::ClusterView> View() const { return node().view(); }
  void Begin();
  void Tick();
  void Report();
  void OnRole(const clusterkit::RoleChanged& role);
  void DropData();
  void Changed();

  // --- As a primary: primary.cc ----------------------------------------------------------------
  void Lead(const clusterkit::ClusterView& view);
  void On(clusterkit::LinkId client, const Write& write);
  void On(clusterkit::LinkId link, const Follow& follow);
  void On(clusterkit::LinkId link, const Confirm& confirm);
  clusterkit::RouteDecision Belongs(clusterkit::SlotId slot, bool asking) const;
  void DropSlots(const clusterkit::SlotsRebound& rebound);
  void DropHoldersThatLeft(const clusterkit::ClusterView& view);
  void DropSilentFollowers();
  // Everybody who holds a copy since before `since` has got as far as `offset`.
  bool Confirmed(uint64_t offset, uint64_t since) const;
  void Publish();
  void Acknowledge();

  // --- Slots on their way: move.cc -------------------------------------------------------------
  void On(clusterkit::LinkId link, const Bring& bring);
  void On(clusterkit::LinkId link, const Brought& brought);
  void SendSlots();
  void ConfirmArrivals();
  bool Leaving(clusterkit::SlotId slot) const;
  bool KeptStill(clusterkit::SlotId slot) const;
  void StopMoving();

  // --- As a replica: replica.cc ----------------------------------------------------------------
  void FollowPrimary(const clusterkit::ClusterView& view);
  void On(clusterkit::LinkId link, const Copy& copy);
  void Leave();

  // Not for a host: answers to clients.
  void On(clusterkit::LinkId, const Written&) {}
  void On(clusterkit::LinkId, const Refused&) {}

  const Surroundings around_;
  Disk& disk_;
  const HostOptions options_;
  const Watcher watcher_;
  const std::unique_ptr<clusterkit::Transport> transport_;
  uint64_t next_link_ = 1;

  // As a primary.
  uint64_t obeys_pause_ = 0;  // Writes are refused for a handover.
  struct Waiting {
    clusterkit::LinkId client;
    Written answer;
    uint64_t offset;
    bool asking;
  };
  std::deque<Waiting> waiting_;  // Executed, not acknowledged. Ascending by offset.
  struct Follower {
    clusterkit::NodeId replica;
    int unanswered = 0;  // Turns of ours. By the clock all would be silent after a SIGSTOP of ours.
  };
  std::map<clusterkit::LinkId, Follower> followers_;
  std::map<clusterkit::NodeId, uint64_t> confirmed_;  // Offsets.

  // As an end of a move.
  struct Outgoing {
    clusterkit::NodeId target;
    std::map<clusterkit::SlotId, uint64_t> slots;  // And the transfer that asked for each.
    std::optional<clusterkit::LinkId> link;
    int turns = 0;
  };
  std::optional<Outgoing> outgoing_;
  // Erased here because the target has them: at which offset. Nobody is sent on before all copies
  // know of it, or a new primary might have the register still.
  std::map<clusterkit::SlotId, uint64_t> leaving_;
  struct Arrival {
    clusterkit::LinkId link;
    Brought answer;
    uint64_t offset;
  };
  std::deque<Arrival> arrivals_;

  // As a replica.
  std::optional<clusterkit::LinkId> upstream_;
  clusterkit::Endpoint upstream_address_;
  std::optional<clusterkit::NodeId> following_;
  clusterkit::Instant last_io_ = clusterkit::Instant::InfinitePast();
  clusterkit::Instant last_try_ = clusterkit::Instant::InfinitePast();
  bool link_up_ = false;  // A copy has arrived on this link.
};

}  // namespace replicated_register

#endif  // CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_HOST_H_
