#include "node/pump.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "support/catch.h"
#include "unit/fake_ports.h"

namespace clusterkit {
namespace {

std::shared_ptr<const ClusterView> MakeView(uint64_t version) {
  return std::make_shared<const ClusterView>(
      version, NodeId(), ClusterView::Nodes{std::make_shared<const NodeView>()},
      std::make_shared<const SlotMap>(),
      OwnSituation{ClusterState::kOk, DownReason::kNone, /*data_missing=*/false,
                   /*allow_reads_when_down=*/false, std::make_shared<ServeLease>(), nullptr});
}

Outbound Text(uint64_t link, std::string text) {
  return {LinkId{link}, Goodbye{Goodbye::Reason::kProtocol, std::move(text)}};
}

// Saved states are told apart by their epoch, which is the number of the save.
SaveRequest SaveOf(uint64_t number, bool must_sync) {
  SaveRequest save;
  save.number = number;
  save.state.current_epoch = {number};
  save.must_sync = must_sync;
  return save;
}

Ready Sends(std::string text) {
  Ready batch;
  batch.sends = {Text(1, std::move(text))};
  return batch;
}

Ready SyncedSends(uint64_t save, std::string text) {
  Ready batch = Sends(std::move(text));
  batch.save = SaveOf(save, /*must_sync=*/true);
  return batch;
}

// Events are told apart by the name of a peer.
StampedEvent Named(std::string name) {
  StampedEvent stamped;
  stamped.event = PeerRefused{std::move(name), {}, ""};
  return stamped;
}

class ScriptedSource : public Pump::Source {
 public:
  explicit ScriptedSource(Log* log) : log_(log) {}
  Ready TakeReady() override {
    if (batches.empty()) return {};
    Ready batch = std::move(batches.front());
    batches.pop_front();
    return batch;
  }
  void OnSaved(uint64_t number, Instant) override {
    log_->push_back("saved " + std::to_string(number));
  }
  void OnTick(Instant) override { log_->push_back("tick"); }
  Instant NextDeadline() const override { return deadline; }
  void OnStopped() override { stopped = true; }

  bool stopped = false;
  std::deque<Ready> batches;
  Instant deadline = Instant::InfiniteFuture();

 private:
  Log* log_;
};

struct Fixture {
  Fixture() {
    observer.on_event = [this](const Event& event, Instant) { Note(event); };
  }
  void Note(const Event& event) {
    const auto* named = std::get_if<PeerRefused>(&event);
    const auto* halted = std::get_if<Halted>(&event);
    log.push_back(named != nullptr
                      ? "event " + named->peer + " at view " + std::to_string(views.version())
                      : "halted " + std::string(halted->cause.message()));
  }
  void Give(Ready batch) {
    source.batches.push_back(std::move(batch));
    pump->Run();
  }
  Log TakeLog() { return std::exchange(log, {}); }

  Log log;
  FakeLoop loop;
  FakeTransport transport{&log};
  FakeCodec codec;
  FakeStore store{&log};
  FakeObserver observer;
  ViewPublisher views{MakeView(1)};
  ScriptedSource source{&log};
  std::shared_ptr<Pump> pump = std::make_shared<Pump>(
      &source, Pump::Ports{&loop, &transport, &codec, &store, &observer, &views});
};

TEST_CASE("a batch is carried out from top to bottom") {
  Fixture f;
  f.store.at_once = absl::OkStatus();
  Ready batch;
  batch.dials = {{LinkId{7}, {"10.0.0.7", 1}}};
  batch.prompt = {Text(2, "pong")};
  batch.hangups = {LinkId{3}};
  batch.save = SaveOf(1, true);
  batch.sends = {Text(1, "vote")};
  batch.view = MakeView(2);
  batch.events = {Named("a"), Named("b")};

  f.Give(std::move(batch));

  CHECK(f.log == Log{"dial 7 10.0.0.7", "send 2 pong", "close 3", "save epoch 1 sync", "saved 1",
                     "send 1 vote", "event a at view 2", "event b at view 2"});
}

TEST_CASE("what rests on a synced save leaves when it is durable, what stands above it at once") {
  Fixture f;
  Ready batch = SyncedSends(1, "vote");
  batch.prompt = {Text(2, "pong")};
  batch.view = MakeView(2);
  batch.events = {Named("a")};

  f.Give(std::move(batch));
  CHECK(f.TakeLog() == Log{"send 2 pong", "save epoch 1 sync"});
  CHECK(f.views.version() == 1);

  // Nor does anything later overtake it, but pongs go on.
  Ready later = Sends("ping");
  later.prompt = {Text(2, "pong again")};
  f.Give(std::move(later));
  CHECK(f.TakeLog() == Log{"send 2 pong again"});

  f.store.Complete();
  CHECK(f.log == Log{"saved 1", "send 1 vote", "event a at view 2", "send 1 ping"});
}

TEST_CASE("saves are counted when they are done, and timed") {
  Fixture f;
  f.Give(SyncedSends(1, "vote"));
  Metrics metrics;
  f.pump->AddTo(metrics);
  CHECK(metrics.saves_synced == 0);
  CHECK(metrics.now.held_frames == 1);
  f.loop.now = f.loop.now + absl::Milliseconds(40);
  f.store.Complete();
  f.pump->AddTo(metrics);
  CHECK(metrics.saves_synced == 1);
  CHECK(metrics.saves == 0);
  CHECK(metrics.save.sum == 40'000'000);
  CHECK(metrics.now.held_frames == 0);
  CHECK(metrics.sent[static_cast<size_t>(FrameKind::kGoodbye)].frames == 1);
  CHECK(metrics.sent[static_cast<size_t>(FrameKind::kGoodbye)].bytes == 4);
}

TEST_CASE("a save that need not be synced holds nothing back") {
  Fixture f;
  Ready batch = Sends("fail notice");
  batch.save = SaveOf(1, /*must_sync=*/false);

  f.Give(std::move(batch));

  CHECK(f.log == Log{"save epoch 1", "send 1 fail notice"});
}

TEST_CASE(
    "of the saves that wait for one under way only the latest is made, synced if any must be") {
  Fixture f;
  f.Give(SyncedSends(1, "first"));
  f.Give(SyncedSends(2, "second"));
  Ready third = Sends("third");
  third.save = SaveOf(3, /*must_sync=*/false);
  f.Give(std::move(third));
  CHECK(f.TakeLog() == Log{"save epoch 1 sync"});

  // The first is durable: its batch goes, the others wait for the save that holds both states.
  f.store.Complete();
  CHECK(f.TakeLog() == Log{"save epoch 3 sync", "saved 1", "send 1 first"});

  f.store.Complete();
  CHECK(f.log == Log{"saved 3", "send 1 second", "send 1 third"});
  CHECK(f.store.pending.empty());
}

TEST_CASE("a save under way that need not be synced does not stand for a later one that must") {
  Fixture f;
  Ready lazy;
  lazy.save = SaveOf(1, /*must_sync=*/false);
  f.Give(std::move(lazy));
  f.Give(SyncedSends(2, "vote"));
  f.store.Complete();
  CHECK(f.TakeLog() == Log{"save epoch 1", "save epoch 2 sync", "saved 1"});
  f.store.Complete();
  CHECK(f.log == Log{"saved 2", "send 1 vote"});
}

TEST_CASE("the first save may have any number, also zero") {
  Fixture f;
  f.Give(SyncedSends(0, "vote"));
  CHECK(f.TakeLog() == Log{"save epoch 0 sync"});
  f.store.Complete();
  CHECK(f.log == Log{"saved 0", "send 1 vote"});
}

TEST_CASE("what an observer causes follows the rest of the batch that it is told of") {
  Fixture f;
  f.observer.on_event = [&](const Event& event, Instant) {
    f.Note(event);
    if (std::get<PeerRefused>(event).peer == "a") {
      Ready caused = Sends("caused");
      caused.events = {Named("c")};
      f.Give(std::move(caused));  // As a command of the node does.
    }
  };
  Ready batch;
  batch.events = {Named("a"), Named("b")};
  f.source.batches.push_back(std::move(batch));
  f.Give(Sends("next batch"));

  CHECK(f.log == Log{"event a at view 1", "event b at view 1", "send 1 next batch", "send 1 caused",
                     "event c at view 1"});
}

TEST_CASE(
    "a failed save halts: what waited is dropped, links are closed, nothing is done any more") {
  Fixture f;
  f.Give(SyncedSends(1, "vote"));
  f.TakeLog();

  f.store.Complete(absl::UnavailableError("disk full"));
  CHECK(f.TakeLog() == Log{"shutdown", "halted disk full"});
  CHECK(f.source.stopped);  // So that nobody serves from the views it gave out.
  CHECK(f.pump->halted() == absl::UnavailableError("halted: disk full"));
  Metrics metrics;
  f.pump->AddTo(metrics);
  CHECK(metrics.frames_dropped[FrameDrop::kHalted] == 1);
  CHECK(metrics.now.held_frames == 0);
  CHECK(f.loop.wake_at == Instant::InfiniteFuture());

  f.Give(Sends("ping"));
  f.pump->RunSoon();
  f.loop.RunPosted();
  f.pump->Close();
  CHECK(f.log.empty());
}

TEST_CASE("the first batch is carried out to its save, the rest of it from the loop") {
  Fixture f;
  f.store.at_once = absl::OkStatus();
  Ready first = SyncedSends(1, "hello");
  first.prompt = {Text(2, "pong")};
  first.events = {Named("a")};

  REQUIRE(f.pump->Begin(std::move(first)).ok());
  CHECK(f.TakeLog() == Log{"send 2 pong", "save epoch 1 sync"});

  f.loop.RunPosted();
  CHECK(f.log == Log{"saved 1", "send 1 hello", "event a at view 1"});
}

TEST_CASE("a first save that fails at once is an error of the start and no event") {
  Fixture f;
  f.store.at_once = absl::UnavailableError("disk full");
  CHECK(f.pump->Begin(SyncedSends(1, "hello")) == absl::UnavailableError("disk full"));
  f.pump->Close();
  f.loop.RunPosted();
  CHECK(f.log == Log{"save epoch 1 sync", "shutdown"});
}

TEST_CASE("after closing, what was left with the ports does nothing") {
  Fixture f;
  f.source.deadline = f.loop.now + absl::Seconds(1);
  f.Give(SyncedSends(1, "vote"));
  f.pump->RunSoon();
  auto wake = std::move(f.loop.wake);
  f.TakeLog();

  SECTION("while the pump is still referred to") { f.pump->Close(); }
  SECTION("when it is gone") {
    f.pump->Close();
    f.pump.reset();
  }
  wake();
  f.store.Complete();
  f.loop.RunPosted();

  CHECK(f.log == Log{"shutdown"});
}

TEST_CASE("an observer may close the pump, which tells it no more") {
  Fixture f;
  f.observer.on_event = [&](const Event& event, Instant) {
    f.Note(event);
    f.pump->Close();
    f.pump.reset();
  };
  Ready batch;
  batch.events = {Named("a"), Named("b")};
  f.source.batches.push_back(std::move(batch));
  f.source.batches.push_back(Sends("ping"));

  std::shared_ptr<Pump>(f.pump)->Run();

  CHECK(f.log == Log{"event a at view 1", "shutdown"});
}

TEST_CASE("the loop is asked to wake the source at its deadline, once for each deadline") {
  Fixture f;
  const Instant first = f.loop.now + absl::Seconds(1);
  f.source.deadline = first;
  f.Give(Sends("ping"));
  CHECK(f.loop.wake_at == first);

  // The same deadline is not asked for again.
  f.loop.wake_at = Instant::InfinitePast();
  f.Give(Sends("ping"));
  CHECK(f.loop.wake_at == Instant::InfinitePast());

  f.TakeLog();
  f.source.deadline = first + absl::Seconds(1);
  f.loop.Wake();
  CHECK(f.log == Log{"tick"});
  CHECK(f.loop.wake_at == first + absl::Seconds(1));
}

TEST_CASE("a disk that does not answer makes us hold a bounded number of frames, and every event") {
  Fixture f;
  f.Give(SyncedSends(1, "vote"));
  const auto give_many = [&](size_t batches, size_t frames) {
    for (size_t i = 0; i < batches; ++i) {
      Ready batch;
      batch.sends.assign(frames, Text(1, "ping " + std::to_string(i)));
      batch.events = {Named(std::to_string(i))};
      batch.view = MakeView(i + 2);
      f.Give(std::move(batch));
    }
  };
  std::vector<std::string> heard;
  f.observer.on_event = [&](const Event& event, Instant) {
    heard.push_back(std::get<PeerRefused>(event).peer);
  };
  size_t batches = 0, frames = 0;
  SECTION("of many frames each") { batches = 50, frames = 1000; }
  SECTION("many of them") { batches = 2 * kMaxHeldBatches, frames = 1; }

  give_many(batches, frames);
  f.store.Complete();

  CHECK(heard.size() == batches);
  for (size_t i = 0; i < heard.size(); ++i) CHECK(heard[i] == std::to_string(i));
  CHECK(f.views.version() == batches + 1);
  CHECK(f.transport.sent.size() <= kMaxHeldFrames + 2 * frames);
  Metrics metrics;
  f.pump->AddTo(metrics);
  CHECK(metrics.frames_dropped[FrameDrop::kOutdated] ==
        1 + batches * frames - f.transport.sent.size());
  // The oldest were kept for their order, and the latest because they are worth the most.
  CHECK(f.transport.sent.front().second == "vote");
  CHECK(f.transport.sent.back().second == "ping " + std::to_string(batches - 1));
}

TEST_CASE("a batch of more frames than are ever held leaves whole if nothing holds it") {
  Fixture f;
  Ready batch;
  batch.sends.assign(2 * kMaxHeldFrames, Text(1, "ping"));
  f.Give(std::move(batch));
  CHECK(f.transport.sent.size() == 2 * kMaxHeldFrames);
}

TEST_CASE("more events than may wait for the disk halt the node") {
  Fixture f;
  f.Give(SyncedSends(1, "vote"));
  Ready batch;
  batch.events.assign(kMaxHeldEvents, Named("a"));
  f.Give(batch);
  CHECK(f.pump->halted().ok());
  f.Give(std::move(batch));
  CHECK(f.pump->halted().code() == absl::StatusCode::kUnavailable);
  CHECK(f.log.back() == "halted saving takes too long: 200000 events wait for it");
}

TEST_CASE("a node without an observer works the same") {
  Fixture f;
  auto pump = std::make_shared<Pump>(
      &f.source, Pump::Ports{&f.loop, &f.transport, &f.codec, &f.store, nullptr, &f.views});
  Ready batch = SyncedSends(1, "vote");
  batch.events = {Named("a")};
  batch.view = MakeView(2);
  f.source.batches.push_back(std::move(batch));
  pump->Run();
  f.store.Complete();
  CHECK(f.log == Log{"save epoch 1 sync", "saved 1", "send 1 vote"});
  CHECK(f.views.version() == 2);
  f.Give({});
}

}  // namespace
}  // namespace clusterkit
