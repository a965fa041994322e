// A node on a host's own ports: a loop that runs when it is told to, no network, no encoding, state
// in memory. A primary without peers takes all slots, and its view says so.

#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/node.h"

namespace ck = clusterkit;

class ManualLoop : public ck::EventLoop {
 public:
  ck::Instant Now() const override { return now_; }
  void WakeAt(ck::Instant deadline, absl::AnyInvocable<void()> fn) override {
    deadline_ = deadline;
    wake_ = std::move(fn);
  }
  void Post(absl::AnyInvocable<void() &&> fn) override { posted_.push_back(std::move(fn)); }

  void RunOnce() {
    while (!posted_.empty()) {
      auto fn = std::move(posted_.front());
      posted_.pop_front();
      std::move(fn)();
    }
    if (auto wake = std::exchange(wake_, nullptr)) {
      now_ = deadline_;
      wake();
    }
  }

 private:
  ck::Instant now_{absl::Seconds(1)};
  ck::Instant deadline_ = now_;
  absl::AnyInvocable<void()> wake_;
  std::deque<absl::AnyInvocable<void() &&>> posted_;
};

class NoTransport : public ck::Transport {
 public:
  absl::Status Listen(const ck::Endpoint&, Handler*) override { return absl::OkStatus(); }
  void Dial(ck::LinkId, const ck::Endpoint&) override {}
  void Send(ck::LinkId, std::string) override {}
  void Close(ck::LinkId) override {}
  void Shutdown() override {}
};

class NoCodec : public ck::Codec {
 public:
  std::string Encode(const ck::Frame&) const override { return "?"; }
  absl::StatusOr<ck::Frame> Decode(std::string_view) const override {
    return absl::UnimplementedError("nobody to talk to");
  }
};

class MemoryStore : public ck::StateStore {
 public:
  absl::StatusOr<ck::PersistentState> Load() override {
    return absl::NotFoundError("the first start");
  }
  void Save(const ck::PersistentState&, bool, Done done) override { done(absl::OkStatus()); }
};

class CountEvents : public ck::Observer {
 public:
  void OnEvent(const ck::Event&, ck::Instant) override { ++count; }
  int count = 0;
};

int main() {
  ManualLoop loop;
  NoTransport transport;
  NoCodec codec;
  MemoryStore store;
  CountEvents observer;
  ck::Options options = ck::Options::Loopback();
  options.bus = {"127.0.0.1", 17000};
  options.client = {"127.0.0.1", 7000};
  auto node = ck::Node::Start(options, {&loop, &transport, &codec, &store, &observer});
  if (!node.ok()) return 1;
  const ck::SlotRange all = {ck::SlotId{0}, ck::SlotId{ck::kSlotCount - 1}};
  if (!(*node)->AddSlots(ck::SlotSet::Of(all)).ok()) return 2;
  for (int turn = 0; turn < 1000; ++turn) {
    if (loop.Now() < (*node)->view()->serve_until() && observer.count > 0) {
      std::printf("node: serves after %d turns and %d events\n", turn, observer.count);
      return 0;
    }
    loop.RunOnce();
  }
  return 3;
}
