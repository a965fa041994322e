// A simulated network of TCP-like links.
//
// What a link does, and which behaviour of TCP it stands for:
//  - A dial takes a round trip. Nobody listening: refused, after a round trip. No answer: the
//    attempt is repeated after 1 s, 2 s, 4 s ... until the dial gives up (kTimeout).
//  - Frames of one direction arrive in order, after latency and jitter.
//  - Across a cut, bytes are sent again after 0.2 s, 0.4 s, 0.8 s ...; after 60 s the sender's
//    end dies (kTimeout). The receiver's end notices nothing until it sends something itself.
//  - Bytes for an end that is closed are answered by a reset (kReset).
//  - A stopped process: its kernel completes handshakes (up to a backlog) and keeps bytes; the
//    process sees all of it when it goes on.
//  - A dead process: its kernel closes its links, which its peers see as kReset, in order after
//    what was sent before. A dead machine says nothing.

#ifndef CLUSTERKIT_SRC_SIM_NETWORK_H_
#define CLUSTERKIT_SRC_SIM_NETWORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/options.h"
#include "clusterkit/random.h"
#include "clusterkit/transport.h"
#include "sim/faults.h"
#include "sim/scheduler.h"

namespace clusterkit::sim {

class Network;

// Slot in the connection table and, above it, how often the slot was used before: a late event
// of a connection that is gone finds nothing.
enum class ConnId : uint64_t {};

// Sees what one transport sends and what it receives.
class FrameTap {
 public:
  virtual ~FrameTap() = default;
  // Before faults apply. False breaks the link instead.
  virtual bool OnFrameSent(HostId from, HostId to, const std::string& frame) = 0;
  // Just before the process is handed it.
  virtual void OnFrameReceived(HostId from, HostId to, const std::string& frame) = 0;
};

// A process's way to the network; a process may have several, at different ports.
class NetTransport : public Transport {
 public:
  NetTransport(Network* network, HostId host, const Options& limits, FrameTap* tap);
  ~NetTransport() override;

  absl::Status Listen(const Endpoint& bus, Handler* handler) override;
  void Dial(LinkId link, const Endpoint& to) override;
  void Send(LinkId link, std::string frame) override;
  void Close(LinkId link) override;
  void Shutdown() override;

  // The process stops (SIGSTOP) or goes on.
  void SetPaused(bool paused);
  // The process ends; every later call does nothing. `silently`: its machine is gone as well, so
  // that not even its kernel closes its links.
  void Die(bool silently);

 private:
  friend class Network;

  void ReleaseHeld();

  Network* network_;
  HostId host_;
  size_t max_frame_bytes_, max_link_queue_bytes_;
  absl::Duration dial_timeout_;
  FrameTap* tap_;
  Handler* handler_ = nullptr;
  std::optional<Endpoint> listening_;
  absl::btree_map<LinkId, std::pair<ConnId, int>> links_;  // Connection and our side of it.
  bool paused_ = false, dead_ = false;
  int backlog_ = 0;                                // Connections nobody has accepted yet.
  std::vector<std::pair<uint64_t, ConnId>> held_;  // Events that wait for the process to go on.
};

class Network final : public Scheduler::Target {
 public:
  Network(Scheduler* scheduler, uint64_t seed) : scheduler_(scheduler), rng_(seed) {}

  HostId AddHost(const std::string& address);
  void Readdress(HostId host, const std::string& address);
  const std::string& AddressOf(HostId host) const {
    return hosts_[static_cast<size_t>(host)].address;
  }
  // For all transports of the host, which share one process.
  void SetPaused(HostId host, bool paused);
  void Die(HostId host, bool silently);

  const FaultTable& faults() const { return faults_; }
  // Changes faults and lets go what they no longer hold.
  template <typename Fn>
  void ChangeFaults(Fn change) {
    change(faults_);
    ReleaseStalled();
  }
  // Breaks every link between the two hosts; both ends see kReset.
  void ResetLinks(HostId a, HostId b);
  // Puts a frame on the oldest link that `from` dialled to `to`, as if it had sent it.
  // NotFound if there is none.
  absl::Status Inject(NetTransport& from, HostId to, std::string frame);

  void OnScheduled(uint64_t what, uint64_t which) override;

 private:
  friend class NetTransport;

  enum class Action : uint64_t {
    kTrySyn,
    kSynArrives,
    kRefused,
    kEstablished,
    kNotifyUp,
    kDialDeadline,
    // Twice each: for side 0, then for side 1.
    kDeliver,
    kDeliver1,
    kReset,
    kReset1,
    kDown,
    kDown1,
  };

  // What travels in one direction: frames, and the marks around them.
  struct Segment {
    enum class Kind : uint8_t { kAccept, kFrame, kClose } kind = Kind::kFrame;
    int64_t arrives_ns = 0;
    std::string bytes;
  };
  // One direction of a connection. A vector with a moving head: most pipes are empty most of
  // the time, and there are two for each pair of nodes.
  struct Pipe {
    std::vector<Segment> queue;
    size_t head = 0;
    size_t bytes = 0;
    int64_t last_arrival_ns = 0;
    int64_t blocked_since_ns = -1;  // The head met a cut then.
    int retries = 0;
    bool awaited = false;  // An event will look at the pipe again.
    bool empty() const { return head == queue.size(); }
    void Clear();
    Segment Pop();
  };
  struct End {
    enum class State : uint8_t { kNone, kDialing, kOpen, kFailing, kClosed } state = State::kNone;
    LinkDownCause cause = LinkDownCause::kReset;  // While kFailing.
    NetTransport* owner = nullptr;
    HostId host{};
    LinkId link{};
  };
  // Side 0 dialled. Pipe i carries what side i sends.
  struct Connection {
    uint32_t generation = 0;
    bool used = false, established = false;
    int syn_attempts = 0;
    int64_t dial_deadline_ns = 0;
    Endpoint to;
    End ends[2];
    Pipe pipes[2];
  };

  std::vector<NetTransport*>& TransportsOf(HostId host) {
    return hosts_[static_cast<size_t>(host)].transports;
  }

  // Connections.
  ConnId Open();
  Connection* Find(ConnId id);
  void FreeIfDone(ConnId id);
  void Schedule(int64_t at_ns, Action action, ConnId id);
  static Action SideOf(Action action, int side) {
    return static_cast<Action>(static_cast<uint64_t>(action) + static_cast<uint64_t>(side));
  }
  // Keeps the event for later if the process is stopped.
  static bool HoldIfPaused(NetTransport& process, Action action, ConnId id);
  int64_t DelayNs(HostId from, HostId to);

  // Dialling: network_dial.cc.
  void Dial(NetTransport& from, LinkId link, const Endpoint& to);
  void TrySyn(ConnId id, Connection& c);
  void RetrySyn(ConnId id, Connection& c);
  void SynArrives(ConnId id, Connection& c);
  void Establish(ConnId id, Connection& c);
  void NotifyUp(ConnId id, Connection& c);
  NetTransport* ListenerAt(const Endpoint& at) const;
  std::optional<HostId> HostAt(const std::string& address) const;

  // Carrying.
  void Send(NetTransport& from, LinkId link, std::string frame);
  void Push(ConnId id, Connection& c, int side, Segment::Kind kind, std::string bytes);
  void Deliver(ConnId id, int side);
  bool Passes(ConnId id, Connection& c, int side);
  void Retransmit(ConnId id, Connection& c, int side);
  // True if it was handed to the process.
  bool Hand(ConnId id, Connection& c, int side);
  void HandAccept(ConnId id, Connection& c, NetTransport& listener);
  void ReleaseStalled();

  // Ending.
  void CloseEnd(ConnId id, int side, bool silently);
  void Fail(ConnId id, Connection& c, int side, LinkDownCause cause);
  void SendReset(ConnId id, Connection& c, int side);
  void Break(ConnId id, Connection& c, int first_side);
  void AnswerReset(ConnId id, Connection& c, int side);
  void NotifyDown(ConnId id, Connection& c, int side);

  Scheduler* scheduler_;
  Rng rng_;
  FaultTable faults_;
  struct Host {
    std::string address;
    std::vector<NetTransport*> transports;
  };
  std::vector<Host> hosts_;
  std::map<std::string, HostId> host_by_address_;
  std::map<Endpoint, NetTransport*> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint32_t> free_;
  std::vector<std::pair<ConnId, int>> stalled_;  // Pipes that wait for a stall to end.
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_NETWORK_H_
