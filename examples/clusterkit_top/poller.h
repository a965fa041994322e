// Asks each address again and again, on a thread for each, so that none waits for another.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_POLLER_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_POLLER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit_top/arguments.h"
#include "clusterkit_top/view.h"

namespace clusterkit_top {

class Poller {
 public:
  Poller(const std::vector<Address>& addresses, absl::Duration interval);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // By which View::answered_at_ms goes.
  static int64_t NowMs();

  // Grows whenever there is something new.
  uint64_t version() const { return version_; }
  // One for each address, in their order.
  std::vector<View> Views() const;
  // Until each has been asked once.
  void WaitForAll() const;

 private:
  void Run(size_t index, const Address& address);
  absl::Status Ask(const Address& address, View& view);
  absl::Status AskForEvents(const Address& address, View& view);

  const absl::Duration interval_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> version_ = 0;
  // A hostile answer takes thirty times its size to parse: one at a time.
  std::mutex parsing_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<View> views_;  // Guarded by mutex_.
  std::vector<std::thread> threads_;
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_POLLER_H_
