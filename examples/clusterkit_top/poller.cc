#include "clusterkit_top/poller.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit_top/http_client.h"
#include "clusterkit_top/parse.h"

namespace clusterkit_top {
namespace {

// More than a node keeps.
constexpr int kMostPages = 8;

}  // namespace

Poller::Poller(const std::vector<Address>& addresses, absl::Duration interval)
    : interval_(interval), views_(addresses.size()) {
  for (size_t i = 0; i < addresses.size(); ++i) views_[i].address = Describe(addresses[i]);
  for (size_t i = 0; i < addresses.size(); ++i) {
    threads_.emplace_back([this, i, address = addresses[i]] { Run(i, address); });
  }
}

Poller::~Poller() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

int64_t Poller::NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<View> Poller::Views() const {
  const std::lock_guard lock(mutex_);
  return views_;
}

void Poller::WaitForAll() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return std::all_of(views_.begin(), views_.end(), [](const View& view) { return view.asked; });
  });
}

absl::Status Poller::Ask(const Address& address, View& view) {
  const absl::StatusOr<std::string> answer = Fetch(address, "/status.json", stopping_);
  if (!answer.ok()) return answer.status();
  {
    const std::lock_guard lock(parsing_);
    absl::StatusOr<Status> status = ParseStatus(*answer);
    if (!status.ok()) return status.status();
    view.Take(*std::move(status), NowMs());
  }
  return AskForEvents(address, view);
}

absl::Status Poller::AskForEvents(const Address& address, View& view) {
  for (int i = 0; i < kMostPages && view.WantsEvents(); ++i) {
    const uint64_t since = view.Since();
    const absl::StatusOr<std::string> answer =
        Fetch(address, absl::StrCat("/events?since=", since), stopping_);
    if (!answer.ok()) return answer.status();
    const std::lock_guard lock(parsing_);
    const absl::StatusOr<EventPage> page = ParseEvents(*answer);
    if (!page.ok()) return page.status();
    view.Take(*page);
    if (view.Since() == since) break;
  }
  return absl::OkStatus();
}

void Poller::Run(size_t index, const Address& address) {
  View view;
  view.address = Describe(address);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const absl::Status asked = Ask(address, view);
    if (!asked.ok()) view.Take(asked);
    lock.lock();
    views_[index] = view;
    ++version_;
    changed_.notify_all();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(interval_),
                      [this] { return stopping_.load(); });
  }
}

}  // namespace clusterkit_top
