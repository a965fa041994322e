#ifndef KVSERVER_LOOP_HANDLES_H_
#define KVSERVER_LOOP_HANDLES_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace kv {

// Of a clock that never goes back, for measuring how long something took.
inline int64_t NowMs() { return static_cast<int64_t>(uv_hrtime() / 1'000'000); }

namespace internal {

// libuv keeps a handle for a while after it was closed, so its memory is not its owner's.
template <typename Uv>
class OwnedHandle {
 public:
  explicit OwnedHandle(std::function<void()> action) : handle_(new Handle{{}, std::move(action)}) {
    handle_->uv.data = handle_;
  }
  OwnedHandle(const OwnedHandle&) = delete;
  OwnedHandle& operator=(const OwnedHandle&) = delete;
  ~OwnedHandle() {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
             [](uv_handle_t* uv) { delete static_cast<Handle*>(uv->data); });
  }

  Uv* uv() { return &handle_->uv; }
  static void Fire(Uv* uv) { static_cast<Handle*>(uv->data)->action(); }

 private:
  struct Handle {
    Uv uv;
    std::function<void()> action;
  };
  Handle* handle_;
};

}  // namespace internal

// Calls its action on the loop's thread. Must be destroyed there, before the loop is closed.
class LoopTimer {
 public:
  LoopTimer(uv_loop_t* loop, std::function<void()> action) : handle_(std::move(action)) {
    uv_timer_init(loop, handle_.uv());
  }
  // First call after `first_ms`; then each `repeat_ms`, unless that is zero.
  void Start(uint64_t first_ms, uint64_t repeat_ms) {
    uv_timer_start(handle_.uv(), Handle::Fire, first_ms, repeat_ms);
  }
  void Stop() { uv_timer_stop(handle_.uv()); }

 private:
  using Handle = internal::OwnedHandle<uv_timer_t>;
  Handle handle_;
};

// Calls its action in each turn of the loop, before it waits for input. Hooks run in the reverse
// order of their creation.
class LoopTurnHook {
 public:
  LoopTurnHook(uv_loop_t* loop, std::function<void()> action) : handle_(std::move(action)) {
    uv_prepare_init(loop, handle_.uv());
    uv_prepare_start(handle_.uv(), Handle::Fire);
  }

 private:
  using Handle = internal::OwnedHandle<uv_prepare_t>;
  Handle handle_;
};

}  // namespace kv

#endif  // KVSERVER_LOOP_HANDLES_H_
