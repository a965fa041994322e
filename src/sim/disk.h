// A simulated disk with the state of one node.
//
// A save without sync is written at once and survives the death of the process, but not that of
// the machine until it has been synced: by the next synced save, or by itself after 5 s. A synced
// save is durable after the sync latency. A crash in between finds it complete or not at all.

#ifndef CLUSTERKIT_SRC_SIM_DISK_H_
#define CLUSTERKIT_SRC_SIM_DISK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "clusterkit/random.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/state_store.h"
#include "sim/scheduler.h"

namespace clusterkit::sim {

// Outlives the processes that use it, one at a time.
class Disk final : public StateStore, public Scheduler::Target {
 public:
  // Called for each state that has become durable.
  using Durable = std::function<void(const PersistentState&)>;

  Disk(Scheduler* scheduler, uint64_t seed, Durable durable)
      : scheduler_(scheduler), rng_(seed), durable_sink_(std::move(durable)) {}

  // --- For the process ---------------------------------------------------------------------
  absl::StatusOr<PersistentState> Load() override;
  void Save(const PersistentState& state, bool sync, Done done) override;

  // --- For the machine ---------------------------------------------------------------------
  // What a crash that loses everything unsynced would leave.
  const std::optional<PersistentState>& durable() const { return durable_; }
  void SetFaults(const DiskFaults& faults) { faults_ = faults; }
  const DiskFaults& faults() const { return faults_; }
  // Answers wait while the process is stopped; the disk itself goes on.
  void SetPaused(bool paused);
  // The process died. No `done` of it is called any more.
  void Crash(bool lose_unsynced);
  // Replaces the content. Not while a process runs.
  void Format(std::optional<PersistentState> content);
  // Loading fails until the next Format.
  void Damage();

  void OnScheduled(uint64_t what, uint64_t which) override;

 private:
  struct InFlight {
    PersistentState state;
    Done done;
  };
  enum What : uint64_t { kSynced, kWrittenBack, kAnswer };

  void MakeDurable(const PersistentState& state);
  void Answer(Done done, absl::Status status);

  Scheduler* scheduler_;
  Rng rng_;
  Durable durable_sink_;
  DiskFaults faults_;
  std::optional<PersistentState> durable_;
  std::optional<PersistentState> written_;  // Newer than durable_, not synced.
  std::optional<InFlight> in_flight_;       // Being synced.
  uint64_t writes_ = 0;                     // Counts saves, to recognise what is stale.
  uint64_t crashes_ = 0;
  bool paused_ = false;
  bool damaged_ = false;
  struct Pending {
    Done done;
    absl::Status status;
  };
  std::vector<Pending> answers_;  // Ready to be given.
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_DISK_H_
