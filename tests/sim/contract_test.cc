// The simulated ports keep the contracts that the real ones keep.

#include <memory>

#include "contract/event_loop_contract.h"
#include "contract/state_store_contract.h"
#include "contract/transport_contract.h"
#include "sim/disk.h"
#include "sim/loop.h"
#include "sim/network.h"
#include "sim/scheduler.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

bool RunScheduler(Scheduler& scheduler, const std::function<bool()>& done) {
  const int64_t limit = scheduler.now_ns() + absl::ToInt64Nanoseconds(absl::Seconds(10));
  while (!done()) {
    if (!scheduler.RunNext(limit)) return false;
  }
  return true;
}

class SimTransports : public TransportsUnderTest {
 public:
  explicit SimTransports(const Options& options)
      : a_(&network_, network_.AddHost("a"), options, nullptr),
        b_(&network_, network_.AddHost("b"), options, nullptr) {}
  Transport& a() override { return a_; }
  Transport& b() override { return b_; }
  Endpoint ListenA() override { return {"a", 1}; }
  Endpoint ListenB() override { return {"b", 1}; }
  Endpoint ReachA() override { return {"a", 1}; }
  Endpoint Nobody() override { return {"a", 2}; }
  bool RunUntil(const std::function<bool()>& done) override {
    return RunScheduler(scheduler_, done);
  }

 private:
  Scheduler scheduler_;
  Network network_{&scheduler_, 1};
  NetTransport a_, b_;
};

class SimLoop : public LoopUnderTest, public Scheduler::Target {
 public:
  EventLoop& loop() override { return loop_; }
  bool RunUntil(const std::function<bool()>& done) override {
    return RunScheduler(scheduler_, done);
  }
  void RunFor(absl::Duration time) override {
    scheduler_.RunUntil(scheduler_.now_ns() + absl::ToInt64Nanoseconds(time));
  }
  bool HasThreads() const override { return false; }
  void OnScheduled(uint64_t, uint64_t) override { loop_.Run(); }

 private:
  Scheduler scheduler_;
  Clock clock_{&scheduler_};
  Loop loop_{&scheduler_, &clock_, this, 0, 0};
};

class SimStore : public StoreUnderTest {
 public:
  StateStore& store() override { return disk_; }
  void Restart() override { disk_.Crash(false); }
  bool RunUntil(const std::function<bool()>& done) override {
    return RunScheduler(scheduler_, done);
  }

 private:
  Scheduler scheduler_;
  Disk disk_{&scheduler_, 1, nullptr};
};

TEST_CASE("the simulated network is a transport") {
  TestTransport([](const Options& options) { return std::make_unique<SimTransports>(options); });
}

TEST_CASE("the simulated loop is an event loop") {
  TestEventLoop([] { return std::make_unique<SimLoop>(); });
}

TEST_CASE("the simulated disk is a state store") {
  TestStateStore([] { return std::make_unique<SimStore>(); });
}

}  // namespace
}  // namespace clusterkit::sim
