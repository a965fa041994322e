#include "contract/event_loop_contract.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

void TestPost(LoopUnderTest& test) {
  EventLoop& loop = test.loop();

  SECTION("posted functions run later and in order") {
    std::vector<int> ran;
    for (int i = 0; i < 100; ++i) loop.Post([&ran, i] { ran.push_back(i); });
    CHECK(ran.empty());
    REQUIRE(test.RunUntil([&] { return ran.size() == 100; }));
    for (int i = 0; i < 100; ++i) CHECK(ran[static_cast<size_t>(i)] == i);
  }

  SECTION("what a posted function posts runs after it, and after what was posted before") {
    std::string order;
    loop.Post([&] {
      order += "a";
      loop.Post([&] { order += "c"; });
      order += "A";
    });
    loop.Post([&] { order += "b"; });
    REQUIRE(test.RunUntil([&] { return order.size() == 4; }));
    CHECK(order == "aAbc");
  }

  SECTION("a posted function is destroyed once it has run") {
    auto token = std::make_shared<int>();
    bool ran = false;
    loop.Post([&ran, token] { ran = true; });
    REQUIRE(test.RunUntil([&] { return ran && token.use_count() == 1; }));
  }
}

void TestPostFromThreads(LoopUnderTest& test) {
  if (!test.HasThreads()) return;
  SECTION("other threads may post, and the functions run on the loop's thread") {
    constexpr int kThreads = 4, kPosts = 250;
    const std::thread::id here = std::this_thread::get_id();
    std::vector<std::vector<int>> ran(kThreads);
    int total = 0;
    bool elsewhere = false;
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kPosts; ++i) {
          test.loop().Post([&, t, i] {
            elsewhere = elsewhere || std::this_thread::get_id() != here;
            ran[t].push_back(i);
            ++total;
          });
        }
      });
    }
    const bool all = test.RunUntil([&] { return total == kThreads * kPosts; });
    for (std::thread& thread : threads) thread.join();
    REQUIRE(all);
    CHECK_FALSE(elsewhere);
    for (const std::vector<int>& of_one : ran) {
      for (int i = 0; i < kPosts; ++i) CHECK(of_one[static_cast<size_t>(i)] == i);
    }
  }
}

void TestWake(LoopUnderTest& test) {
  EventLoop& loop = test.loop();
  const Instant start = loop.Now();
  int wakes = 0;
  Instant woken;
  const auto wake = [&] {
    ++wakes;
    woken = loop.Now();
  };

  SECTION("it wakes once, and not before the deadline") {
    loop.WakeAt(start + absl::Microseconds(20500), wake);
    REQUIRE(test.RunUntil([&] { return wakes > 0; }));
    CHECK(woken >= start + absl::Microseconds(20500));
    test.RunFor(absl::Milliseconds(20));
    CHECK(wakes == 1);
  }

  SECTION("a deadline that has passed wakes it soon, but not from within the call") {
    loop.WakeAt(start - absl::Seconds(1), wake);
    CHECK(wakes == 0);
    REQUIRE(test.RunUntil([&] { return wakes == 1; }));
  }

  SECTION("a deadline replaces the one before, whichever is earlier") {
    bool replaced = false;
    loop.WakeAt(start + absl::Milliseconds(5), [&] { replaced = true; });
    loop.WakeAt(start + absl::Milliseconds(30), wake);
    REQUIRE(test.RunUntil([&] { return wakes == 1; }));
    CHECK(woken >= start + absl::Milliseconds(30));
    CHECK_FALSE(replaced);

    loop.WakeAt(start + absl::Hours(1), [&] { replaced = true; });
    loop.WakeAt(loop.Now() + absl::Milliseconds(1), wake);
    REQUIRE(test.RunUntil([&] { return wakes == 2; }));
    CHECK_FALSE(replaced);
  }

  SECTION("the infinite future cancels") {
    loop.WakeAt(start + absl::Milliseconds(10), wake);
    loop.WakeAt(Instant::InfiniteFuture(), nullptr);
    test.RunFor(absl::Milliseconds(30));
    CHECK(wakes == 0);
  }

  SECTION("a wake-up may ask for the next") {
    std::function<void()> tick = [&] {
      if (++wakes < 3) loop.WakeAt(loop.Now() + absl::Milliseconds(2), tick);
    };
    loop.WakeAt(start + absl::Milliseconds(2), tick);
    REQUIRE(test.RunUntil([&] { return wakes == 3; }));
    CHECK(loop.Now() >= start + absl::Milliseconds(6));
  }

  SECTION("time does not run backwards") {
    Instant last = loop.Now();
    for (int i = 0; i < 1000; ++i) {
      const Instant now = loop.Now();
      CHECK(now >= last);
      last = now;
    }
  }
}

}  // namespace

void TestEventLoop(const std::function<std::unique_ptr<LoopUnderTest>()>& make) {
  const std::unique_ptr<LoopUnderTest> test = make();
  SECTION("posting") { TestPost(*test); }
  SECTION("posting from threads") { TestPostFromThreads(*test); }
  SECTION("waking") { TestWake(*test); }
}

}  // namespace clusterkit
