// The counter service of one node: what a host of clusterkit has to do, and little else.
//
//   INCR key        VALUE n      counted here; it may be lost if this node dies
//   INCR key SYNC   VALUE n      counted here and by whoever may be elected in place of this node
//   GET key         VALUE n      of this node's own shard; perhaps before it is acknowledged
//
// or instead MOVED host port, TRYAGAIN, DOWN reason, UNKNOWN (perhaps it was counted), ERROR text.
//
// clusterkit says who owns a slot, who takes over from whom, and until when a node may answer. The
// service owes it three things in return, from Tick(): that it is alive, how far its data is
// (replication and elections), and whether its data is there at all. Between the nodes of a shard:
//
//   FOLLOW id       a replica wants a copy; the primary answers with COPY, then DO for each change
//   ALIVE           from the primary, often
//   HAVE offset     the replica has so much, on its disk
//
// Not shown here: slots that move to another shard while they are served. The register in
// examples/replicated_register does that.

#ifndef CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_SERVICE_H_
#define CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_SERVICE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/routing.h"
#include "clusterkit/transport.h"
#include "sharded_counter/data.h"

namespace sharded_counter {

// How often Tick() is to be called.
inline constexpr absl::Duration kTick = absl::Milliseconds(100);

// What services get wrong, to show that the simulator finds it: examples/host_under_simulation.
enum class Mistake {
  kNone,
  kAckLate,    // It is looked at the lease before an increment, not when it is acknowledged.
  kAckEarly,   // One copy is enough for SYNC.
  kMergeCopy,  // A copy is added to what is there, instead of replacing it.
};

// What the service stands on: sockets and a disk in a process, the simulator in a test.
struct Ports {
  std::unique_ptr<clusterkit::Transport> transport;  // A frame is a line.
  std::function<clusterkit::Instant()> now;          // The clock of the node's loop.
  std::function<void(const Data&)> save;             // On the disk when it returns.
  // For tests: an increment of this key is about to be acknowledged. May be null.
  std::function<void(const std::string& key)> acknowledging;
};

// On the thread of the node's loop.
class Service : public clusterkit::Observer, public clusterkit::Transport::Handler {
 public:
  // `data`: what the disk holds.
  Service(Ports ports, Data data, Mistake mistake = Mistake::kNone);

  // Once the node has started; it must outlive this. The error of Listen, on the client endpoint.
  absl::Status Begin(clusterkit::Node* node);
  void Tick();

  void OnEvent(const clusterkit::Event& event, clusterkit::Instant now) override;

  clusterkit::LinkId OnAccept(const std::string& peer_host) override;
  void OnLinkUp(clusterkit::LinkId link) override;
  void OnLinkDown(clusterkit::LinkId link, clusterkit::LinkDownCause cause,
                  const absl::Status& detail) override;
  void OnFrame(clusterkit::LinkId link, std::string_view line) override;
  void OnBadFrame(clusterkit::LinkId link, const absl::Status& error) override;

 private:
  void Report();
  void OnRole(const clusterkit::RoleChanged& role);
  void Save();
  std::string Answer(clusterkit::LinkId link, const std::vector<std::string>& words);

  // --- As a primary: primary.cc ----------------------------------------------------------------
  void Lead();
  clusterkit::RouteDecision Belongs(const std::string& key, bool write) const;
  std::string Get(const std::string& key);
  std::string Count(clusterkit::LinkId client, const std::string& key, bool sync);
  void Change(const sharded_counter::Change& change);
  bool Confirmed(uint64_t offset, uint64_t held_before) const;
  void Acknowledge();
  std::string OnFollow(clusterkit::LinkId link, const std::string& id);
  std::string OnHave(clusterkit::LinkId link, const std::string& offset);
  void FeedFollowers();
  void CheckFollowers();

  // --- As a replica: replica.cc ----------------------------------------------------------------
  void Follow();
  void OnStream(std::string_view line);
  absl::Status TakeCopy(std::string_view line);
  absl::Status TakeChange(std::string_view line);
  void Leave();

  const Ports ports_;
  const Mistake mistake_;
  clusterkit::Node* node_ = nullptr;  // Null before Begin().
  Data data_;
  bool lost_ = false;  // The node was told that the data of its slots is not here.
  uint64_t next_link_ = 1;

  // As a primary.
  uint64_t pause_ = 0;  // Not 0: clusterkit wants no changes, for a handover.
  struct Waiting {
    clusterkit::LinkId client;
    std::string key;
    uint64_t value, offset;
    bool sync;
  };
  std::vector<Waiting> waiting_;  // Executed, not acknowledged yet.
  struct Follower {
    clusterkit::NodeId node;
    bool fed = false;    // It was sent a copy, and is sent all changes.
    int unanswered = 0;  // Ticks of ours.
  };
  std::map<clusterkit::LinkId, Follower> followers_;
  std::map<clusterkit::NodeId, uint64_t> confirmed_;  // Offsets.

  // As a replica.
  std::optional<clusterkit::LinkId> upstream_;
  clusterkit::Endpoint upstream_address_;
  bool link_up_ = false;  // A copy has arrived on this link.
  clusterkit::Instant last_io_, last_try_;
};

}  // namespace sharded_counter

#endif  // CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_SERVICE_H_
