// hot_paths [--benchmark_filter=REGEX]
//
// What the library costs on the paths that every request or every heartbeat takes. Times are CPU
// times of one thread.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/message.h"
#include "clusterkit/random.h"
#include "clusterkit/routing.h"
#include "clusterkit/slot.h"
#include "clusterkit/slot_map.h"
#include "clusterkit/view_publisher.h"
#include "clusterkit/wire/protobuf_codec.h"

namespace clusterkit {
namespace {

// --- Key to slot ---------------------------------------------------------------------------------

// One table, one byte at a time, as most implementations do it.
class ByteWise {
 public:
  constexpr ByteWise() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte << 8;
      for (int bit = 0; bit < 8; ++bit) {
        crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
      }
      table_[byte] = static_cast<uint16_t>(crc);
    }
  }
  uint16_t SlotFor(std::string_view key) const {
    uint16_t crc = 0;
    for (const char byte : key) {
      crc =
          static_cast<uint16_t>((crc << 8) ^ table_[(crc >> 8) ^ static_cast<unsigned char>(byte)]);
    }
    return crc & (kSlotCount - 1);
  }

 private:
  std::array<uint16_t, 256> table_{};
};

std::vector<std::string> Keys(size_t length) {
  Rng rng(1);
  std::vector<std::string> keys(1024);
  for (std::string& key : keys) {
    while (key.size() < length) key.push_back(static_cast<char>('a' + rng.Below(26)));
  }
  return keys;
}

template <typename Fn>
void ForEachKey(benchmark::State& state, Fn slot_for) {
  const std::vector<std::string> keys = Keys(static_cast<size_t>(state.range(0)));
  size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(slot_for(keys[next++ % keys.size()]));
}

void SlotForKey(benchmark::State& state) {
  ForEachKey(state, [](const std::string& key) { return clusterkit::SlotForKey(key).value; });
}
BENCHMARK(SlotForKey)->Arg(16)->Arg(64)->Arg(256);

void SlotForKeyByteWise(benchmark::State& state) {
  static constexpr ByteWise byte_wise;
  ForEachKey(state, [](const std::string& key) { return byte_wise.SlotFor(key); });
}
BENCHMARK(SlotForKeyByteWise)->Arg(16)->Arg(64)->Arg(256);

// --- Routing -------------------------------------------------------------------------------------

// A cluster of so many primaries and as many replicas, as its first primary sees it.
struct Cluster {
  explicit Cluster(int primaries) {
    Rng rng(7);
    auto map = std::make_shared<SlotMap>();
    for (int i = 0; i < 2 * primaries; ++i) {
      auto node = std::make_shared<NodeView>();
      node->id = NodeId::Random(rng);
      node->client = {"10.0.0.1", 7000};
      node->bus = {"10.0.0.1", 17000};
      if (i < primaries) {
        const auto first = static_cast<uint16_t>(kSlotCount * i / primaries);
        const auto last = static_cast<uint16_t>(kSlotCount * (i + 1) / primaries - 1);
        const SlotSet slots = SlotSet::Of({{first}, {last}});
        map->Bind(slots, node->id);
        node->slot_count = slots.Count();
        node->config_epoch = {static_cast<uint64_t>(i + 1)};
      } else {
        node->role = Role::kReplica;
        node->primary = nodes[static_cast<size_t>(i - primaries)]->id;
      }
      nodes.push_back(std::move(node));
    }
    self = nodes.front()->id;
    std::sort(nodes.begin(), nodes.end(),
              [](const auto& a, const auto& b) { return a->id < b->id; });
    slots = std::move(map);
    lease->Extend(Instant::InfiniteFuture());
  }

  std::shared_ptr<const ClusterView> View(uint64_t version) const {
    OwnSituation own;
    own.state = ClusterState::kOk;
    own.down_reason = DownReason::kNone;
    own.lease = lease;
    return std::make_shared<const ClusterView>(version, self, nodes, slots, own);
  }

  ClusterView::Nodes nodes;
  NodeId self;
  std::shared_ptr<const SlotMap> slots;
  std::shared_ptr<ServeLease> lease = std::make_shared<ServeLease>();
};

// A data thread routes while the loop thread publishes a new view so many times a second.
void RouteWhileViewsChange(benchmark::State& state) {
  const Cluster cluster(50);
  ViewPublisher publisher(cluster.View(1));
  std::atomic<bool> stop = false;
  std::thread loop([&] {
    const int64_t rate = state.range(0);
    for (uint64_t version = 2; rate > 0 && !stop; ++version) {
      publisher.Publish(cluster.View(version));
      absl::SleepFor(absl::Seconds(1) / rate);
    }
  });
  ViewReader reader(&publisher);
  uint16_t next = 0;
  for (auto _ : state) {
    const SlotId slot{static_cast<uint16_t>(next++ % kSlotCount)};
    benchmark::DoNotOptimize(Route(reader.Get(), {.slots = {&slot, 1}, .write = true}, Instant{}));
  }
  stop = true;
  loop.join();
}
BENCHMARK(RouteWhileViewsChange)->Arg(0)->Arg(1000);

// As above, for what this node serves itself: the usual case with clients that know the cluster.
void RouteServed(benchmark::State& state) {
  const Cluster cluster(50);
  ViewPublisher publisher(cluster.View(1));
  ViewReader reader(&publisher);
  const SlotId slot{0};
  for (auto _ : state) {
    benchmark::DoNotOptimize(Route(reader.Get(), {.slots = {&slot, 1}, .write = true}, Instant{}));
  }
}
BENCHMARK(RouteServed);

// --- Heartbeats ----------------------------------------------------------------------------------

// With so many gossip entries; the claim as a digest, as in nearly all of them.
Frame AHeartbeat(int64_t entries) {
  const Cluster cluster(100);
  Message message;
  message.header.sender = cluster.self;
  message.header.claim_digest = 42;
  message.header.bus = {"10.0.0.1", 17000};
  message.header.client = {"10.0.0.1", 7000};
  Heartbeat heartbeat;
  for (int64_t i = 0; i < entries; ++i) {
    const NodeView& node = *cluster.nodes[static_cast<size_t>(i)];
    heartbeat.gossip.push_back({node.id, node.bus, node.client, node.role, node.health,
                                absl::Milliseconds(300), node.voting});
  }
  message.body = std::move(heartbeat);
  return message;
}

void HeartbeatEncode(benchmark::State& state) {
  const ProtobufCodec codec;
  const Frame frame = AHeartbeat(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(codec.Encode(frame));
  state.counters["bytes"] = static_cast<double>(codec.Encode(frame).size());
}
BENCHMARK(HeartbeatEncode)->Arg(3)->Arg(20)->Arg(100);

void HeartbeatDecode(benchmark::State& state) {
  const ProtobufCodec codec;
  const std::string bytes = codec.Encode(AHeartbeat(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(codec.Decode(bytes));
}
BENCHMARK(HeartbeatDecode)->Arg(3)->Arg(20)->Arg(100);

// --- Claims --------------------------------------------------------------------------------------

// A primary of a hundred repeats what it owns.
void ApplyClaimRepeated(benchmark::State& state) {
  const Cluster cluster(100);
  SlotMap map = *cluster.slots;
  const SlotClaim claim{cluster.self, {1}, map.SlotsOf(cluster.self)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.ApplyClaim(claim, [](const NodeId&) { return Epoch{1}; }));
  }
}
BENCHMARK(ApplyClaimRepeated);

// A replica has been promoted: all slots of its primary change hands, to and fro.
void ApplyClaimOfSuccessor(benchmark::State& state) {
  const Cluster cluster(static_cast<int>(state.range(0)));
  SlotMap map = *cluster.slots;
  const SlotSet slots = map.SlotsOf(cluster.self);
  Rng rng(3);
  std::array<NodeId, 2> owners = {cluster.self, NodeId::Random(rng)};
  uint64_t epoch = 1000;
  for (auto _ : state) {
    std::swap(owners[0], owners[1]);
    benchmark::DoNotOptimize(map.ApplyClaim({owners[0], {++epoch}, slots},
                                            [&](const NodeId&) { return Epoch{epoch - 1}; }));
  }
  state.counters["slots"] = slots.Count();
}
BENCHMARK(ApplyClaimOfSuccessor)->Arg(3)->Arg(100);

}  // namespace
}  // namespace clusterkit

BENCHMARK_MAIN();
