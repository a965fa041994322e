// The example's loop and transport do what every loop and every transport must do.

#include <sys/resource.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contract/event_loop_contract.h"
#include "contract/raw_socket.h"
#include "contract/transport_contract.h"
#include "custom_transport/epoll_loop.h"
#include "custom_transport/epoll_transport.h"
#include "support/catch.h"

namespace custom_transport {
namespace {

using clusterkit::Endpoint;
using clusterkit::EventLoop;
using clusterkit::Framed;
using clusterkit::Instant;
using clusterkit::LinkDownCause;
using clusterkit::LinkId;
using clusterkit::Options;
using clusterkit::RawSocket;
using clusterkit::Transport;

// False if it takes longer.
bool RunUntil(EpollLoop& loop, const std::function<bool()>& done,
              absl::Duration limit = absl::Seconds(10)) {
  const Instant end = loop.Now() + limit;
  while (!done()) {
    if (loop.Now() >= end) return false;
    loop.RunOnce(end - loop.Now());
  }
  return true;
}

class LoopUnderTest : public clusterkit::LoopUnderTest {
 public:
  EventLoop& loop() override { return loop_; }
  bool RunUntil(const std::function<bool()>& done) override {
    return custom_transport::RunUntil(loop_, done);
  }
  void RunFor(absl::Duration time) override {
    custom_transport::RunUntil(
        loop_, [] { return false; }, time);
  }
  bool HasThreads() const override { return true; }

 private:
  EpollLoop loop_;
};

class TransportsUnderTest : public clusterkit::TransportsUnderTest {
 public:
  explicit TransportsUnderTest(const Options& options) : a_(&loop_, options), b_(&loop_, options) {
    // A port that is free, because nobody listens on it any more.
    RawSocket probe;
    nobody_ = probe.Listen(1);
  }
  Transport& a() override { return a_; }
  Transport& b() override { return b_; }
  Endpoint ListenA() override { return {"127.0.0.1", 0}; }
  Endpoint ListenB() override { return {"127.0.0.1", 0}; }
  Endpoint ReachA() override { return {"127.0.0.1", a_.port()}; }
  Endpoint Nobody() override { return {"127.0.0.1", nobody_}; }
  bool RunUntil(const std::function<bool()>& done) override {
    return custom_transport::RunUntil(loop_, done);
  }

 private:
  EpollLoop loop_;
  EpollTransport a_, b_;
  uint16_t nobody_ = 0;
};

TEST_CASE("EpollLoop is an event loop") {
  clusterkit::TestEventLoop([] { return std::make_unique<LoopUnderTest>(); });
}

TEST_CASE("EpollTransport is a transport") {
  clusterkit::TestTransport(
      [](const Options& options) { return std::make_unique<TransportsUnderTest>(options); });
}

// One transport, whose other side is the test.
struct Fixture {
  Fixture() { REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler) == absl::OkStatus()); }
  LinkId Accept(RawSocket& socket) {
    socket.Connect(transport.port());
    REQUIRE(RunUntil(loop, [&] { return !handler.accepted.empty(); }));
    return handler.accepted.back();
  }

  EpollLoop loop;
  clusterkit::RecordingHandler handler;
  Options options = clusterkit::TransportTestOptions();
  EpollTransport transport{&loop, options};
};

TEST_CASE("frames that arrived before the end of a link are delivered before the news") {
  Fixture f;
  RawSocket peer;
  const LinkId link = f.Accept(peer);
  peer.Send(Framed("one") + Framed("two") + Framed("cut off").substr(0, 6));
  SECTION("closed") { peer.Close(); }
  SECTION("reset") { peer.Reset(); }
  SECTION("reset, which a write of ours finds first") {
    peer.Reset();
    for (int i = 0; i < 3; ++i) f.handler.Call([&] { f.transport.Send(link, "x"); });
  }
  REQUIRE(RunUntil(f.loop, [&] { return f.handler.FindDown(link) != nullptr; }));
  CHECK(f.handler.FindDown(link)->cause == LinkDownCause::kReset);
  CHECK(f.handler.FramesOf(link) == std::vector<std::string>{"one", "two"});
}

TEST_CASE("an announced frame over the limit is told once, and nothing after it is read") {
  Fixture f;
  RawSocket peer;
  const LinkId link = f.Accept(peer);
  std::string prefix;
  clusterkit::AppendFramePrefix(f.options.max_frame_bytes + 1, prefix);
  peer.Send(Framed("good") + prefix + Framed("more"));
  REQUIRE(RunUntil(f.loop, [&] { return !f.handler.bad_frames.empty(); }));
  f.handler.Call([&] { f.transport.Close(link); });
  CHECK(peer.Receive(1).empty());
  CHECK(f.handler.FramesOf(link) == std::vector<std::string>{"good"});
  CHECK(f.handler.bad_frames.size() == 1);
}

TEST_CASE("without descriptors a connection waits for some, and the loop does not spin") {
  Fixture f;
  RawSocket peer;
  rlimit usual;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const int next = dup(peer.fd());
  REQUIRE(close(next) == 0);
  const rlimit none{static_cast<rlim_t>(next), usual.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  peer.Connect(f.transport.port());
  int turns = 0;
  RunUntil(
      f.loop, [&] { return ++turns > 100; }, absl::Milliseconds(50));
  CHECK(turns < 10);
  CHECK(f.handler.accepted.empty());
  REQUIRE(setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(RunUntil(f.loop, [&] { return !f.handler.accepted.empty(); }));
}

TEST_CASE("listening where it cannot be says why") {
  EpollLoop loop;
  clusterkit::RecordingHandler handler;
  EpollTransport transport(&loop, Options::Loopback());
  RawSocket taken;
  const uint16_t port = taken.Listen(1);
  CHECK(absl::IsUnavailable(transport.Listen({"127.0.0.1", port}, &handler)));
  CHECK(absl::IsInvalidArgument(transport.Listen({"localhost", 0}, &handler)));
  CHECK(transport.Listen({"", 0}, &handler) == absl::OkStatus());
}

}  // namespace
}  // namespace custom_transport
