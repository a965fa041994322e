#include <vector>

#include "sim/loop.h"
#include "sim/scheduler.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

struct Recorder : Scheduler::Target {
  void OnScheduled(uint64_t what, uint64_t) override { seen.push_back(what); }
  std::vector<uint64_t> seen;
};

TEST_CASE("events run in the order of their time, and of their scheduling within one time") {
  Scheduler scheduler;
  Recorder recorder;
  scheduler.At(20, &recorder, 3);
  scheduler.At(10, &recorder, 1);
  scheduler.At(20, &recorder, 4);
  scheduler.At(10, &recorder, 2);

  scheduler.RunUntil(15);
  CHECK(recorder.seen == std::vector<uint64_t>{1, 2});
  CHECK(scheduler.now_ns() == 15);

  scheduler.RunUntil(20);
  CHECK(recorder.seen == std::vector<uint64_t>{1, 2, 3, 4});
}

TEST_CASE("an event in the past runs now, and the clock never goes back") {
  Scheduler scheduler;
  Recorder recorder;
  scheduler.RunUntil(100);
  scheduler.At(50, &recorder, 1);
  REQUIRE(scheduler.RunNext(100));
  CHECK(scheduler.now_ns() == 100);
  CHECK_FALSE(scheduler.RunNext(1000));
}

struct LoopFixture : Scheduler::Target {
  LoopFixture() : clock(&scheduler), loop(&scheduler, &clock, this, 0, 0) {}
  void OnScheduled(uint64_t, uint64_t) override { loop.Run(); }
  Scheduler scheduler;
  Clock clock;
  Loop loop;
};

TEST_CASE("a wake-up can be moved both ways and runs once") {
  LoopFixture f;
  std::vector<int> woken;
  f.loop.WakeAt({absl::Milliseconds(10)}, [&] { woken.push_back(1); });
  f.loop.WakeAt({absl::Milliseconds(30)}, [&] { woken.push_back(2); });
  f.scheduler.RunUntil(absl::ToInt64Nanoseconds(absl::Milliseconds(29)));
  CHECK(woken.empty());
  f.loop.WakeAt({absl::Milliseconds(29)}, [&] { woken.push_back(3); });
  f.scheduler.RunUntil(absl::ToInt64Nanoseconds(absl::Milliseconds(100)));
  CHECK(woken == std::vector<int>{3});
}

TEST_CASE("posted work runs in order, and what it posts runs after it") {
  LoopFixture f;
  std::vector<int> ran;
  f.loop.Post([&] {
    ran.push_back(1);
    f.loop.Post([&] { ran.push_back(3); });
  });
  f.loop.Post([&] { ran.push_back(2); });
  f.scheduler.RunUntil(0);
  CHECK(ran == std::vector<int>{1, 2, 3});
}

TEST_CASE("a drifting clock wakes at its own time, never before") {
  LoopFixture f;
  const int64_t drift = GENERATE(-200'000, -37, 0, 41, 200'000);
  f.scheduler.RunUntil(1'234'567);
  f.clock.Set(absl::Seconds(5), drift);
  const Instant start = f.loop.Now();
  CHECK(start.since_origin >= absl::Seconds(5));

  const Instant deadline = start + absl::Seconds(1) / 3;  // No whole number of nanoseconds.
  std::vector<Instant> woken;
  f.loop.WakeAt(deadline, [&] { woken.push_back(f.loop.Now()); });
  f.scheduler.RunUntil(absl::ToInt64Nanoseconds(absl::Seconds(2)));
  REQUIRE(woken.size() == 1);
  CHECK(woken[0] >= deadline);
  CHECK(woken[0] - deadline < absl::Microseconds(1));
}

TEST_CASE("setting a clock does not turn it back") {
  LoopFixture f;
  f.clock.Set(absl::Seconds(5), 0);
  const Instant before = f.loop.Now();
  f.clock.Set(absl::ZeroDuration(), 0);
  CHECK(f.loop.Now() == before);
}

}  // namespace
}  // namespace clusterkit::sim
