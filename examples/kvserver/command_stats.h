#ifndef KVSERVER_COMMAND_STATS_H_
#define KVSERVER_COMMAND_STATS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kvserver/command.h"

namespace kv {

// How often each command was called, and how long that took. Reading the clock takes as long as
// half a GET, so it is read only when the data thread turns from one command to another or to
// something else; equal commands in a row share what they took together, parsing included.
class CommandStats {
 public:
  struct Calls {
    uint64_t calls = 0;
    uint64_t nanoseconds = 0;
    uint64_t rejected = 0;  // not executed, for a reason that is not its own
    uint64_t failed = 0;    // answered an error
  };

  Calls& Of(const CommandSpec& spec) {
    if (spec.index >= calls_.size()) calls_.resize(spec.index + 1);
    return calls_[spec.index];
  }
  // A command begins; it goes on until the next one begins, or Stop.
  void Begin(const CommandSpec& spec) {
    GoOn(spec);
    ++calls_[spec.index].calls;
  }
  // One that has waited runs again.
  void GoOn(const CommandSpec& spec) {
    if (spec.index != running_) TurnTo(spec);
  }
  void Stop() {
    if (running_ != kNothing) Charge(Now());
    running_ = kNothing;
  }

  static uint64_t Now() {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }

 private:
  static constexpr size_t kNothing = static_cast<size_t>(-1);

  void Charge(uint64_t now) { calls_[running_].nanoseconds += now - since_; }
  void TurnTo(const CommandSpec& spec) {
    const uint64_t now = Now();
    if (running_ != kNothing) Charge(now);
    Of(spec);
    running_ = spec.index;
    since_ = now;
  }

  std::vector<Calls> calls_;  // by CommandSpec::index
  size_t running_ = kNothing;
  uint64_t since_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_COMMAND_STATS_H_
