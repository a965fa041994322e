// How links end, and who hears of it.

#include <string>

#include "contract/transport_contract.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

void TestDialsThatFail(const MakeTransports& make) {
  const std::unique_ptr<TransportsUnderTest> test = make(TransportTestOptions());
  LinkPair link(*test);
  const LinkId dialled{100};

  SECTION("a dial to where nobody listens is refused, once") {
    link.b.Call([&] { test->b().Dial(dialled, test->Nobody()); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(dialled) != nullptr; }));
    CHECK(link.b.FindDown(dialled)->cause == LinkDownCause::kRefused);
    link.Fence();
    CHECK(link.b.DownsOf(dialled) == 1);
    CHECK_FALSE(link.b.IsUp(dialled));
  }

  SECTION("a dial to a nonsensical address fails, once and later") {
    const Endpoint nonsense[] = {{"", 7000},
                                 {"not an address", 7000},
                                 {std::string(1000, 'x'), 7000},
                                 {std::string("127.0.0.1\0x", 11), 7000}};
    uint64_t id = 100;
    for (const Endpoint& to : nonsense) {
      const LinkId each{id++};
      link.b.Call([&] { test->b().Dial(each, to); });
      REQUIRE(test->RunUntil([&] { return link.b.FindDown(each) != nullptr; }));
      CHECK_FALSE(link.b.IsUp(each));
    }
    link.Fence();
    CHECK(link.b.downs.size() == std::size(nonsense));
  }

  SECTION("a dial that is closed is never heard of again") {
    link.b.Call([&] { test->b().Dial(dialled, test->ReachA()); });
    link.b.Call([&] { test->b().Close(dialled); });
    link.b.Call([&] { test->b().Dial(LinkId{101}, test->Nobody()); });
    link.b.Call([&] { test->b().Close(LinkId{101}); });
    link.Fence();
    CHECK_FALSE(link.b.IsUp(dialled));
    CHECK(link.b.downs.empty());
  }
}

void TestClosing(const MakeTransports& make) {
  const std::unique_ptr<TransportsUnderTest> test = make(TransportTestOptions());
  LinkPair link(*test);

  SECTION("closing says nothing here; the peer gets what was sent before, then a reset, once") {
    link.SendFromA("one");
    link.SendFromA("goodbye");
    link.a.Call([&] { test->a().Close(link.at_a); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.b.FindDown(link.at_b)->cause == LinkDownCause::kReset);
    CHECK(link.b.FramesOf(link.at_b) == std::vector<std::string>{"one", "goodbye"});
    link.Fence();
    CHECK(link.b.DownsOf(link.at_b) == 1);
    CHECK(link.a.downs.empty());
  }

  SECTION("what was sent before closing arrives although the peer had sent something, too") {
    link.SendFromB("unread");
    link.SendFromA("goodbye");
    link.a.Call([&] { test->a().Close(link.at_a); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.b.FindDown(link.at_b)->cause == LinkDownCause::kReset);
    CHECK(link.b.FramesOf(link.at_b) == std::vector<std::string>{"goodbye"});
    CHECK(link.a.frames.empty());
  }

  SECTION("sending to a peer that has closed does no harm, and the reset is told once") {
    link.a.Call([&] { test->a().Close(link.at_a); });
    for (int i = 0; i < 10; ++i) link.SendFromB(std::string(10000, 'x'));
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.b.FindDown(link.at_b)->cause == LinkDownCause::kReset);
    for (int i = 0; i < 10; ++i) link.SendFromB("x");
    link.Fence();
    CHECK(link.b.DownsOf(link.at_b) == 1);
  }

  SECTION("both ends may close at once, and hear nothing") {
    link.a.Call([&] { test->a().Close(link.at_a); });
    link.b.Call([&] { test->b().Close(link.at_b); });
    link.Fence();
    CHECK(link.a.downs.empty());
    CHECK(link.b.downs.empty());
  }

  SECTION("links that are unknown, or known no more, are ignored") {
    link.b.Call([&] { test->b().Send(LinkId{77}, "x"); });
    link.b.Call([&] { test->b().Close(LinkId{77}); });
    link.b.Call([&] { test->b().Close(link.at_b); });
    link.b.Call([&] { test->b().Send(link.at_b, "x"); });
    link.b.Call([&] { test->b().Close(link.at_b); });
    link.Fence();
    CHECK(link.a.frames.size() == 1);  // The fence's.
    CHECK(link.b.downs.empty());
  }
}

void TestOverflow(const MakeTransports& make) {
  const Options options = TransportTestOptions();
  const std::unique_ptr<TransportsUnderTest> test = make(options);
  LinkPair link(*test);
  // Far more than the system takes on its own.
  const auto flood = [&] {
    for (size_t sent = 0; sent < (size_t{64} << 20); sent += options.max_frame_bytes) {
      link.SendFromB(std::string(options.max_frame_bytes, 'x'));
    }
  };

  SECTION("a link whose queue overflows goes down, once") {
    flood();
    CHECK(link.b.downs.empty());
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.b.FindDown(link.at_b)->cause == LinkDownCause::kOverflow);
    link.SendFromB("x");
    // Frames may have been lost, so the peer must not take the link for a good one.
    REQUIRE(test->RunUntil([&] { return link.a.FindDown(link.at_a) != nullptr; }));
    CHECK(link.b.DownsOf(link.at_b) == 1);
  }

  SECTION("a link that overflowed and is closed before that was told says nothing") {
    flood();
    link.b.Call([&] { test->b().Close(link.at_b); });
    REQUIRE(test->RunUntil([&] { return link.a.FindDown(link.at_a) != nullptr; }));
    CHECK(link.b.downs.empty());
  }

  SECTION("a queue below its limit is sent") {
    const std::string frame(options.max_link_queue_bytes / 8, 'x');
    for (int i = 0; i < 7; ++i) link.SendFromB(frame);
    REQUIRE(test->RunUntil([&] { return link.a.frames.size() == 7; }));
    CHECK(link.b.downs.empty());
  }
}

void TestShutdown(const MakeTransports& make) {
  const std::unique_ptr<TransportsUnderTest> test = make(TransportTestOptions());
  LinkPair link(*test);

  SECTION("shutting down says nothing here, ends every link and frees the address") {
    const Endpoint reach_a = test->ReachA();
    link.a.Call([&] { test->a().Shutdown(); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.b.FindDown(link.at_b)->cause == LinkDownCause::kReset);
    link.b.Call([&] { test->b().Dial(LinkId{100}, reach_a); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(LinkId{100}) != nullptr; }));
    CHECK(link.b.FindDown(LinkId{100})->cause == LinkDownCause::kRefused);
    CHECK(link.a.downs.empty());
    CHECK(link.a.accepted.size() == 1);
  }

  SECTION("after shutting down every call is ignored") {
    link.b.Call([&] { test->b().Shutdown(); });
    link.b.Call([&] { test->b().Dial(LinkId{100}, test->ReachA()); });
    link.b.Call([&] { test->b().Send(link.at_b, "x"); });
    link.b.Call([&] { test->b().Close(link.at_b); });
    link.b.Call([&] { test->b().Shutdown(); });
    REQUIRE(test->RunUntil([&] { return link.a.FindDown(link.at_a) != nullptr; }));
    CHECK(link.a.frames.empty());
    CHECK(link.a.accepted.size() == 1);
    CHECK(link.b.up.size() == 1);
    CHECK(link.b.downs.empty());
  }
}

}  // namespace

void TestTransportEnds(const MakeTransports& make) {
  SECTION("dials that fail") { TestDialsThatFail(make); }
  SECTION("closing") { TestClosing(make); }
  SECTION("overflow") { TestOverflow(make); }
  SECTION("shutdown") { TestShutdown(make); }
}

}  // namespace clusterkit
