// An epoch out of all proportion, wherever in a message it stands, is not adopted: it would leave
// the cluster without epochs.

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "clusterkit/node_core.h"
#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

constexpr uint64_t kLeap = uint64_t{1} << 32;
constexpr uint64_t kGreatest = std::numeric_limits<uint64_t>::max();

// Node 1 owns slots, and so does node 2, which has dialled it and said hello. Node 3 is its
// replica.
class Listener {
 public:
  Listener() {
    Options options = Options::Loopback();
    options.bus = {"10.0.0.1", 17000};
    options.client = {"10.0.0.1", 7000};
    PersistentState state;
    state.self = TestNode(1);
    state.current_epoch = Epoch{9};
    state.ledger.emplace();
    for (const uint8_t n : {1, 2, 3}) {
      NodeRecord record;
      record.id = TestNode(n);
      record.shard = TestShard(n == 3 ? 2 : n);
      record.bus = record.client = {"10.0.0.2", 17000};
      record.config_epoch = Epoch{n == 3 ? uint64_t{0} : n};
      if (n == 3) record.role = Role::kReplica, record.primary = TestNode(2);
      state.nodes.push_back(record);
    }
    state.slots.Bind(ViewBuilder::SlotsOf(1), TestNode(1));
    state.slots.Bind(ViewBuilder::SlotsOf(2), TestNode(2));
    core_ = *NodeCore::Create(options, state, /*seed=*/1, now_);
    link_ = core_->OnAccept("10.0.0.2", now_);
    Hello hello;
    hello.sender = TestNode(2);
    hello.shard = TestShard(2);
    hello.incarnation = 1;
    core_->OnFrame(link_, hello, now_);
    core_->TakeReady();
  }

  // Whether node 1 stays on the link after a message with this body.
  bool Bears(MessageBody body, Epoch shown = Epoch{9}) {
    Message message;
    message.header.sender = TestNode(2);
    message.header.shard = TestShard(2);
    message.header.current_epoch = shown;
    message.header.config_epoch = Epoch{2};
    message.header.bus = message.header.client = {"10.0.0.2", 17000};
    message.body = std::move(body);
    core_->OnFrame(link_, message, now_);
    return core_->TakeReady().hangups.empty();
  }

  NodeCore& core() { return *core_; }
  Epoch current_epoch() const { return core_->Status(now_).current_epoch; }
  Instant now() const { return now_; }

 private:
  const Instant now_ = At(absl::ZeroDuration());
  std::unique_ptr<NodeCore> core_;
  LinkId link_{};
};

SlotUpdate UpdateAt(uint64_t epoch) {
  return {TestNode(2), TestShard(2), Epoch{epoch}, ViewBuilder::SlotsOf(2)};
}

FailoverAuthRequest RequestAt(uint64_t epoch) {
  FailoverAuthRequest request;
  request.epoch = Epoch{epoch};
  request.primary = TestNode(2);
  return request;
}

TEST_CASE("a plausible epoch is adopted from an update, however great") {
  Listener listener;
  CHECK(listener.Bears(UpdateAt(9 + kLeap)));
  CHECK(listener.current_epoch() == Epoch{9 + kLeap});
}

TEST_CASE("an implausible epoch closes the link, in the header and in the body") {
  for (const uint64_t epoch : {9 + kLeap + 1, kGreatest}) {
    CAPTURE(epoch);
    CHECK_FALSE(Listener().Bears(UpdateAt(epoch)));
    CHECK_FALSE(Listener().Bears(RequestAt(epoch)));
    CHECK_FALSE(Listener().Bears(Heartbeat(), Epoch{epoch}));
    Listener listener;
    listener.Bears(UpdateAt(epoch));
    CHECK(listener.current_epoch() == Epoch{9});
  }
}

TEST_CASE("a refused update leaves the config epoch room to grow") {
  Listener listener;
  listener.Bears(UpdateAt(kGreatest));
  CHECK(listener.core().BumpEpoch(listener.now()));
  CHECK(listener.core().view().self().config_epoch == Epoch{1});  // As in the last batch.
  listener.core().TakeReady();
  CHECK(listener.core().view().self().config_epoch == Epoch{10});
}

TEST_CASE("an operator cannot set a config epoch that no peer would believe") {
  Options options = Options::Loopback();
  options.bus = options.client = {"10.0.0.1", 17000};
  const Instant now = At(absl::ZeroDuration());
  const std::unique_ptr<NodeCore> core = *NodeCore::Create(options, std::nullopt, 1, now);
  for (const uint64_t epoch : {kLeap + 1, kGreatest}) {
    CHECK(core->SetConfigEpoch(Epoch{epoch}, now).code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(core->SetConfigEpoch(Epoch{kLeap}, now).ok());
}

}  // namespace
}  // namespace clusterkit
