// What every EventLoop must do. Call TestEventLoop() from a test case of its own.

#ifndef CLUSTERKIT_TESTS_CONTRACT_EVENT_LOOP_CONTRACT_H_
#define CLUSTERKIT_TESTS_CONTRACT_EVENT_LOOP_CONTRACT_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "clusterkit/event_loop.h"

namespace clusterkit {

class LoopUnderTest {
 public:
  virtual ~LoopUnderTest() = default;
  virtual EventLoop& loop() = 0;
  // Runs the loop until `done`, which is asked after each step; false if that takes 10 s of the
  // loop's time.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
  virtual void RunFor(absl::Duration time) = 0;
  // Whether other threads may post to it.
  virtual bool HasThreads() const = 0;
};

void TestEventLoop(const std::function<std::unique_ptr<LoopUnderTest>()>& make);

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_CONTRACT_EVENT_LOOP_CONTRACT_H_
