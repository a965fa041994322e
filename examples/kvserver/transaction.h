#ifndef KVSERVER_TRANSACTION_H_
#define KVSERVER_TRANSACTION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvserver/command.h"
#include "kvserver/pause.h"

namespace kv {

// Copies of requests, whose views are valid as long as the queue.
class RequestQueue {
 public:
  void Add(const CommandSpec* spec, Args args);

  absl::Span<const Request> requests() const { return requests_; }
  size_t size() const { return requests_.size(); }
  // What it holds, roughly, and what one more request would add.
  size_t bytes() const { return bytes_; }
  static size_t CostOf(Args args);

 private:
  struct Copy {
    std::unique_ptr<char[]> bytes;
    std::vector<std::string_view> args;
  };

  std::deque<Copy> copies_;
  std::vector<Request> requests_;
  size_t bytes_ = 0;
};

// What a client has said since MULTI, and, once it said EXEC, how far that has run. The executor
// runs it. Commands may answer later, so it can stop between two of them and go on when the answer
// has come.
struct Transaction {
  enum class State : uint8_t {
    kQueueing,
    kFailed,  // a request was refused: EXEC will refuse all
    kRunning,
  };

  absl::Span<const Request> rest() const { return queue.requests().subspan(next); }

  State state = State::kQueueing;
  RequestQueue queue;
  uint32_t flags = 0;  // of all queued commands

  // While it runs.
  size_t next = 0;      // in `queue`
  std::string reply;    // of what has run, while an answer is awaited
  std::string refusal;  // of the rest, if it may not run any more after a wait
  RequestQueue stream;  // its changes, to be propagated as one
  std::optional<Pause::LongWrite> long_write;  // if it changes something, and waits
};

}  // namespace kv

#endif  // KVSERVER_TRANSACTION_H_
