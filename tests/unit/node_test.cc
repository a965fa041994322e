// A Node on ports that the test holds in its hand: what it does with them, and when.

#include "clusterkit/node.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clusterkit/describe.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "unit/fake_ports.h"

namespace clusterkit {
namespace {

NodeId PeerId() {
  NodeId id;
  id.bytes[0] = 0x77;
  return id;
}

Heartbeat PingAt(uint64_t stamp) {
  Heartbeat ping;
  ping.stamp = stamp;
  return ping;
}

struct Fixture {
  Fixture() {
    options.bus = {"10.0.0.1", 17000};
    options.client = {"10.0.0.1", 7000};
    options.seed = 1;
    observer.on_event = [this](const Event& event, Instant) { events.push_back(event); };
  }
  Node::Deps Deps() { return {&loop, &transport, &codec, &store, &observer}; }
  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<Node>> started = Node::Start(options, Deps());
    if (started.ok()) node = *std::move(started);
    return started.status();
  }
  // Started, its identity durable, everything done.
  void StartAndSettle() {
    REQUIRE(Start() == absl::OkStatus());
    loop.RunPosted();
    while (!store.pending.empty()) store.Complete();
  }
  void Receive(LinkId link, const Frame& frame) {
    transport.handler->OnFrame(link, codec.Encode(frame));
  }
  Hello PeerHello() const {
    Hello hello;
    hello.sender = PeerId();
    hello.incarnation = 5;
    return hello;
  }
  Message PeerSays(MessageBody body) const {
    Message message;
    message.header.sender = PeerId();
    message.header.bus = {"10.0.0.2", 17000};
    message.header.client = {"10.0.0.2", 7000};
    message.body = std::move(body);
    return message;
  }
  // A peer that we dialled, and that dialled us.
  void MeetPeer() {
    REQUIRE(node->Meet({"10.0.0.2", 17000}) == absl::OkStatus());
    for (int i = 0; i < 10 && transport.dialled.empty(); ++i) {
      loop.now = std::max(loop.now, std::min(loop.wake_at, loop.now + absl::Seconds(1)));
      loop.Wake();
    }
    REQUIRE(transport.dialled.size() == 1);
    to_peer = transport.dialled[0].first;
    transport.handler->OnLinkUp(to_peer);
    Receive(to_peer, PeerHello());
    from_peer = transport.handler->OnAccept("10.0.0.2");
    loop.RunPosted();
    Receive(from_peer, PeerHello());
    Receive(from_peer, PeerSays(PingAt(1)));
    while (!store.pending.empty()) store.Complete();
  }
  std::vector<Message> TakeSent(LinkId link) {
    std::vector<Message> messages;
    for (const auto& [to, bytes] : std::exchange(transport.sent, {})) {
      const absl::StatusOr<Frame> frame = codec.Decode(bytes);
      REQUIRE(frame.ok());
      if (to == link && std::holds_alternative<Message>(*frame)) {
        messages.push_back(std::get<Message>(*frame));
      }
    }
    return messages;
  }
  template <typename T>
  const T* FindEvent() const {
    for (const Event& event : events) {
      if (const T* found = std::get_if<T>(&event)) return found;
    }
    return nullptr;
  }

  Log log;
  FakeLoop loop;
  FakeTransport transport{&log};
  ProtobufCodec codec;
  FakeStore store{&log};
  FakeObserver observer;
  Options options = Options::Loopback();
  std::vector<Event> events;
  LinkId to_peer{}, from_peer{};
  std::unique_ptr<Node> node;
};

TEST_CASE("a first start draws an identity, listens and saves it") {
  Fixture f;
  REQUIRE(f.Start() == absl::OkStatus());
  CHECK(f.log == Log{"listen", "save epoch 0 sync"});
  REQUIRE(f.node->view() != nullptr);
  CHECK(f.node->view()->self().id == f.store.saved[0].self);
  CHECK_FALSE(f.node->view()->self().id.IsZero());
  CHECK(f.node->options().bus == f.options.bus);

  f.loop.RunPosted();
  CHECK(f.events.empty());  // They may rest on what is not durable.
  f.store.Complete();
  CHECK(f.loop.wake_at < Instant::InfiniteFuture());
}

TEST_CASE("a restart is the same node") {
  Fixture first;
  first.StartAndSettle();
  Fixture f;
  f.options.seed = 2;
  f.store.loaded = first.store.saved.back();
  f.StartAndSettle();
  CHECK(f.node->view()->self().id == first.node->view()->self().id);
}

TEST_CASE("without a seed in the options each first start draws another identity") {
  Fixture a, b;
  a.options.seed.reset();
  b.options.seed.reset();
  a.StartAndSettle();
  b.StartAndSettle();
  CHECK(a.node->view()->self().id != b.node->view()->self().id);
}

TEST_CASE("a start that fails tells why and leaves nothing behind") {
  Fixture f;
  SECTION("the state is damaged") {
    f.store.loaded = absl::DataLossError("nodes.conf line 3: bad slot");
    CHECK(f.Start() == absl::DataLossError("nodes.conf line 3: bad slot"));
    CHECK(f.log.empty());
  }
  SECTION("the state contradicts itself") {
    f.store.loaded = PersistentState();
    CHECK(f.Start().code() == absl::StatusCode::kInvalidArgument);
    CHECK(f.log.empty());
  }
  SECTION("the address is taken") {
    f.transport.listen_status = absl::UnavailableError("bind: address already in use");
    CHECK(f.Start() == f.transport.listen_status);
    CHECK(f.store.saved.empty());
  }
  SECTION("the first save fails at once") {
    f.store.at_once = absl::UnavailableError("disk full");
    CHECK(f.Start() == absl::UnavailableError("disk full"));
    CHECK(f.log.back() == "shutdown");
  }
  SECTION("the options are wrong") {
    f.options.node_timeout = absl::ZeroDuration();
    CHECK(f.Start().code() == absl::StatusCode::kInvalidArgument);
    CHECK(f.log.empty());
  }
  SECTION("a port is missing") {
    Node::Deps deps = f.Deps();
    deps.codec = nullptr;
    CHECK(Node::Start(f.options, deps).status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(f.log.empty());
  }
  f.loop.RunPosted();
  f.loop.Wake();
  CHECK(f.events.empty());
}

TEST_CASE("while the disk stalls peers are answered, and hear of a change when it is durable") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  const Epoch before = f.node->view()->self().config_epoch;
  f.TakeSent(f.to_peer);
  f.events.clear();

  REQUIRE(f.node->BumpEpoch());
  REQUIRE(f.store.pending.size() == 1);
  CHECK(f.log.back() == "save epoch 1 sync");
  CHECK(f.TakeSent(f.to_peer).empty());
  CHECK(f.node->view()->self().config_epoch == before);
  CHECK(f.events.empty());

  f.Receive(f.from_peer, f.PeerSays(PingAt(2)));
  const std::vector<Message> answers = f.TakeSent(f.from_peer);
  REQUIRE(answers.size() == 1);
  CHECK(std::get<Heartbeat>(answers[0].body).stamp == 2);
  CHECK(answers[0].header.config_epoch == before);

  f.store.Complete();
  const std::vector<Message> announced = f.TakeSent(f.to_peer);
  REQUIRE_FALSE(announced.empty());
  CHECK(announced[0].header.config_epoch > before);
  CHECK(f.node->view()->self().config_epoch > before);
  CHECK(f.FindEvent<ConfigEpochChanged>() != nullptr);
}

TEST_CASE("a failed save halts the node: it says so, falls silent and changes nothing more") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  f.TakeSent(f.to_peer);
  const auto view = f.node->view();
  REQUIRE(f.node->BumpEpoch());

  f.store.Complete(absl::UnavailableError("fsync nodes.conf: input/output error"));

  REQUIRE(f.FindEvent<Halted>() != nullptr);
  CHECK(f.FindEvent<Halted>()->cause ==
        absl::UnavailableError("fsync nodes.conf: input/output error"));
  CHECK(f.FindEvent<ConfigEpochChanged>() == nullptr);
  CHECK(f.log.back() == "shutdown");
  CHECK(f.transport.sent.empty());
  CHECK(f.node->view() == view);

  const absl::Status halted =
      absl::UnavailableError("halted: fsync nodes.conf: input/output error");
  CHECK(f.node->Meet({"10.0.0.3", 17000}) == halted);
  CHECK(f.node->AddSlots(SlotSet::Of({{0}, {5}})) == halted);
  CHECK(f.node->Reset(ResetMode::kHard) == halted);
  CHECK_FALSE(f.node->BumpEpoch());
  f.node->ReportHostAlive();
  f.loop.Wake();
  f.loop.RunPosted();
  CHECK(f.log.back() == "shutdown");
  f.node.reset();
  CHECK(std::count(f.log.begin(), f.log.end(), "shutdown") == 1);
}

TEST_CASE("a frame that cannot be decoded ends its link and is told") {
  Fixture f;
  f.StartAndSettle();
  const LinkId link = f.transport.handler->OnAccept("10.0.0.9");
  f.loop.RunPosted();
  f.transport.handler->OnFrame(link, "\xff\xff junk");
  CHECK(std::count(f.log.begin(), f.log.end(), "close " + FakeTransport::Name(link)) == 1);
  REQUIRE(f.FindEvent<PeerRefused>() != nullptr);
  CHECK(f.FindEvent<PeerRefused>()->peer == "10.0.0.9");
}

TEST_CASE("a link that is refused at once is closed when the transport knows its name") {
  Fixture f;
  f.options.max_anonymous_links = 1;
  f.StartAndSettle();
  f.transport.handler->OnAccept("10.0.0.9");
  f.log.clear();
  const LinkId refused = f.transport.handler->OnAccept("10.0.0.9");
  CHECK(f.log.empty());
  f.loop.RunPosted();
  CHECK(f.log.back() == "close " + FakeTransport::Name(refused));
}

TEST_CASE("an observer may call commands, and hears of their events afterwards") {
  Fixture f;
  f.StartAndSettle();
  std::vector<std::string> order;
  f.observer.on_event = [&](const Event& event, Instant) {
    if (std::holds_alternative<NodeAdded>(event)) {
      order.push_back("added");
      CHECK(f.node->Forget(PeerId()) == absl::OkStatus());
      order.push_back("forgotten");
    } else if (std::holds_alternative<NodeRemoved>(event)) {
      order.push_back("removed");
    }
  };
  f.MeetPeer();
  CHECK(order == std::vector<std::string>{"added", "forgotten", "removed"});
}

TEST_CASE("an observer may destroy the node") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  int heard = 0;
  f.observer.on_event = [&](const Event&, Instant) {
    ++heard;
    f.node.reset();
  };
  SECTION("in the course of a command") { REQUIRE(f.node->Forget(PeerId()).ok()); }
  SECTION("in the course of a save") {
    REQUIRE(f.node->BumpEpoch());
    CHECK(heard == 0);
    f.store.Complete();
  }
  SECTION("in the course of a frame") { f.transport.handler->OnFrame(f.to_peer, "junk"); }
  CHECK(heard == 1);
  CHECK(f.node == nullptr);
  CHECK(f.log.back() == "shutdown");
}

TEST_CASE("announced addresses change at run time, all but the port of the bus") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  f.TakeSent(f.to_peer);
  f.events.clear();
  Options options = f.options;
  options.bus.host = "198.51.100.7";
  options.client = {"198.51.100.7", 7777};
  REQUIRE(f.node->Reconfigure(options).ok());
  while (!f.store.pending.empty()) f.store.Complete();

  CHECK(f.node->view()->self().client == options.client);
  CHECK(f.node->view()->self().bus == options.bus);
  const auto* changed = f.FindEvent<AddressChanged>();
  REQUIRE(changed != nullptr);
  CHECK(changed->cause == AddressChanged::Cause::kCommand);
  const std::vector<Message> announced = f.TakeSent(f.to_peer);
  REQUIRE_FALSE(announced.empty());
  CHECK(announced.back().header.client == options.client);
  const auto& saved = f.store.saved.back().nodes;
  CHECK(std::any_of(saved.begin(), saved.end(), [&](const NodeRecord& node) {
    return node.client == options.client && node.bus == options.bus;
  }));

  options.bus.port = 17001;
  options.client.port = 8888;
  CHECK(absl::IsInvalidArgument(f.node->Reconfigure(options)));
  CHECK(f.node->view()->self().client.port == 7777);
}

TEST_CASE("links are reported with their direction and age, and can be killed one by one") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  f.loop.now = f.loop.now + absl::Milliseconds(300);
  const std::vector<LinkStatus> links = f.node->Status().links;
  REQUIRE(links.size() == 2);
  CHECK((links[0].outbound && links[0].link == f.to_peer));
  CHECK((!links[1].outbound && links[1].link == f.from_peer));
  CHECK(links[0].node == PeerId());
  CHECK(links[0].age >= absl::Milliseconds(300));

  f.log.clear();
  REQUIRE(f.node->KillLinks(PeerId(), LinksWith::kFrom).ok());
  CHECK(f.log == Log{"close " + FakeTransport::Name(f.from_peer)});
  REQUIRE(f.node->KillLinks(PeerId(), LinksWith::kAll).ok());
  CHECK(f.log.back() == "close " + FakeTransport::Name(f.to_peer));
  CHECK(absl::IsNotFound(f.node->KillLinks(NodeId(), LinksWith::kAll)));
}

TEST_CASE("a message that is to be lost is, with its link if that is wanted") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  f.TakeSent(f.from_peer);
  FaultInjection faults;
  faults.Drop(MessageKind::kPing);
  f.node->InjectFaults(faults);
  f.Receive(f.from_peer, f.PeerSays(PingAt(2)));
  CHECK(f.TakeSent(f.from_peer).empty());
  CHECK(f.node->Measure().frames_refused[FrameRefusal::kInjected] == 1);
  Heartbeat meet = PingAt(3);
  meet.kind = Heartbeat::Kind::kMeet;
  f.Receive(f.from_peer, f.PeerSays(meet));
  CHECK(f.TakeSent(f.from_peer).size() == 1);

  faults.close_link_on_drop = true;
  f.node->InjectFaults(faults);
  f.log.clear();
  f.Receive(f.from_peer, f.PeerSays(PingAt(4)));
  CHECK(f.log == Log{"close " + FakeTransport::Name(f.from_peer)});
  f.node->InjectFaults({});
  CHECK(f.node->injected_faults() == FaultInjection());
}

TEST_CASE("a link that overflows is counted") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  f.transport.handler->OnLinkDown(f.to_peer, LinkDownCause::kOverflow,
                                  absl::ResourceExhaustedError("full"));
  CHECK(f.node->Measure().links_ended[LinkDownCause::kOverflow] == 1);
  CHECK(f.node->Status().links.size() == 1);
}

TEST_CASE("frames and their bytes are counted by kind and direction") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  const Metrics before = f.node->Measure();
  const Message ping = f.PeerSays(PingAt(2));
  f.TakeSent(f.from_peer);
  f.Receive(f.from_peer, ping);
  REQUIRE(f.transport.sent.size() == 1);
  const size_t answer = f.transport.sent[0].second.size();
  const Metrics after = f.node->Measure();
  const auto kPing = static_cast<size_t>(MessageKind::kPing);
  const auto kPong = static_cast<size_t>(MessageKind::kPong);
  CHECK(after.received[kPing].frames == before.received[kPing].frames + 1);
  CHECK(after.received[kPing].bytes == before.received[kPing].bytes + f.codec.Encode(ping).size());
  CHECK(after.sent[kPong].frames == before.sent[kPong].frames + 1);
  CHECK(after.sent[kPong].bytes == before.sent[kPong].bytes + answer);
  CHECK(after.received[static_cast<size_t>(FrameKind::kHello)].frames == 2);
  CHECK(after.now.nodes_known == 2);
  CHECK(after.now.links_up == 2);
  CHECK(after.links_dialled == 1);
  CHECK(after.links_accepted == 1);
}

TEST_CASE("what is not listened to is counted by reason") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  const auto refused = [&f](FrameRefusal reason) {
    return f.node->Measure().frames_refused[reason];
  };
  const LinkId anonymous = f.transport.handler->OnAccept("10.0.0.3");
  f.loop.RunPosted();
  f.Receive(anonymous, f.PeerSays(PingAt(2)));
  CHECK(refused(FrameRefusal::kNoHello) == 1);
  f.Receive(anonymous, f.PeerSays(PingAt(3)));
  CHECK(refused(FrameRefusal::kUnknownLink) == 1);
  Message stranger = f.PeerSays(PingAt(4));
  stranger.header.sender.bytes[0] = 0x11;
  f.Receive(f.from_peer, stranger);
  CHECK(refused(FrameRefusal::kWrongSender) == 1);
  f.transport.handler->OnFrame(f.to_peer, "no frame");
  CHECK(refused(FrameRefusal::kMalformed) == 1);
  CHECK(f.node->Measure().bytes_unreadable == 8);
  f.transport.handler->OnBadFrame(f.to_peer, absl::InvalidArgumentError("empty"));
  CHECK(refused(FrameRefusal::kFraming) == 1);
  CHECK(f.node->Measure().links_refused[Goodbye::Reason::kProtocol] == 3);
}

TEST_CASE("a round trip lasts from the ping to its answer on the same link") {
  Fixture f;
  f.StartAndSettle();
  f.MeetPeer();
  std::optional<uint64_t> stamp;
  for (const Message& message : f.TakeSent(f.to_peer)) {
    if (const auto* ping = std::get_if<Heartbeat>(&message.body)) stamp = ping->stamp;
  }
  REQUIRE(stamp.has_value());
  f.loop.now = Instant{absl::Nanoseconds(static_cast<int64_t>(*stamp))} + absl::Milliseconds(3);
  Heartbeat pong = PingAt(*stamp);
  pong.kind = Heartbeat::Kind::kPong;
  f.Receive(f.to_peer, f.PeerSays(pong));
  CHECK(f.node->Measure().ping_round_trip.count == 1);
  CHECK(f.node->Measure().ping_round_trip.sum == 3'000'000);
}

TEST_CASE("observers hear of events with their place in the stream") {
  struct Stamps : Observer {
    void OnStampedEvent(const StampedEvent& stamped, Instant) override { seen.push_back(stamped); }
    std::vector<StampedEvent> seen;
  } stamps;
  Fixture f;
  Node::Deps deps = f.Deps();
  deps.observer = &stamps;
  f.node = *Node::Start(f.options, deps);
  f.loop.RunPosted();
  while (!f.store.pending.empty()) f.store.Complete();
  f.MeetPeer();
  REQUIRE(!stamps.seen.empty());
  for (size_t i = 0; i < stamps.seen.size(); ++i) CHECK(stamps.seen[i].number == i + 1);
  // Also of its own end, for which the core does not speak.
  f.store.at_once = absl::InternalError("disk");
  CHECK(f.node->AddSlots(SlotSet::Of({SlotId{1}, SlotId{2}})).ok());
  REQUIRE(std::holds_alternative<Halted>(stamps.seen.back().event));
  CHECK(stamps.seen.back().number > stamps.seen[stamps.seen.size() - 2].number);
}

TEST_CASE("a trace tells what was considered, before it is carried out") {
  struct Records : TraceSink {
    void OnTrace(const TraceRecord& record) override { lines.push_back(Describe(record)); }
    std::vector<std::string> lines;
  } records;
  Fixture f;
  Node::Deps deps = f.Deps();
  deps.trace = &records;
  f.node = *Node::Start(f.options, deps);
  f.loop.RunPosted();
  while (!f.store.pending.empty()) f.store.Complete();
  f.MeetPeer();
  records.lines.clear();
  f.Receive(f.from_peer, f.PeerSays(PingAt(2)));
  REQUIRE(records.lines.size() >= 2);
  INFO(records.lines.front());
  CHECK(records.lines.front().starts_with("heard 77000000: "));
  CHECK(records.lines.back() == "says pong to 77000000");
}

TEST_CASE("a destroyed node is never called again") {
  Fixture f;
  REQUIRE(f.Start() == absl::OkStatus());
  f.node.reset();
  CHECK(f.log.back() == "shutdown");
  CHECK(f.loop.wake_at == Instant::InfiniteFuture());
  f.loop.RunPosted();
  f.store.Complete();
  CHECK(f.log.back() == "shutdown");
  CHECK(f.events.empty());
}

}  // namespace
}  // namespace clusterkit
