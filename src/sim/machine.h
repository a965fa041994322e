// One simulated machine: address, clock, disk, and the process that runs on it, if any.

#ifndef CLUSTERKIT_SRC_SIM_MACHINE_H_
#define CLUSTERKIT_SRC_SIM_MACHINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/codec.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/sim/cluster.h"
#include "sim/disk.h"
#include "sim/loop.h"
#include "sim/network.h"
#include "sim/scheduler.h"

namespace clusterkit::sim {

class Machine final : public Scheduler::Target {
 public:
  // What all machines share.
  class World {
   public:
    virtual ~World() = default;
    virtual std::unique_ptr<Observer> MakeHost(const Name& name) = 0;
    virtual void OnEvent(Machine& machine, const StampedEvent& stamped) = 0;
    virtual void OnTrace(Machine& machine, const TraceRecord& record) = 0;
    virtual bool Traces() const = 0;  // Somebody wants traces.
    virtual void OnDurable(Machine& machine, const PersistentState& state) = 0;
    // Destroys it once no call of it can be on the stack.
    virtual void Bury(std::shared_ptr<void> process) = 0;

    Scheduler scheduler;
    std::unique_ptr<Network> network;
    std::unique_ptr<Codec> codec;
    FrameTap* tap = nullptr;
  };

  // `options` as adjusted; the seed is set at each start.
  Machine(World* world, Name name, HostId host, Options options, uint64_t seed);
  ~Machine();

  const Name& name() const { return name_; }
  HostId host() const { return host_; }
  const Options& options() const { return options_; }
  Node* node() const { return process_ == nullptr ? nullptr : process_->node.get(); }
  bool paused() const { return paused_; }
  // Of the process, or of the last one.
  const NodeId& id() const { return id_; }
  Disk& disk() { return disk_; }
  Clock& clock() { return clock_; }
  // True if the node has taken a new identity since the last call.
  bool RefreshId();

  absl::Status Start();
  void Crash(bool lose_unsynced, bool host_gone);
  void Pause();
  void Suspend();
  void Resume();
  void SetAddress(const Endpoint& bus, const Endpoint& client);
  void SetClock(absl::Duration ahead, int64_t drift_ppm);

  void After(absl::Duration delay, std::function<void()> fn);
  std::unique_ptr<NetTransport> NewTransport(FrameTap* tap);
  absl::Status Inject(HostId to, std::string frame);

  void OnScheduled(uint64_t what, uint64_t which) override;

 private:
  enum What : uint64_t { kLoop, kTimer };

  // Everything that ends with a crash. The parts are destroyed from the last to the first.
  struct Process final : Observer, TraceSink {
    Process(Machine* machine, uint64_t number);
    void OnStampedEvent(const StampedEvent& stamped, Instant now) override;
    void OnTrace(const TraceRecord& record) override;

    Machine* machine;
    const uint64_t number;
    bool dead = false;
    Loop loop;
    std::unique_ptr<NetTransport> transport;
    std::unique_ptr<Observer> host;
    std::unique_ptr<Node> node;
    std::map<uint64_t, std::function<void()>> timers;
    // What came due while it was paused.
    bool loop_due = false;
    std::vector<uint64_t> timers_due;
  };

  void ReleaseProcess();

  World* world_;
  const Name name_;
  const HostId host_;
  Options options_;
  Rng rng_;
  Clock clock_;
  Disk disk_;
  NodeId id_;
  bool paused_ = false, suspended_ = false;
  uint64_t processes_ = 0, timers_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_MACHINE_H_
