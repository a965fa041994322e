#include "kvserver/busy_poll.h"

namespace kv {
namespace {

// Over which the load is measured.
constexpr uint64_t kWindowNs = 1'000'000;
constexpr uint64_t kWindowsPerSecond = 1000;
// How long to stay awake without work.
constexpr uint64_t kPatienceNs = 50'000;

}  // namespace

BusyPoll::BusyPoll(uv_loop_t* loop) { uv_idle_init(loop, &idle_); }

void BusyPoll::Close() { uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr); }

void BusyPoll::BeforePoll(uint64_t commands, int64_t threshold) {
  const uint64_t now_ns = uv_hrtime();
  if (commands != last_commands_) {
    last_commands_ = commands;
    last_active_ns_ = now_ns;
  }
  if (now_ns - window_start_ns_ >= kWindowNs) {
    // A window lasts longer if the loop slept in it; then the load was low.
    const uint64_t windows = (now_ns - window_start_ns_) / kWindowNs;
    busy_ = threshold > 0 && (commands - window_commands_) * kWindowsPerSecond >=
                                 static_cast<uint64_t>(threshold) * windows;
    window_start_ns_ = now_ns;
    window_commands_ = commands;
  }
  Spin(busy_ && now_ns - last_active_ns_ < kPatienceNs);
}

void BusyPoll::Spin(bool spin) {
  if (spin == spinning_) return;
  spinning_ = spin;
  if (spin) {
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&idle_);
  }
}

}  // namespace kv
