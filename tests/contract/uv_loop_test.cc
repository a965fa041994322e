#include <time.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "clusterkit/uv/uv.h"
#include "contract/event_loop_contract.h"
#include "contract/uv_runner.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

class UvLoopUnderTest : public LoopUnderTest {
 public:
  EventLoop& loop() override { return loop_; }
  bool RunUntil(const std::function<bool()>& done) override { return runner_.RunUntil(done); }
  void RunFor(absl::Duration time) override {
    const Instant end = loop_.Now() + time;
    runner_.RunUntil([&] { return loop_.Now() >= end; },
                     static_cast<uint64_t>(absl::ToInt64Milliseconds(time)));
  }
  bool HasThreads() const override { return true; }

 private:
  UvRunner runner_;
  uv::Loop loop_{runner_.loop()};
};

TEST_CASE("uv::Loop is an event loop") {
  TestEventLoop([] { return std::make_unique<UvLoopUnderTest>(); });
}

TEST_CASE("uv::Loop tells the time since boot, suspension included") {
  UvRunner runner;
  const uv::Loop loop(runner.loop());
  timespec before, after;
  REQUIRE(clock_gettime(CLOCK_BOOTTIME, &before) == 0);
  const Instant now = loop.Now();
  REQUIRE(clock_gettime(CLOCK_BOOTTIME, &after) == 0);
  CHECK(now.since_origin >= absl::DurationFromTimespec(before));
  CHECK(now.since_origin <= absl::DurationFromTimespec(after));
}

TEST_CASE("blocking work runs on another thread, what follows it on the loop's") {
  UvRunner runner;
  uv::Loop loop(runner.loop());
  std::thread::id worker, follower;
  bool done = false;
  loop.RunBlocking([&] { worker = std::this_thread::get_id(); },
                   [&] {
                     follower = std::this_thread::get_id();
                     done = true;
                   });
  CHECK_FALSE(done);
  REQUIRE(runner.RunUntil([&] { return done; }));
  CHECK(worker != std::this_thread::get_id());
  CHECK(follower == std::this_thread::get_id());
}

TEST_CASE("a destroyed uv::Loop drops what was posted, the wake-up and what follows work") {
  UvRunner runner;
  auto loop = std::make_unique<uv::Loop>(runner.loop());
  std::atomic<bool> worked = false;
  bool other = false;
  loop->Post([&] { other = true; });
  loop->WakeAt(loop->Now(), [&] { other = true; });
  loop->RunBlocking([&] { worked = true; }, [&] { other = true; });
  loop.reset();
  // The work itself has begun or will.
  REQUIRE(runner.RunUntil([&] { return worked.load(); }));
  CHECK(uv_run(runner.loop(), UV_RUN_DEFAULT) == 0);
  CHECK_FALSE(other);
}

TEST_CASE("a posted function may destroy the uv::Loop, and those after it do not run") {
  UvRunner runner;
  auto loop = std::make_unique<uv::Loop>(runner.loop());
  bool destroyed = false, later = false;
  loop->Post([&] {
    loop.reset();
    destroyed = true;
  });
  loop->Post([&] { later = true; });
  REQUIRE(runner.RunUntil([&] { return destroyed; }));
  CHECK(uv_run(runner.loop(), UV_RUN_DEFAULT) == 0);
  CHECK_FALSE(later);
}

TEST_CASE("uv::LoopThread runs functions on one thread of its own and waits for them") {
  uv::LoopThread thread;
  std::thread::id first, second;
  int value = 0;
  thread.Run([&] {
    first = std::this_thread::get_id();
    value = 1;
  });
  CHECK(value == 1);
  thread.Run([&] { second = std::this_thread::get_id(); });
  CHECK(first == second);
  CHECK(first != std::this_thread::get_id());
}

TEST_CASE(
    "uv::LoopThread hosts what lives on its loop, and finishes blocking work before it ends") {
  std::atomic<int> done = 0;
  {
    uv::LoopThread thread;
    std::unique_ptr<uv::Transport> transport;
    thread.Run([&] {
      transport = std::make_unique<uv::Transport>(thread.loop(), Options::Loopback());
      thread.event_loop().Post([&] { ++done; });
      thread.event_loop().RunBlocking([&] { ++done; }, [] {});
    });
    thread.Run([&] { transport.reset(); });
  }
  CHECK(done == 2);
}

TEST_CASE("uv::LoopThread takes posts from many threads until it ends") {
  std::atomic<int> ran = 0;
  {
    uv::LoopThread thread;
    std::vector<std::thread> posters;
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 100; ++i) thread.event_loop().Post([&] { ++ran; });
      });
    }
    for (std::thread& poster : posters) poster.join();
  }
  CHECK(ran == 400);
}

}  // namespace
}  // namespace clusterkit
