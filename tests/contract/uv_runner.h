// A libuv loop for tests.

#ifndef CLUSTERKIT_TESTS_CONTRACT_UV_RUNNER_H_
#define CLUSTERKIT_TESTS_CONTRACT_UV_RUNNER_H_

#include <uv.h>

#include <functional>

#include "support/catch.h"

namespace clusterkit {

// Destroy it after everything that lives on the loop: it fails the test if something is left.
class UvRunner {
 public:
  UvRunner() {
    REQUIRE(uv_loop_init(&loop_) == 0);
    REQUIRE(uv_timer_init(&loop_, &alarm_) == 0);
    REQUIRE(uv_prepare_init(&loop_, &before_poll_) == 0);
    alarm_.data = before_poll_.data = this;
    uv_unref(reinterpret_cast<uv_handle_t*>(&before_poll_));
  }
  ~UvRunner() {
    uv_close(reinterpret_cast<uv_handle_t*>(&alarm_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&before_poll_), nullptr);
    CHECK(uv_run(&loop_, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&loop_) == 0);
  }

  uv_loop_t* loop() { return &loop_; }

  // False if it takes longer.
  bool RunUntil(const std::function<bool()>& done, uint64_t limit_ms = 10000) {
    bool is_done = done();
    expired_ = false;
    uv_update_time(&loop_);
    uv_timer_start(
        &alarm_, [](uv_timer_t* timer) { static_cast<UvRunner*>(timer->data)->expired_ = true; },
        limit_ms, 0);
    // Asked before the loop waits, too: a timer may have done it in the same turn.
    is_done_ = [&] { return is_done = is_done || done(); };
    uv_prepare_start(&before_poll_, [](uv_prepare_t* prepare) {
      if (static_cast<UvRunner*>(prepare->data)->is_done_()) uv_stop(prepare->loop);
    });
    while (!is_done && !expired_) {
      uv_run(&loop_, UV_RUN_ONCE);
      is_done_();
    }
    uv_prepare_stop(&before_poll_);
    uv_timer_stop(&alarm_);
    return is_done;
  }

 private:
  uv_loop_t loop_;
  uv_timer_t alarm_;
  uv_prepare_t before_poll_;
  std::function<bool()> is_done_;
  bool expired_ = false;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_CONTRACT_UV_RUNNER_H_
