// How a view crosses from the loop thread to all others.

#ifndef CLUSTERKIT_VIEW_PUBLISHER_H_
#define CLUSTERKIT_VIEW_PUBLISHER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "clusterkit/cluster_view.h"

namespace clusterkit {

// Hands the latest view from the loop thread to all others.
class ViewPublisher {
 public:
  explicit ViewPublisher(std::shared_ptr<const ClusterView> first);
  void Publish(std::shared_ptr<const ClusterView> view);  // Loop thread.
  std::shared_ptr<const ClusterView> Latest() const;      // Any thread.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ClusterView> view_;
  std::atomic<uint64_t> version_;
};

// A thread's own handle on the latest view: one atomic load when nothing changed. One thread
// each; must not outlive the publisher it reads from.
class ViewReader {
 public:
  explicit ViewReader(const ViewPublisher* publisher)
      : publisher_(publisher), view_(publisher->Latest()) {}

  const ClusterView& Get() {
    if (publisher_->version() != view_->version()) view_ = publisher_->Latest();
    return *view_;
  }

 private:
  const ViewPublisher* publisher_;
  std::shared_ptr<const ClusterView> view_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_VIEW_PUBLISHER_H_
