// Listening: addresses, errors, and what happens when file descriptors run out.

#include <fcntl.h>
#include <sys/resource.h>

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

bool HasIpv6() {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  return transport.Listen({"::1", 0}, &handler).ok();
}

TEST_CASE("the system chooses the port if none is asked for") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  CHECK(transport.port() == 0);
  REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler).ok());
  CHECK(transport.port() != 0);
}

TEST_CASE("a port in use is an error that names it") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport first(runner.loop(), TransportTestOptions());
  REQUIRE(first.Listen({"127.0.0.1", 0}, &handler).ok());
  const std::string port = std::to_string(first.port());

  uv::Transport second(runner.loop(), TransportTestOptions());
  CHECK(second.Listen({"127.0.0.1", first.port()}, &handler) ==
        absl::UnavailableError("bind 127.0.0.1:" + port + ": address already in use"));
  CHECK(second.port() == 0);
  // It may try again elsewhere.
  CHECK(second.Listen({"127.0.0.1", 0}, &handler).ok());
}

TEST_CASE("a port is free for the next transport at once") {
  UvRunner runner;
  RecordingHandler handler;
  auto first = std::make_unique<uv::Transport>(runner.loop(), TransportTestOptions());
  REQUIRE(first->Listen({"127.0.0.1", 0}, &handler).ok());
  const uint16_t port = first->port();
  RawSocket peer;
  peer.Connect(port);
  REQUIRE(runner.RunUntil([&] { return handler.accepted.size() == 1; }));
  // Closed by the listening side, whose end of the connection then lingers in TIME_WAIT.
  first.reset();
  CHECK(peer.Receive(1).empty());

  uv::Transport second(runner.loop(), TransportTestOptions());
  CHECK(second.Listen({"127.0.0.1", port}, &handler) == absl::OkStatus());
}

TEST_CASE("a host that is no address of this machine is an error that names it") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  CHECK(transport.Listen({"192.0.2.1", 7000}, &handler) ==
        absl::UnavailableError("bind 192.0.2.1:7000: address not available"));
  CHECK(transport.Listen({std::string(300, 'x'), 7000}, &handler).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(transport.Listen({"no-such-host.invalid", 7000}, &handler).code() ==
        absl::StatusCode::kUnavailable);
}

TEST_CASE("a transport listens once") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler).ok());
  CHECK(transport.Listen({"127.0.0.1", 0}, &handler).code() ==
        absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("an empty host listens on all addresses, and IPv4 peers are seen as such") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  REQUIRE(transport.Listen({"", 0}, &handler).ok());
  std::vector<std::string> hosts = {"127.0.0.1"};
  transport.Dial(LinkId{1}, {"127.0.0.1", transport.port()});
  if (HasIpv6()) {
    hosts.push_back("::1");
    REQUIRE(runner.RunUntil([&] { return handler.accepted.size() == 1; }));
    transport.Dial(LinkId{2}, {"::1", transport.port()});
  }
  REQUIRE(runner.RunUntil([&] { return handler.accepted.size() == hosts.size(); }));
  CHECK(handler.peer_hosts == hosts);
}

TEST_CASE("a name may be listened on") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  REQUIRE(transport.Listen({"localhost", 0}, &handler) == absl::OkStatus());
  transport.Dial(LinkId{1}, {"localhost", transport.port()});
  REQUIRE(runner.RunUntil([&] { return handler.accepted.size() == 1; }));
}

// Opens files until no more can be opened.
class DescriptorShortage {
 public:
  DescriptorShortage() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit few = before_;
    few.rlim_cur = 64;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int fd = Open(); fd >= 0; fd = Open()) files_.push_back(fd);
  }
  ~DescriptorShortage() {
    for (const int fd : files_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  static int Open() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

  rlimit before_;
  std::vector<int> files_;
};

TEST_CASE("without file descriptors peers are turned away, and accepted again later") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler).ok());
  RawSocket turned_away[3];
  {
    const DescriptorShortage shortage;
    for (RawSocket& peer : turned_away) peer.Connect(transport.port());
    // The loop comes to rest: nothing is left to accept.
    int turns = 0;
    runner.RunUntil([&] { return ++turns > 1000; }, 50);
    CHECK(turns < 1000);
    CHECK(handler.accepted.empty());
  }
  for (RawSocket& peer : turned_away) CHECK(peer.Receive(1).empty());

  RawSocket peer;
  peer.Connect(transport.port());
  REQUIRE(runner.RunUntil([&] { return handler.accepted.size() == 1; }));
}

TEST_CASE("even without libuv's spare descriptor the loop does not spin, and accepts again later") {
  UvRunner runner;
  RecordingHandler handler;
  uv::Transport transport(runner.loop(), TransportTestOptions());
  REQUIRE(transport.Listen({"127.0.0.1", 0}, &handler).ok());
  const uint16_t port = transport.port();
  close(runner.loop()->emfile_fd);
  runner.loop()->emfile_fd = -1;
  RawSocket turned_away;
  {
    const DescriptorShortage shortage;
    turned_away.Connect(port);
    int turns = 0;
    runner.RunUntil([&] { return ++turns > 1000; }, 250);
    CHECK(turns < 1000);
    CHECK(handler.accepted.empty());
  }
  CHECK(turned_away.Receive(1).empty());

  // It listens again on the same port, some time after there are descriptors.
  CHECK(runner.RunUntil([&] {
    if (handler.accepted.empty()) {
      RawSocket peer;
      const sockaddr_in to = LoopbackAddress(port);
      static_cast<void>(connect(peer.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
    }
    return !handler.accepted.empty();
  }));
  CHECK(transport.port() == port);
}

}  // namespace
}  // namespace clusterkit
