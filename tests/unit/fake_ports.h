// Ports that write down what they are asked for and answer when told to.

#ifndef CLUSTERKIT_TESTS_UNIT_FAKE_PORTS_H_
#define CLUSTERKIT_TESTS_UNIT_FAKE_PORTS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "clusterkit/codec.h"
#include "clusterkit/event_loop.h"
#include "clusterkit/observer.h"
#include "clusterkit/state_store.h"
#include "clusterkit/transport.h"

namespace clusterkit {

// One line for each thing that happened, in order, over all ports of a node.
using Log = std::vector<std::string>;

class FakeLoop : public EventLoop {
 public:
  Instant Now() const override { return now; }
  void WakeAt(Instant deadline, absl::AnyInvocable<void()> fn) override {
    wake_at = deadline;
    wake = std::move(fn);
  }
  void Post(absl::AnyInvocable<void() &&> fn) override { posted.push_back(std::move(fn)); }

  void RunPosted() {
    while (!posted.empty()) {
      auto fn = std::move(posted.front());
      posted.pop_front();
      std::move(fn)();
    }
  }
  // As when the deadline has come.
  void Wake() {
    auto fn = std::exchange(wake, nullptr);
    if (fn) fn();
  }

  Instant now{absl::Seconds(1000)};
  Instant wake_at = Instant::InfiniteFuture();
  absl::AnyInvocable<void()> wake;
  std::deque<absl::AnyInvocable<void() &&>> posted;
};

class FakeTransport : public Transport {
 public:
  explicit FakeTransport(Log* log) : log_(log) {}

  absl::Status Listen(const Endpoint&, Handler* to) override {
    if (!listen_status.ok()) return listen_status;
    handler = to;
    log_->push_back("listen");
    return absl::OkStatus();
  }
  void Dial(LinkId link, const Endpoint& to) override {
    log_->push_back("dial " + Name(link) + " " + to.host);
    dialled.emplace_back(link, to);
  }
  void Send(LinkId link, std::string frame) override {
    log_->push_back("send " + Name(link) + " " + frame);
    sent.emplace_back(link, std::move(frame));
  }
  void Close(LinkId link) override { log_->push_back("close " + Name(link)); }
  void Shutdown() override {
    log_->push_back("shutdown");
    handler = nullptr;
  }

  static std::string Name(LinkId link) { return std::to_string(static_cast<uint64_t>(link)); }

  absl::Status listen_status;
  Handler* handler = nullptr;
  std::vector<std::pair<LinkId, Endpoint>> dialled;
  std::vector<std::pair<LinkId, std::string>> sent;

 private:
  Log* log_;
};

// Completes a save at once, or when Complete() is called.
class FakeStore : public StateStore {
 public:
  explicit FakeStore(Log* log) : log_(log) {}

  absl::StatusOr<PersistentState> Load() override { return loaded; }
  void Save(const PersistentState& state, bool sync, Done done) override {
    log_->push_back("save epoch " + std::to_string(state.current_epoch.value) +
                    (sync ? " sync" : ""));
    saved.push_back(state);
    if (at_once) {
      done(*at_once);
    } else {
      pending.push_back(std::move(done));
    }
  }
  void Complete(absl::Status status = absl::OkStatus()) {
    Done done = std::move(pending.front());
    pending.pop_front();
    done(std::move(status));
  }

  absl::StatusOr<PersistentState> loaded = absl::NotFoundError("first start");
  std::optional<absl::Status> at_once;
  std::vector<PersistentState> saved;
  std::deque<Done> pending;

 private:
  Log* log_;
};

// Frames are goodbyes, and their text is the encoding.
class FakeCodec : public Codec {
 public:
  std::string Encode(const Frame& frame) const override { return std::get<Goodbye>(frame).text; }
  absl::StatusOr<Frame> Decode(std::string_view) const override {
    return absl::UnimplementedError("not needed");
  }
};

class FakeObserver : public Observer {
 public:
  void OnEvent(const Event& event, Instant now) override {
    if (on_event) on_event(event, now);
  }
  std::function<void(const Event&, Instant)> on_event;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_UNIT_FAKE_PORTS_H_
