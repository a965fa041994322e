#ifndef KVSERVER_BUSY_POLL_H_
#define KVSERVER_BUSY_POLL_H_

#include <uv.h>

#include <cstdint>

namespace kv {

// Keeps a busy loop awake. Under a heavy load the next requests arrive within microseconds, and a
// thread that goes to sleep in between makes each client pay for waking it. So while many commands
// are served, the loop polls without sleeping until nothing has come for a short time. Below that
// load it sleeps as ever.
class BusyPoll {
 public:
  explicit BusyPoll(uv_loop_t* loop);
  // The loop must run once more before this is destroyed.
  void Close();

  // To be called before each poll, with the number of commands served since the start, and the
  // commands per second from which the loop stays awake (0: it never does).
  void BeforePoll(uint64_t commands, int64_t threshold);

 private:
  void Spin(bool spin);

  uv_idle_t idle_;  // while it is active, the loop does not sleep
  bool spinning_ = false;
  bool busy_ = false;
  uint64_t window_start_ns_ = 0;
  uint64_t window_commands_ = 0;
  uint64_t last_commands_ = 0;
  uint64_t last_active_ns_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_BUSY_POLL_H_
