#include "clusterkit/view_publisher.h"

#include <utility>

namespace clusterkit {

ViewPublisher::ViewPublisher(std::shared_ptr<const ClusterView> first)
    : view_(std::move(first)), version_(view_->version()) {}

void ViewPublisher::Publish(std::shared_ptr<const ClusterView> view) {
  const uint64_t version = view->version();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    view_.swap(view);
  }
  // After the view, so that a reader who sees the number also finds the view. What was replaced
  // is freed outside the lock.
  version_.store(version, std::memory_order_release);
}

std::shared_ptr<const ClusterView> ViewPublisher::Latest() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return view_;
}

}  // namespace clusterkit
