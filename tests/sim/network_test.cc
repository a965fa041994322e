#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/network.h"
#include "support/catch.h"

namespace clusterkit::sim {
namespace {

const char* CauseName(LinkDownCause cause) {
  switch (cause) {
    case LinkDownCause::kRefused: return "refused";
    case LinkDownCause::kReset: return "reset";
    case LinkDownCause::kTimeout: return "timeout";
    case LinkDownCause::kOverflow: return "overflow";
    case LinkDownCause::kLocal: return "local";
  }
  return "?";
}

// A process that writes down what happens to it.
struct Peer : Transport::Handler {
  Peer(Network* network, Scheduler* scheduler, int index, const Options& options)
      : scheduler(scheduler),
        bus{absl::StrCat("h", index), 1},
        host(network->AddHost(bus.host)),
        transport(std::make_unique<NetTransport>(network, host, options, nullptr)) {
    REQUIRE(transport->Listen(bus, this).ok());
  }

  LinkId OnAccept(const std::string& peer_host) override {
    Note(absl::StrCat("accept ", peer_host));
    accepted.push_back(LinkId{next_accepted++});
    return accepted.back();
  }
  void OnLinkUp(LinkId) override { Note("up"); }
  void OnLinkDown(LinkId, LinkDownCause cause, const absl::Status&) override {
    Note(absl::StrCat("down ", CauseName(cause)));
  }
  void OnFrame(LinkId, std::string_view frame) override { Note(std::string(frame)); }
  void OnBadFrame(LinkId, const absl::Status&) override { Note("bad"); }

  void Note(const std::string& what) {
    log.push_back(absl::StrCat(what, "@", scheduler->now_ns() / 1'000'000));
  }
  std::string Log() {
    return absl::StrJoin(std::exchange(log, {}), " ");
  }

  Scheduler* scheduler;
  Endpoint bus;
  HostId host;
  std::unique_ptr<NetTransport> transport;
  std::vector<std::string> log;
  std::vector<LinkId> accepted;
  uint64_t next_accepted = 1000;
};

constexpr LinkId kLink{1};

// Two processes, 10 ms apart.
struct NetworkFixture {
  NetworkFixture() {
    network.ChangeFaults([](FaultTable& faults) {
      faults.SetDefault({.latency = absl::Milliseconds(10)});
    });
  }
  void Pass(int64_t milliseconds) {
    scheduler.RunUntil(scheduler.now_ns() + milliseconds * 1'000'000);
  }
  void Connect() {
    a.transport->Dial(kLink, b.bus);
    Pass(100);
    a.log.clear();
    b.log.clear();
  }
  void Faults(const LinkFaults& from_a_to_b) {
    network.ChangeFaults([&](FaultTable& faults) { faults.Set(a.host, b.host, from_a_to_b); });
  }
  void Cut() { network.ChangeFaults([&](FaultTable& f) { f.Partition({{a.host}, {b.host}}); }); }
  void Heal() { network.ChangeFaults([](FaultTable& f) { f.Heal(); }); }
  static Options Limits() {
    Options options;
    options.node_timeout = absl::Seconds(4);
    options.max_frame_bytes = 100;
    options.max_link_queue_bytes = 250;
    return options;
  }

  Scheduler scheduler;
  Network network{&scheduler, 1};
  Peer a{&network, &scheduler, 1, Limits()}, b{&network, &scheduler, 2, Limits()};
};

TEST_CASE("a dial takes a round trip, and frames follow in order") {
  NetworkFixture f;
  f.a.transport->Dial(kLink, f.b.bus);
  f.Pass(20);
  CHECK(f.a.Log() == "up@20");
  for (const char* frame : {"1", "2", "3"}) f.a.transport->Send(kLink, frame);
  f.Pass(10);
  CHECK(f.b.Log() == "accept h1@20 1@30 2@30 3@30");
  f.b.transport->Send(f.b.accepted[0], "4");
  f.Pass(10);
  CHECK(f.a.Log() == "4@40");
}

TEST_CASE("jitter delays frames but keeps their order") {
  NetworkFixture f;
  f.Connect();
  f.Faults({.latency = absl::Milliseconds(1), .jitter = absl::Milliseconds(50)});
  std::string expected;
  for (char c = 'a'; c <= 'z'; ++c) {
    f.a.transport->Send(kLink, std::string(1, c));
    f.Pass(3);
    expected += c;
  }
  f.Pass(100);
  std::string arrived;
  for (const std::string& note : f.b.log) arrived += note[0];
  CHECK(arrived == expected);
}

TEST_CASE("nobody listens: refused after a round trip") {
  NetworkFixture f;
  f.a.transport->Dial(kLink, {f.b.bus.host, 2});
  f.Pass(100);
  CHECK(f.a.Log() == "down refused@20");
}

TEST_CASE("no such machine: the dial times out; no address: it fails at once") {
  NetworkFixture f;
  f.a.transport->Dial(kLink, {"nowhere", 1});
  f.a.transport->Dial(LinkId{2}, {"", 0});
  f.Pass(10000);
  CHECK(f.a.Log() == "down local@0 down timeout@4000");
}

TEST_CASE("a dial across a cut is repeated, and gives up in the end") {
  NetworkFixture f;
  f.Cut();
  f.a.transport->Dial(kLink, f.b.bus);
  SECTION("the cut ends") {
    f.Pass(2000);
    f.Heal();
    f.Pass(1100);
    CHECK(f.a.Log() == "up@3020");
  }
  SECTION("the cut stays") {
    f.Pass(10000);
    CHECK(f.a.Log() == "down timeout@4000");
  }
}

TEST_CASE("a cut holds bytes; they are repeated, and the link dies after a minute") {
  NetworkFixture f;
  f.Connect();  // Ends at 100.
  f.Cut();
  f.a.transport->Send(kLink, "late");
  SECTION("the cut ends") {
    f.Pass(1000);
    f.Heal();
    f.Pass(1000);
    CHECK(f.b.Log() == "late@1510");  // 110, then after 200, 400, 800.
  }
  SECTION("the cut stays") {
    f.Pass(70000);
    CHECK(f.a.Log() == "down timeout@60110");
    CHECK(f.b.Log() == "");  // It has sent nothing, so it knows nothing.
    f.Heal();
    f.b.transport->Send(f.b.accepted[0], "anybody there?");
    f.Pass(100);
    CHECK(f.b.Log() == "down reset@70120");
  }
}

TEST_CASE("a cut of one direction lets the other pass") {
  NetworkFixture f;
  f.Connect();
  f.Faults({.latency = absl::Milliseconds(10), .cut = true});
  f.a.transport->Send(kLink, "lost");
  f.b.transport->Send(f.b.accepted[0], "heard");
  f.Pass(100);
  CHECK(f.a.Log() == "heard@110");
  CHECK(f.b.Log() == "");
}

TEST_CASE("a stall holds bytes until it ends") {
  NetworkFixture f;
  f.Connect();
  f.Faults({.latency = absl::Milliseconds(10), .stalled = true});
  f.a.transport->Send(kLink, "1");
  f.Pass(90000);
  f.a.transport->Send(kLink, "2");
  f.Pass(900);
  CHECK(f.b.Log() == "");
  f.Heal();
  f.Pass(0);
  CHECK(f.b.Log() == "1@91000 2@91000");
}

TEST_CASE("a reset breaks both ends") {
  NetworkFixture f;
  f.Connect();
  SECTION("on demand") {
    f.network.ResetLinks(f.b.host, f.a.host);
    f.Pass(10);
  }
  SECTION("by chance") {
    f.Faults({.latency = absl::Milliseconds(10), .reset_per_mille = 1000});
    f.a.transport->Send(kLink, "gone");
    f.Pass(10);
  }
  CHECK(f.a.Log() == "down reset@100");
  CHECK(f.b.Log() == "down reset@110");
}

TEST_CASE("closing sends what is queued, tells the peer and not the closer") {
  NetworkFixture f;
  f.Connect();
  f.a.transport->Send(kLink, "bye");
  f.a.transport->Close(kLink);
  f.a.transport->Send(kLink, "ignored");
  f.Pass(100);
  CHECK(f.a.Log() == "");
  CHECK(f.b.Log() == "bye@110 down reset@110");
}

TEST_CASE("a process that dies resets its links, after what it had sent, and refuses dials") {
  NetworkFixture f;
  f.Connect();
  f.b.transport->Send(f.b.accepted[0], "last words");
  f.network.Die(f.b.host, false);
  f.Pass(10);
  CHECK(f.a.Log() == "last words@110 down reset@110");
  f.a.transport->Dial(LinkId{2}, f.b.bus);
  f.Pass(100);
  CHECK(f.a.Log() == "down refused@130");
}

TEST_CASE("a machine without power says nothing, until it is back") {
  NetworkFixture f;
  f.Connect();
  f.network.ChangeFaults([&](FaultTable& faults) { faults.SetGone(f.b.host, true); });
  f.network.Die(f.b.host, true);
  f.a.transport->Send(kLink, "?");
  f.a.transport->Dial(LinkId{2}, f.b.bus);
  f.Pass(5000);
  CHECK(f.a.Log() == "down timeout@4100");
  f.network.ChangeFaults([&](FaultTable& faults) { faults.SetGone(f.b.host, false); });
  f.Pass(5000);
  CHECK(f.a.Log() == "down reset@6320");  // What was sent again met a kernel that knows nothing.
}

TEST_CASE("a stopped process is connected to and written to, and sees it all when it goes on") {
  NetworkFixture f;
  f.Connect();
  f.network.SetPaused(f.b.host, true);
  f.a.transport->Send(kLink, "1");
  f.a.transport->Dial(LinkId{2}, f.b.bus);
  f.Pass(100);
  CHECK(f.a.Log() == "up@120");
  f.a.transport->Send(LinkId{2}, "2");
  f.Pass(800);
  CHECK(f.b.Log() == "");

  SECTION("it goes on") {
    f.network.SetPaused(f.b.host, false);
    f.Pass(0);
    CHECK(f.b.Log() == "1@1000 accept h1@1000 2@1000");
  }
  SECTION("it is killed") {
    f.network.Die(f.b.host, false);
    f.Pass(100);
    CHECK(f.a.Log() == "down reset@1010 down reset@1010");
  }
}

TEST_CASE("the backlog of a stopped process is limited") {
  NetworkFixture f;
  f.network.SetPaused(f.b.host, true);
  for (uint64_t i = 0; i < 130; ++i) f.a.transport->Dial(LinkId{i}, f.b.bus);
  f.Pass(10000);
  CHECK(std::count(f.a.log.begin(), f.a.log.end(), "up@20") == 128);
  CHECK(std::count(f.a.log.begin(), f.a.log.end(), "down timeout@4000") == 2);
}

TEST_CASE("a link over its queue limit goes down") {
  NetworkFixture f;
  f.Connect();
  f.Cut();
  for (int i = 0; i < 3; ++i) f.a.transport->Send(kLink, std::string(100, 'x'));
  f.Pass(0);
  CHECK(f.a.Log() == "down overflow@100");
}

TEST_CASE("an empty or over-long frame that arrives is a bad frame") {
  NetworkFixture f;
  f.Connect();
  REQUIRE(f.network.Inject(*f.a.transport, f.b.host, "").ok());
  REQUIRE(f.network.Inject(*f.a.transport, f.b.host, std::string(101, 'x')).ok());
  f.Pass(10);
  CHECK(f.b.Log() == "bad@110 bad@110");
}

TEST_CASE("after Shutdown nothing is heard any more and the peer is told") {
  NetworkFixture f;
  f.Connect();
  f.b.transport->Send(f.b.accepted[0], "unheard");
  f.a.transport->Shutdown();
  f.Pass(100);
  CHECK(f.a.Log() == "");
  CHECK(f.b.Log() == "down reset@110");
}

TEST_CASE("an injected frame arrives on an existing link") {
  NetworkFixture f;
  CHECK(absl::IsNotFound(f.network.Inject(*f.a.transport, f.b.host, "x")));
  f.Connect();
  REQUIRE(f.network.Inject(*f.a.transport, f.b.host, "x").ok());
  f.Pass(10);
  CHECK(f.b.Log() == "x@110");
}

}  // namespace
}  // namespace clusterkit::sim
