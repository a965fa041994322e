#include "kvserver/task_queue.h"

#include <utility>

namespace kv {

TaskQueue::TaskQueue(uv_loop_t* loop) {
  uv_async_init(loop, &wake_up_,
                [](uv_async_t* handle) { static_cast<TaskQueue*>(handle->data)->RunPosted(); });
  wake_up_.data = this;
}

void TaskQueue::Post(absl::AnyInvocable<void()> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  posted_.push_back(std::move(task));
  // Under the lock, so that the handle is not closed in between.
  uv_async_send(&wake_up_);
}

void TaskQueue::RunPosted() {
  std::vector<absl::AnyInvocable<void()>> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(posted_);
  }
  for (absl::AnyInvocable<void()>& task : tasks) task();
}

void TaskQueue::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  closed_ = true;
  posted_.clear();
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_up_), nullptr);
}

}  // namespace kv
