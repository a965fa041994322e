#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "base/check.h"
#include "clusterkit/uv/uv.h"

namespace clusterkit::uv {

class LoopThread::Impl {
 public:
  Impl() {
    CLUSTERKIT_CHECK(uv_loop_init(&uv_loop_) == 0);
    loop_ = std::make_unique<Loop>(&uv_loop_);
    thread_ = std::thread([this] { uv_run(&uv_loop_, UV_RUN_DEFAULT); });
  }

  // The thread ends when nothing keeps its loop alive, so work on libuv's thread pool is waited
  // for.
  ~Impl() {
    loop_->Post([this] { loop_.reset(); });
    thread_.join();
    CLUSTERKIT_CHECK(uv_loop_close(&uv_loop_) == 0);
  }

  void Run(absl::AnyInvocable<void() &&> fn) {
    CLUSTERKIT_CHECK(std::this_thread::get_id() != thread_.get_id());
    // Shared, because the waiting side may be gone while set_value() still returns.
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> finished = done->get_future();
    loop_->Post([done, &fn] {
      std::move(fn)();
      done->set_value();
    });
    finished.wait();
  }

  uv_loop_t* uv_loop() { return &uv_loop_; }
  Loop& loop() { return *loop_; }

 private:
  uv_loop_t uv_loop_;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

LoopThread::LoopThread() : impl_(std::make_unique<Impl>()) {}
LoopThread::~LoopThread() = default;

void LoopThread::Run(absl::AnyInvocable<void() &&> fn) { impl_->Run(std::move(fn)); }
uv_loop_t* LoopThread::loop() { return impl_->uv_loop(); }
Loop& LoopThread::event_loop() { return impl_->loop(); }

}  // namespace clusterkit::uv
