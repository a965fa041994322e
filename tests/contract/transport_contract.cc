#include "contract/transport_contract.h"

#include <algorithm>
#include <utility>

#include "support/catch.h"

namespace clusterkit {

LinkId RecordingHandler::OnAccept(const std::string& peer_host) {
  CheckNotInCall();
  const LinkId link{next_accepted_++};
  accepted.push_back(link);
  peer_hosts.push_back(peer_host);
  if (on_accept) on_accept(link);
  return link;
}

void RecordingHandler::OnLinkUp(LinkId link) {
  CheckNotInCall();
  up.push_back(link);
  if (on_up) on_up(link);
}

void RecordingHandler::OnLinkDown(LinkId link, LinkDownCause cause, const absl::Status& detail) {
  CheckNotInCall();
  CHECK_FALSE(detail.ok());
  downs.push_back({link, cause, std::string(detail.message())});
  if (on_down) on_down(link);
}

void RecordingHandler::OnFrame(LinkId link, std::string_view frame) {
  CheckNotInCall();
  frames.emplace_back(link, frame);
  if (on_frame) on_frame(link, frame);
}

void RecordingHandler::OnBadFrame(LinkId link, const absl::Status& error) {
  CheckNotInCall();
  bad_frames.emplace_back(link, error);
}

void RecordingHandler::CheckNotInCall() const { CHECK(calls_under_way_ == 0); }

bool RecordingHandler::IsUp(LinkId link) const {
  return std::find(up.begin(), up.end(), link) != up.end();
}

int RecordingHandler::DownsOf(LinkId link) const {
  return static_cast<int>(std::count_if(downs.begin(), downs.end(),
                                        [link](const Down& down) { return down.link == link; }));
}

const RecordingHandler::Down* RecordingHandler::FindDown(LinkId link) const {
  const auto found = std::find_if(downs.begin(), downs.end(),
                                  [link](const Down& down) { return down.link == link; });
  return found == downs.end() ? nullptr : &*found;
}

std::vector<std::string> RecordingHandler::FramesOf(LinkId link) const {
  std::vector<std::string> of_link;
  for (const auto& [from, frame] : frames) {
    if (from == link) of_link.push_back(frame);
  }
  return of_link;
}

LinkPair::LinkPair(TransportsUnderTest& transports) : test(transports) {
  a.Call([&] { REQUIRE(test.a().Listen(test.ListenA(), &a) == absl::OkStatus()); });
  b.Call([&] { REQUIRE(test.b().Listen(test.ListenB(), &b) == absl::OkStatus()); });
  at_b = next_dial_;
  b.Call([&] { test.b().Dial(at_b, test.ReachA()); });
  REQUIRE(test.RunUntil([&] { return b.IsUp(at_b) && !a.accepted.empty(); }));
  at_a = a.accepted[0];
}

void LinkPair::SendFromA(std::string frame) {
  a.Call([&] { test.a().Send(at_a, std::move(frame)); });
}

void LinkPair::SendFromB(std::string frame) {
  b.Call([&] { test.b().Send(at_b, std::move(frame)); });
}

void LinkPair::Fence() {
  next_dial_ = LinkId{static_cast<uint64_t>(next_dial_) + 1};
  const LinkId dialled = next_dial_;
  b.Call([&] { test.b().Dial(dialled, test.ReachA()); });
  REQUIRE(test.RunUntil([&] { return b.IsUp(dialled); }));
  b.Call([&] { test.b().Send(dialled, "fence"); });
  // A may have accepted other links meanwhile: this is the one that it comes from.
  size_t next = a.frames.size();
  const auto arrived = [&] {
    while (next < a.frames.size() && a.frames[next].second != "fence") ++next;
    return next < a.frames.size();
  };
  REQUIRE(test.RunUntil(arrived));
  const LinkId there = a.frames[next].first;
  a.Call([&] { test.a().Send(there, "fence"); });
  REQUIRE(test.RunUntil([&] { return !b.FramesOf(dialled).empty(); }));
}

Options TransportTestOptions() {
  Options options = Options::Loopback();
  options.max_frame_bytes = size_t{256} << 10;
  options.max_link_queue_bytes = size_t{1} << 20;
  return options;
}

namespace {

std::string PatternOf(size_t size, uint64_t seed) {
  std::string frame(size, '\0');
  for (size_t i = 0; i < size; ++i) frame[i] = static_cast<char>((i * 31 + seed * 7) & 0xff);
  return frame;
}

void TestFrames(const MakeTransports& make) {
  const Options options = TransportTestOptions();
  const std::unique_ptr<TransportsUnderTest> test = make(options);
  LinkPair link(*test);

  SECTION("a link is accepted and dialled once, and the peer's address is known") {
    link.Fence();
    CHECK(link.a.accepted.size() == 2);  // The link and the fence.
    CHECK(link.b.up.size() == 2);
    CHECK_FALSE(link.a.peer_hosts[0].empty());
    CHECK(link.a.downs.empty());
    CHECK(link.b.downs.empty());
  }

  SECTION("frames travel both ways, whole and in order") {
    constexpr size_t kCount = 500;
    for (size_t i = 0; i < kCount; ++i) {
      link.SendFromA(PatternOf(1 + i * 37 % 2000, i));
      link.SendFromB(PatternOf(1 + i * 53 % 2000, i));
    }
    REQUIRE(test->RunUntil(
        [&] { return link.a.frames.size() == kCount && link.b.frames.size() == kCount; }));
    for (size_t i = 0; i < kCount; ++i) {
      CHECK((link.a.frames[i] == std::pair{link.at_a, PatternOf(1 + i * 53 % 2000, i)}));
      CHECK((link.b.frames[i] == std::pair{link.at_b, PatternOf(1 + i * 37 % 2000, i)}));
    }
  }

  SECTION("a frame may hold any bytes") {
    std::string frame;
    for (int byte = 0; byte < 256; ++byte) frame += static_cast<char>(byte);
    link.SendFromA(frame);
    REQUIRE(test->RunUntil([&] { return !link.b.frames.empty(); }));
    CHECK(link.b.frames[0].second == frame);
  }

  SECTION("a frame at the limit arrives") {
    const std::string frame = PatternOf(options.max_frame_bytes, 1);
    link.SendFromB(frame);
    link.SendFromB("next");
    REQUIRE(test->RunUntil([&] { return link.a.frames.size() == 2; }));
    CHECK((link.a.frames[0].second == frame));
  }

  SECTION("a frame over the limit, or of no bytes, never leaves and takes the link down") {
    for (const std::string& frame : {PatternOf(options.max_frame_bytes + 1, 1), std::string()}) {
      LinkId dialled{500 + frame.size()};
      link.b.Call([&] { test->b().Dial(dialled, test->ReachA()); });
      REQUIRE(test->RunUntil([&] { return link.b.IsUp(dialled); }));
      link.b.Call([&] { test->b().Send(dialled, frame); });
      REQUIRE(test->RunUntil([&] { return link.b.FindDown(dialled) != nullptr; }));
      CHECK(link.b.FindDown(dialled)->cause == LinkDownCause::kLocal);
    }
    link.Fence();
    CHECK(link.a.frames.size() == 1);  // The fence's.
    CHECK(link.a.bad_frames.empty());
  }

  SECTION("many links to one peer are told apart") {
    std::vector<LinkId> links;
    for (uint64_t i = 0; i < 20; ++i) {
      links.push_back(LinkId{100 + i});
      link.b.Call([&] { test->b().Dial(links.back(), test->ReachA()); });
    }
    REQUIRE(test->RunUntil([&] { return link.a.accepted.size() == 21 && link.b.up.size() == 21; }));
    for (size_t i = 0; i < links.size(); ++i) {
      link.b.Call([&] { test->b().Send(links[i], std::to_string(i)); });
    }
    link.a.on_frame = [&](LinkId from, std::string_view frame) {
      link.a.Call([&] { test->a().Send(from, "re " + std::string(frame)); });
    };
    REQUIRE(test->RunUntil([&] { return link.b.frames.size() == links.size(); }));
    for (size_t i = 0; i < links.size(); ++i) {
      CHECK(link.b.FramesOf(links[i]) == std::vector<std::string>{"re " + std::to_string(i)});
    }
  }
}

void TestCallsFromCallbacks(const MakeTransports& make) {
  const std::unique_ptr<TransportsUnderTest> test = make(TransportTestOptions());
  LinkPair link(*test);

  SECTION("a link may be used from within OnLinkUp, and closed from within OnFrame") {
    link.b.on_up = [&](LinkId dialled) {
      link.b.Call([&] { test->b().Send(dialled, "one"); });
      link.b.Call([&] { test->b().Send(dialled, "two"); });
    };
    link.a.on_frame = [&](LinkId from, std::string_view) {
      link.a.Call([&] { test->a().Close(from); });
    };
    link.b.Call([&] { test->b().Dial(LinkId{100}, test->ReachA()); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(LinkId{100}) != nullptr; }));
    CHECK(link.a.frames.size() == 1);
    CHECK(link.a.downs.empty());
  }

  SECTION("a dial may be repeated from within the news that it failed") {
    uint64_t attempts = 0;
    link.b.on_down = [&](LinkId) {
      if (++attempts < 5)
        link.b.Call([&] { test->b().Dial(LinkId{100 + attempts}, test->Nobody()); });
    };
    link.b.Call([&] { test->b().Dial(LinkId{100}, test->Nobody()); });
    REQUIRE(test->RunUntil([&] { return attempts == 5; }));
  }

  SECTION("the transport may be shut down from within OnFrame") {
    link.a.on_frame = [&](LinkId, std::string_view) { link.a.Call([&] { test->a().Shutdown(); }); };
    link.SendFromB("one");
    link.SendFromB("two");
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(link.at_b) != nullptr; }));
    CHECK(link.a.frames.size() == 1);
    CHECK(link.a.downs.empty());
  }

  SECTION("the transport may be shut down from within OnAccept") {
    link.a.on_accept = [&](LinkId) { link.a.Call([&] { test->a().Shutdown(); }); };
    link.b.Call([&] { test->b().Dial(LinkId{100}, test->ReachA()); });
    REQUIRE(test->RunUntil([&] { return link.b.FindDown(LinkId{100}) != nullptr; }));
    CHECK(link.a.accepted.size() == 2);
    CHECK(link.a.downs.empty());
  }
}

}  // namespace

void TestTransport(const MakeTransports& make) {
  SECTION("frames") { TestFrames(make); }
  SECTION("ends") { TestTransportEnds(make); }
  SECTION("calls from callbacks") { TestCallsFromCallbacks(make); }
}

}  // namespace clusterkit
