// Adapters for libuv: the loop, TCP, and an optional thread.

#ifndef CLUSTERKIT_UV_UV_H_
#define CLUSTERKIT_UV_UV_H_

#include <uv.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "clusterkit/event_loop.h"
#include "clusterkit/options.h"
#include "clusterkit/transport.h"

namespace clusterkit::uv {

// An EventLoop on a uv_loop_t that the host owns and runs. Loop thread only, but for Now() and
// Post(). Keeps the uv_loop_t alive with one async handle until it is destroyed; after the
// destruction run the uv_loop_t once more so that it closes the handles.
class Loop : public EventLoop {
 public:
  explicit Loop(uv_loop_t* loop);
  ~Loop() override;

  Instant Now() const override;
  void WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) override;
  void Post(absl::AnyInvocable<void() &&> fn) override;

  // Runs `work` on libuv's thread pool, then `then` here; the runner for FileStateStore.
  // If the Loop is gone by then, `then` is dropped.
  void RunBlocking(absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then);

 private:
  class Impl;
  Impl* impl_;  // Closes itself when libuv is done with it.
};

// TCP with length-prefixed frames, TCP_NODELAY, keepalive. Limits from the options:
// max_frame_bytes, max_link_queue_bytes; a dial gives up after HandshakeTimeout().
// If SIGPIPE would end the process, it is ignored from the construction on. After the destruction
// run the uv_loop_t once more, as for Loop.
class Transport : public clusterkit::Transport {
 public:
  Transport(uv_loop_t* loop, const Options& options);
  ~Transport() override;

  absl::Status Listen(const Endpoint& bus, Handler* handler) override;
  void Dial(LinkId link, const Endpoint& to) override;
  void Send(LinkId link, std::string frame) override;
  size_t QueuedBytes(LinkId link) const override;
  void Close(LinkId link) override;
  void Shutdown() override;

  // Where it listens; the port the system chose if 0 was asked for. Zero before Listen().
  uint16_t port() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// A uv_loop_t running on a thread of its own, for hosts whose own thread may be slow.
class LoopThread {
 public:
  LoopThread();
  // Runs `fn` on the thread and waits for it. Not from the thread itself.
  void Run(absl::AnyInvocable<void() &&> fn);
  // Stops the loop and joins. Everything that lives on the loop must have been destroyed through
  // Run() before.
  ~LoopThread();

  uv_loop_t* loop();   // For what is constructed inside Run().
  Loop& event_loop();  // Post() from any thread.

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_UV_UV_H_
