#ifndef KVSERVER_TASK_QUEUE_H_
#define KVSERVER_TASK_QUEUE_H_

#include <uv.h>

#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace kv {

// Carries work from other threads to the thread of a libuv loop.
class TaskQueue {
 public:
  // Must be closed, and the loop run once more, before the loop is.
  explicit TaskQueue(uv_loop_t* loop);

  // Any thread. Tasks run in order of posting; after Close they are dropped.
  void Post(absl::AnyInvocable<void()> task);
  // Loop thread.
  void Close();

 private:
  void RunPosted();

  uv_async_t wake_up_;
  std::mutex mutex_;
  std::vector<absl::AnyInvocable<void()>> posted_;
  bool closed_ = false;
};

}  // namespace kv

#endif  // KVSERVER_TASK_QUEUE_H_
