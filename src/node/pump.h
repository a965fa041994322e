// Carries out the batches of a core over the ports, in the order that ready.h asks for.

#ifndef CLUSTERKIT_SRC_NODE_PUMP_H_
#define CLUSTERKIT_SRC_NODE_PUMP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "clusterkit/codec.h"
#include "clusterkit/event.h"
#include "clusterkit/event_loop.h"
#include "clusterkit/metrics.h"
#include "clusterkit/observer.h"
#include "clusterkit/ready.h"
#include "clusterkit/state_store.h"
#include "clusterkit/time.h"
#include "clusterkit/trace.h"
#include "clusterkit/transport.h"
#include "clusterkit/view_publisher.h"

namespace clusterkit {

// What a slow disk can make us hold. From either of the first two on, batches are merged into the
// last one held, and of the merged frames only the latest batch's are kept: sending is best
// effort anyway, and the oldest frames are worth the least by then. Events are never dropped;
// too many of them halt the node.
inline constexpr size_t kMaxHeldBatches = 1000;
inline constexpr size_t kMaxHeldFrames = 10000;
inline constexpr size_t kMaxHeldEvents = 100000;

// Loop thread only. Lives in a shared_ptr, because what it leaves with the ports may come back
// after its owner is gone, and because an observer may destroy the owner.
class Pump : public std::enable_shared_from_this<Pump> {
 public:
  // Where batches come from: the part of NodeCore that a pump needs.
  class Source {
   public:
    virtual ~Source() = default;
    virtual Ready TakeReady() = 0;
    virtual void OnSaved(uint64_t number, Instant now) = 0;
    virtual void OnTick(Instant now) = 0;
    virtual Instant NextDeadline() const = 0;
    // Nothing is carried out any more: halted, or closed.
    virtual void OnStopped() = 0;
  };

  struct Ports {
    EventLoop* loop = nullptr;
    Transport* transport = nullptr;
    const Codec* codec = nullptr;
    StateStore* store = nullptr;
    Observer* observer = nullptr;  // May be null.
    ViewPublisher* views = nullptr;
    TraceSink* trace = nullptr;  // May be null.
  };

  // Everything outlives the last call before Close().
  Pump(Source* source, const Ports& ports) : source_(source), ports_(ports) {}

  // Carries out the first batch down to its save, and the rest of it from the loop, so that no
  // observer hears of a node which its host does not hold yet. An error if that save failed.
  absl::Status Begin(Ready first);

  // Carries out all that the source has, and what that leads to. Call it after every input. A
  // call from inside another one returns at once; the outer one goes on with what is there.
  void Run();
  // The same from the loop, once, for inputs whose answer the effects have to follow.
  void RunSoon();

  // Drops what is held, closes every link. No port is called afterwards.
  void Close();

  // Adds what the pump counts: frames sent and dropped, saves, what is held.
  void AddTo(Metrics& metrics) const;

  // OK, or why nothing is sent and saved any more.
  const absl::Status& halted() const { return halted_; }

 private:
  // The part of a batch that waits for the disk.
  struct Held {
    std::optional<uint64_t> gate;  // The save that must be durable before.
    std::vector<Outbound> sends;
    std::shared_ptr<const ClusterView> view;
    std::vector<StampedEvent> events;
  };

  bool Stopped() const { return source_ == nullptr || !halted_.ok(); }
  bool Step();
  void Accept(Ready batch);
  void Hold(Held batch);
  void Release(Held batch);
  void Send(const std::vector<Outbound>& frames);
  void StartSave();
  void OnSaveDone(uint64_t number, bool synced, const absl::Status& status);
  void Halt(const absl::Status& cause);
  void Arm();
  void OnWake();

  Source* source_;  // Null once closed.
  Ports ports_;
  bool running_ = false;
  bool run_posted_ = false;
  std::optional<Instant> armed_;
  absl::Status halted_;
  absl::Status failure_;  // A reason to halt that has not been acted on.

  // Saves. Numbers are compared as optionals: empty is less than any number.
  bool saving_ = false;
  std::optional<SaveRequest> next_save_;  // The latest state that waits for the one under way.
  std::optional<uint64_t> gate_;          // The latest save that must be synced.
  std::optional<uint64_t> durable_;       // The latest save that is done.
  std::optional<uint64_t> reported_;      // The latest that the source was told of.

  std::deque<Held> held_;  // In the order taken; gates never decrease.
  size_t held_frames_ = 0;
  size_t held_events_ = 0;

  uint64_t last_event_ = 0;  // Number.
  std::array<Metrics::Traffic, kFrameKinds> sent_{};
  uint64_t frames_outdated_ = 0, frames_halted_ = 0;
  uint64_t saves_ = 0, saves_synced_ = 0;
  Instant save_started_;
  Histogram save_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_SRC_NODE_PUMP_H_
