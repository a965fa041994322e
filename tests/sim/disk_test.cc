#include <vector>

#include "sim/disk.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

PersistentState StateAt(uint64_t epoch) {
  PersistentState state;
  state.current_epoch = Epoch{epoch};
  return state;
}

struct DiskFixture {
  explicit DiskFixture(uint64_t seed = 1)
      : disk(&scheduler, seed, [this](const PersistentState& state) {
          durable.push_back(state.current_epoch.value);
        }) {}

  void Save(uint64_t epoch, bool sync) {
    disk.Save(StateAt(epoch), sync, [this, epoch](absl::Status status) {
      (status.ok() ? saved : failed).push_back(epoch);
    });
  }
  void Pass(absl::Duration time) {
    scheduler.RunUntil(scheduler.now_ns() + absl::ToInt64Nanoseconds(time));
  }
  // Zero: nothing.
  uint64_t Found() {
    const absl::StatusOr<PersistentState> state = disk.Load();
    return state.ok() ? state->current_epoch.value : 0;
  }

  Scheduler scheduler;
  std::vector<uint64_t> durable, saved, failed;
  Disk disk;
};

TEST_CASE("a synced save is durable after the sync latency, not before") {
  DiskFixture f;
  f.disk.SetFaults({.sync_latency = absl::Milliseconds(2)});
  f.Save(1, true);
  f.Pass(absl::Milliseconds(1));
  CHECK(f.saved.empty());
  CHECK(f.durable.empty());
  f.Pass(absl::Milliseconds(1));
  CHECK(f.saved == std::vector<uint64_t>{1});
  CHECK(f.durable == std::vector<uint64_t>{1});
}

TEST_CASE("a save without sync survives a crash of the process alone") {
  DiskFixture f;
  f.Save(1, true);
  f.Pass(absl::Milliseconds(1));
  f.Save(2, false);
  f.Pass(absl::Milliseconds(1));
  CHECK(f.saved == std::vector<uint64_t>{1, 2});
  CHECK(f.durable == std::vector<uint64_t>{1});

  SECTION("its machine stays") {
    f.disk.Crash(false);
    CHECK(f.Found() == 2);
  }
  SECTION("its machine goes as well") {
    f.disk.Crash(true);
    CHECK(f.Found() == 1);
  }
  SECTION("its machine goes after the write-back") {
    f.Pass(absl::Seconds(5));
    CHECK(f.durable == std::vector<uint64_t>{1, 2});
    f.disk.Crash(true);
    CHECK(f.Found() == 2);
  }
  SECTION("its machine goes after a later sync") {
    f.Save(3, true);
    f.Pass(absl::Milliseconds(1));
    f.disk.Crash(true);
    CHECK(f.Found() == 3);
  }
}

TEST_CASE("a crash during a sync finds the save whole or not at all, and answers nobody") {
  bool lost = false, kept = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    DiskFixture f(seed);
    f.Save(1, true);
    f.Pass(absl::Milliseconds(1));
    f.Save(2, true);
    f.disk.Crash(true);
    f.Pass(absl::Milliseconds(1));
    CHECK(f.saved == std::vector<uint64_t>{1});
    const uint64_t found = f.Found();
    REQUIRE((found == 1 || found == 2));
    CHECK(f.durable.back() == found);
    (found == 1 ? lost : kept) = true;
  }
  CHECK(lost);
  CHECK(kept);
}

TEST_CASE("a stopped process hears of its saves when it goes on") {
  DiskFixture f;
  f.Save(1, true);
  f.disk.SetPaused(true);
  f.Pass(absl::Seconds(1));
  CHECK(f.durable == std::vector<uint64_t>{1});
  CHECK(f.saved.empty());
  f.disk.SetPaused(false);
  f.Pass(absl::ZeroDuration());
  CHECK(f.saved == std::vector<uint64_t>{1});
}

TEST_CASE("a failing disk answers each save with an error and keeps what it had") {
  DiskFixture f;
  f.Save(1, true);
  f.Pass(absl::Milliseconds(1));
  f.disk.SetFaults({.fail = true});
  f.Save(2, true);
  f.Pass(absl::Milliseconds(1));
  CHECK(f.failed == std::vector<uint64_t>{2});
  CHECK(f.Found() == 1);
}

TEST_CASE("an empty disk says so") {
  DiskFixture f;
  CHECK(absl::IsNotFound(f.disk.Load().status()));
}

}  // namespace
}  // namespace clusterkit::sim
