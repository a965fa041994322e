#include "sim/disk.h"

#include <utility>

#include "absl/status/status.h"

namespace clusterkit::sim {
namespace {

constexpr int64_t kWriteBackNs = 5'000'000'000;

}  // namespace

absl::StatusOr<PersistentState> Disk::Load() {
  if (damaged_) return absl::DataLossError("the state file is damaged");
  if (written_) return *written_;
  if (durable_) return *durable_;
  return absl::NotFoundError("the disk is empty");
}

void Disk::Save(const PersistentState& state, bool sync, Done done) {
  if (faults_.fail) {
    Answer(std::move(done), absl::UnavailableError("the disk fails"));
    return;
  }
  ++writes_;
  if (sync) {
    in_flight_ = InFlight{state, std::move(done)};
    scheduler_->At(scheduler_->now_ns() + absl::ToInt64Nanoseconds(faults_.sync_latency), this,
                   kSynced, writes_);
    return;
  }
  written_ = state;
  scheduler_->At(scheduler_->now_ns() + kWriteBackNs, this, kWrittenBack, writes_);
  Answer(std::move(done), absl::OkStatus());
}

void Disk::OnScheduled(uint64_t what, uint64_t which) {
  switch (static_cast<What>(what)) {
    case kSynced: {
      if (which != writes_ || !in_flight_) return;
      InFlight finished = *std::exchange(in_flight_, std::nullopt);
      written_.reset();
      MakeDurable(finished.state);
      Answer(std::move(finished.done), absl::OkStatus());
      return;
    }
    case kWrittenBack:
      // A later save replaced it, or took it along.
      if (which == writes_ && written_) MakeDurable(*std::exchange(written_, std::nullopt));
      return;
    case kAnswer: {
      if (paused_) return;
      const uint64_t crashes = crashes_;
      for (Pending& pending : std::exchange(answers_, {})) {
        if (pending.done && crashes == crashes_) pending.done(pending.status);
      }
      return;
    }
  }
}

void Disk::MakeDurable(const PersistentState& state) {
  durable_ = state;
  if (durable_sink_) durable_sink_(*durable_);
}

// In a turn of its own: a store may answer within Save, but a disk does not.
void Disk::Answer(Done done, absl::Status status) {
  answers_.push_back({std::move(done), std::move(status)});
  if (!paused_) scheduler_->At(scheduler_->now_ns(), this, kAnswer);
}

void Disk::SetPaused(bool paused) {
  paused_ = paused;
  if (!paused && !answers_.empty()) scheduler_->At(scheduler_->now_ns(), this, kAnswer);
}

void Disk::Crash(bool lose_unsynced) {
  ++writes_;
  ++crashes_;
  paused_ = false;
  answers_.clear();
  if (in_flight_) {
    InFlight torn = *std::exchange(in_flight_, std::nullopt);
    if (rng_.Chance(500)) {
      written_.reset();
      MakeDurable(torn.state);
    }
  }
  if (!written_) return;
  if (lose_unsynced) {
    written_.reset();
  } else {
    // Nobody is left to write over it.
    scheduler_->At(scheduler_->now_ns() + kWriteBackNs, this, kWrittenBack, writes_);
  }
}

void Disk::Format(std::optional<PersistentState> content) {
  ++writes_;
  damaged_ = false;
  written_.reset();
  durable_ = std::move(content);
}

void Disk::Damage() { damaged_ = true; }

}  // namespace clusterkit::sim
