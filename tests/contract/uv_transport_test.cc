#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "clusterkit/uv/uv.h"
#include "contract/raw_socket.h"
#include "contract/transport_contract.h"
#include "contract/uv_runner.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

class UvTransportsUnderTest : public TransportsUnderTest {
 public:
  explicit UvTransportsUnderTest(const Options& options)
      : a_(runner_.loop(), options), b_(runner_.loop(), options) {
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
  bool RunUntil(const std::function<bool()>& done) override { return runner_.RunUntil(done); }

 private:
  UvRunner runner_;
  uv::Transport a_, b_;
  uint16_t nobody_ = 0;
};

TEST_CASE("uv::Transport is a transport") {
  TestTransport(
      [](const Options& options) { return std::make_unique<UvTransportsUnderTest>(options); });
}

// One transport, whose other side is the test.
struct Fixture {
  explicit Fixture(const Endpoint& listen = {"127.0.0.1", 0}) {
    REQUIRE(transport.Listen(listen, &handler) == absl::OkStatus());
  }
  // Connects a socket and waits until the transport has accepted it.
  LinkId Accept(RawSocket& socket) {
    const size_t before = handler.accepted.size();
    socket.Connect(transport.port());
    REQUIRE(runner.RunUntil([&] { return handler.accepted.size() > before; }));
    return handler.accepted.back();
  }
  void DialAndWait(LinkId link, const Endpoint& to) {
    handler.Call([&] { transport.Dial(link, to); });
    REQUIRE(runner.RunUntil([&] { return handler.IsUp(link) || handler.FindDown(link); }));
  }
  void WaitForDown(LinkId link) {
    REQUIRE(runner.RunUntil([&] { return handler.FindDown(link) != nullptr; }));
  }

  UvRunner runner;
  RecordingHandler handler;
  Options options = TransportTestOptions();
  uv::Transport transport{runner.loop(), options};
};

TEST_CASE("frames that arrived before the end of the stream are delivered before the news") {
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
  f.handler.on_down = [&](LinkId) { CHECK(f.handler.frames.size() == 2); };
  f.WaitForDown(link);

  CHECK(f.handler.FindDown(link)->cause == LinkDownCause::kReset);
  CHECK(f.handler.FramesOf(link) == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a frame may arrive byte by byte") {
  Fixture f;
  RawSocket peer;
  const LinkId link = f.Accept(peer);
  for (const char c : Framed("hello") + Framed("again")) {
    peer.Send(std::string(1, c));
    uv_run(f.runner.loop(), UV_RUN_NOWAIT);
  }
  REQUIRE(f.runner.RunUntil([&] { return f.handler.frames.size() == 2; }));
  CHECK(f.handler.FramesOf(link) == std::vector<std::string>{"hello", "again"});
}

TEST_CASE("an announced frame that breaks the rules is told once, and nothing after it is read") {
  Fixture f;
  RawSocket peer;
  const LinkId link = f.Accept(peer);
  absl::StatusCode code{};

  SECTION("over the limit") {
    std::string prefix;
    AppendFramePrefix(f.options.max_frame_bytes + 1, prefix);
    peer.Send(Framed("good") + prefix + Framed("more"));
    code = absl::StatusCode::kResourceExhausted;
  }
  SECTION("as long as can be announced") {
    peer.Send(Framed("good") + "\xff\xff\xff\xff" + Framed("more"));
    code = absl::StatusCode::kResourceExhausted;
  }
  SECTION("of no bytes") {
    peer.Send(Framed("good") + std::string(kFramePrefixBytes, '\0') + Framed("more"));
    code = absl::StatusCode::kInvalidArgument;
  }
  REQUIRE(f.runner.RunUntil([&] { return !f.handler.bad_frames.empty(); }));
  CHECK(f.handler.bad_frames[0].first == link);
  CHECK(f.handler.bad_frames[0].second.code() == code);
  f.handler.Call([&] { f.transport.Close(link); });

  CHECK(peer.Receive(1).empty());
  CHECK(f.handler.FramesOf(link) == std::vector<std::string>{"good"});
  CHECK(f.handler.bad_frames.size() == 1);
  CHECK(f.handler.downs.empty());
}

TEST_CASE("what is sent has a length prefix in front, also when the system takes only a part") {
  Fixture f;
  RawSocket listener;
  const uint16_t port = listener.Listen(1);
  f.DialAndWait(LinkId{1}, {"127.0.0.1", port});
  RawSocket peer = listener.Accept();
  std::string expected;
  // Under the queue limit, over what the system buffers for a peer that does not read.
  for (int i = 0; i < 3; ++i) {
    const std::string frame(f.options.max_frame_bytes, static_cast<char>('a' + i));
    expected += Framed(frame);
    f.handler.Call([&] { f.transport.Send(LinkId{1}, frame); });
  }
  std::string got;
  while (got.size() < expected.size()) {
    uv_run(f.runner.loop(), UV_RUN_NOWAIT);
    char buffer[16384];
    const ssize_t size = recv(peer.fd(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size > 0) got.append(buffer, static_cast<size_t>(size));
    REQUIRE((size > 0 || errno == EAGAIN));
  }
  CHECK((got == expected));
}

TEST_CASE("a dial that gets no answer times out") {
  Fixture f;
  RawSocket full;
  const uint16_t port = full.Listen(0);
  // With its backlog full, the system ignores whoever else wants to connect.
  std::vector<RawSocket> fillers;
  for (int i = 0; i < 2; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_in to = LoopbackAddress(port);
    const int result =
        connect(fillers.back().fd(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    REQUIRE((result == 0 || errno == EINPROGRESS));
  }
  const uint64_t before = uv_hrtime();
  f.DialAndWait(LinkId{1}, {"127.0.0.1", port});
  REQUIRE(f.handler.FindDown(LinkId{1}) != nullptr);
  CHECK(f.handler.FindDown(LinkId{1})->cause == LinkDownCause::kTimeout);
  CHECK(f.handler.FindDown(LinkId{1})->detail ==
        "dial 127.0.0.1:" + std::to_string(port) + ": no answer within 1s");
  CHECK(uv_hrtime() - before >= uint64_t{1000} * 1000 * 1000);
}

TEST_CASE("causes come with a detail that names the address") {
  Fixture f;
  uint16_t port = 0;
  {
    RawSocket probe;
    port = probe.Listen(1);
  }
  f.DialAndWait(LinkId{1}, {"127.0.0.1", port});
  CHECK(f.handler.FindDown(LinkId{1})->detail ==
        "dial 127.0.0.1:" + std::to_string(port) + ": connection refused");
  f.DialAndWait(LinkId{2}, {"127.0.0.1", 0});
  CHECK(f.handler.FindDown(LinkId{2})->detail == "dial 127.0.0.1:0: not an address");
}

TEST_CASE("a name is resolved, and all its addresses are tried") {
  // "localhost" may name the IPv6 address first, where nobody listens.
  Fixture f;
  f.DialAndWait(LinkId{1}, {"localhost", f.transport.port()});
  CHECK(f.handler.IsUp(LinkId{1}));
  CHECK(f.handler.downs.empty());
}

TEST_CASE("a name that does not resolve is a local failure, told later") {
  Fixture f;
  f.DialAndWait(LinkId{1}, {"no-such-host.invalid", 7000});
  REQUIRE(f.handler.FindDown(LinkId{1}) != nullptr);
  CHECK(f.handler.FindDown(LinkId{1})->cause == LinkDownCause::kLocal);
}

TEST_CASE("a transport destroyed while it resolves and dials is never heard of again") {
  UvRunner runner;
  RecordingHandler handler;
  {
    uv::Transport transport(runner.loop(), TransportTestOptions());
    REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler) == absl::OkStatus());
    transport.Dial(LinkId{1}, {"localhost", transport.port()});
    transport.Dial(LinkId{2}, {"127.0.0.1", transport.port()});
    transport.Dial(LinkId{3}, {"", 1});
  }
  CHECK(uv_run(runner.loop(), UV_RUN_DEFAULT) == 0);
  CHECK(handler.up.empty());
  CHECK(handler.downs.empty());
  CHECK(handler.accepted.empty());
}

TEST_CASE("a write to a closed link does not end the process") {
  Fixture f;
  struct sigaction action;
  REQUIRE(sigaction(SIGPIPE, nullptr, &action) == 0);
  CHECK(action.sa_handler == SIG_IGN);
}

TEST_CASE("a disposition of SIGPIPE that the host has chosen stays") {
  struct sigaction chosen {
  }, before, after;
  chosen.sa_handler = [](int) {};
  REQUIRE(sigaction(SIGPIPE, &chosen, &before) == 0);
  { const Fixture f; }
  REQUIRE(sigaction(SIGPIPE, &before, &after) == 0);
  CHECK(after.sa_handler == chosen.sa_handler);
}

}  // namespace
}  // namespace clusterkit
