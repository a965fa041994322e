#include "support/random_frame.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace clusterkit::testing {
namespace {

constexpr size_t kMaxHostBytes = 255;
constexpr size_t kMaxClusterNameBytes = 64;
constexpr size_t kMaxTextBytes = 1024;

bool Half(Rng& rng) { return rng.Chance(500); }

// All lengths of number alike, so that small ones and the extremes are as frequent as others.
uint64_t Number(Rng& rng) {
  const uint64_t bits = rng.Below(66);
  if (bits == 0) return 0;
  if (bits == 65) return std::numeric_limits<uint64_t>::max();
  return rng.Next() >> (64 - bits);
}

Epoch RandomEpoch(Rng& rng) { return Epoch{Number(rng)}; }

absl::Duration Milliseconds(Rng& rng) {
  if (rng.Chance(100)) return absl::Hours(1);
  return absl::Milliseconds(rng.Below(rng.Chance(500) ? 1000 : 3600000));
}

std::string RandomBytes(Rng& rng, size_t max_bytes) {
  std::string bytes(rng.Below(max_bytes + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.Below(256));
  return bytes;
}

std::string AnyHost(Rng& rng) { return RandomHost(rng, rng.Chance(20) ? kMaxHostBytes : 16); }

std::pair<Endpoint, Endpoint> Endpoints(Rng& rng) {
  Endpoint bus{AnyHost(rng), static_cast<uint16_t>(rng.Below(65536))};
  Endpoint client{Half(rng) ? bus.host : AnyHost(rng), static_cast<uint16_t>(rng.Below(65536))};
  return {bus, client};
}

Role RandomRole(Rng& rng) { return Half(rng) ? Role::kReplica : Role::kPrimary; }

GossipEntry RandomEntry(Rng& rng) {
  GossipEntry entry;
  entry.id = NodeId::Random(rng);
  std::tie(entry.bus, entry.client) = Endpoints(rng);
  entry.role = RandomRole(rng);
  entry.health = static_cast<Health>(rng.Below(3));
  entry.voting = static_cast<Voting>(rng.Below(3));
  entry.pong_age = Milliseconds(rng);
  return entry;
}

OpenSlots RandomOpenSlots(Rng& rng) {
  OpenSlots open;
  const size_t groups = rng.Below(5);
  for (size_t i = 0; i < groups; ++i) {
    SlotSet slots;
    const size_t count = rng.Below(20) + 1;
    for (size_t n = 0; n < count; ++n) {
      slots.Add(SlotId{static_cast<uint16_t>(rng.Below(kSlotCount))});
    }
    open.Open(slots, {Half(rng) ? SlotMigration::kImporting : SlotMigration::kExporting,
                      NodeId::Random(rng)});
  }
  if (Half(rng)) open.SetPlan(SlotMovePlan{NodeId::Random(rng), RandomSlots(rng)});
  return open;
}

std::string Letters(Rng& rng, size_t max_bytes) {
  std::string text(rng.Below(max_bytes + 1), 'a');
  for (char& c : text) c = static_cast<char>('a' + rng.Below(26));
  return text;
}

NodeDetails RandomDetails(Rng& rng) {
  NodeDetails details;
  if (Half(rng)) details.hostname = Letters(rng, NodeDetails::kMaxHostnameBytes);
  if (Half(rng)) details.name = Letters(rng, NodeDetails::kMaxNameBytes);
  const size_t pairs = rng.Below(5);
  for (size_t i = 0; i < pairs; ++i) details.metadata["k" + Letters(rng, 63)] = Letters(rng, 512);
  return details;
}

Header RandomHeader(Rng& rng) {
  Header header;
  header.sender = NodeId::Random(rng);
  header.shard = ShardId::Random(rng);
  header.role = RandomRole(rng);
  header.voting = static_cast<Voting>(rng.Below(3));
  if (Half(rng)) header.primary = NodeId::Random(rng);
  header.current_epoch = RandomEpoch(rng);
  header.config_epoch = RandomEpoch(rng);
  header.claim_digest = Number(rng);
  if (Half(rng)) header.claim = RandomSlots(rng);
  header.details_digest = Number(rng);
  if (Half(rng)) header.details = RandomDetails(rng);
  if (Half(rng)) header.progress = {RandomEpoch(rng), Number(rng), Half(rng)};
  std::tie(header.bus, header.client) = Endpoints(rng);
  if (rng.Chance(200)) header.open_slots = RandomOpenSlots(rng);
  header.writes_paused = Half(rng);
  header.no_failover = Half(rng);
  if (Half(rng)) header.replica_priority = static_cast<int>(rng.Below(1000001));
  header.data_missing = Half(rng);
  header.abstaining = Half(rng);
  header.facts_version = Number(rng);
  header.progress_unknown = Half(rng);
  header.state = Half(rng) ? ClusterState::kOk : ClusterState::kFail;
  return header;
}

Heartbeat RandomHeartbeat(Rng& rng) {
  Heartbeat body;
  body.kind = static_cast<Heartbeat::Kind>(rng.Below(3));
  body.stamp = Number(rng);
  body.known_claim_digest = Number(rng);
  body.withholds_lease = rng.Chance(500);
  body.known_details_digest = Number(rng);
  for (uint64_t i = rng.Chance(800) ? 0 : rng.Below(65); i > 0; --i) {
    body.forgotten.push_back({NodeId::Random(rng), absl::Seconds(rng.Below(UINT32_MAX)),
                              absl::Milliseconds(rng.Below(UINT32_MAX))});
  }
  const size_t entries = rng.Below(rng.Chance(100) ? 100 : 6);
  for (size_t i = 0; i < entries; ++i) body.gossip.push_back(RandomEntry(rng));
  return body;
}

SuspicionReport RandomSuspicions(Rng& rng) {
  SuspicionReport body;
  const size_t items = rng.Below(8);
  for (size_t i = 0; i < items; ++i) body.items.push_back({NodeId::Random(rng), Half(rng)});
  return body;
}

FailNotice RandomNotice(Rng& rng) {
  std::set<NodeId> reporters;
  const size_t count = rng.Below(8);
  for (size_t i = 0; i < count; ++i) reporters.insert(NodeId::Random(rng));
  return {NodeId::Random(rng), {reporters.begin(), reporters.end()}};
}

FailoverAuthRequest RandomRequest(Rng& rng) {
  FailoverAuthRequest body;
  body.epoch = RandomEpoch(rng);
  body.primary = NodeId::Random(rng);
  body.claim_epoch = RandomEpoch(rng);
  body.slots = RandomSlots(rng);
  body.round = Milliseconds(rng);
  body.primary_consents = Half(rng);
  body.agreed = Half(rng);
  return body;
}

FailoverAuthRefusal RandomRefusal(Rng& rng) {
  FailoverAuthRefusal body;
  body.shard = ShardId::Random(rng);
  body.epoch = RandomEpoch(rng);
  constexpr auto kLast = static_cast<uint64_t>(VoteRefusal::kRoundTooLong);
  body.reason = static_cast<VoteRefusal>(rng.Below(kLast + 1));
  body.retry_after = Milliseconds(rng);
  return body;
}

SlotMoveStep::Step RandomStep(Rng& rng) { return static_cast<SlotMoveStep::Step>(rng.Below(3)); }

MessageBody RandomBody(Rng& rng) {
  static_assert(std::variant_size_v<MessageBody> == 13, "a case for each body");
  switch (rng.Below(std::variant_size_v<MessageBody>)) {
    case 0:
      return RandomHeartbeat(rng);
    case 1:
      return RandomSuspicions(rng);
    case 2:
      return RandomNotice(rng);
    case 3:
      return ProgressReport{NodeId::Random(rng), Half(rng)};
    case 4:
      return RandomRequest(rng);
    case 5:
      return FailoverAuthAck{ShardId::Random(rng), RandomEpoch(rng),
                             static_cast<uint32_t>(rng.Below(100000))};
    case 6:
      return RandomRefusal(rng);
    case 7:
      return FailoverAuthWithdraw{ShardId::Random(rng), RandomEpoch(rng)};
    case 8:
      return SlotUpdate{NodeId::Random(rng), ShardId::Random(rng), RandomEpoch(rng),
                        RandomSlots(rng)};
    case 9:
      return StandRequest{Half(rng)};
    case 10:
      return PauseRequest{rng.Chance(500)};
    case 11:
      return SlotMoveStep{RandomStep(rng), RandomSlots(rng)};
    default:
      return SlotMoveAnswer{RandomStep(rng), RandomSlots(rng), RandomBytes(rng, kMaxTextBytes)};
  }
}

Hello RandomHello(Rng& rng) {
  Hello hello;
  hello.max_version = static_cast<uint32_t>(Number(rng));
  hello.min_version = static_cast<uint32_t>(rng.Below(uint64_t{hello.max_version} + 1));
  hello.incarnation = Number(rng);
  hello.features = Number(rng);
  hello.cluster_name = RandomBytes(rng, kMaxClusterNameBytes);
  hello.sender = NodeId::Random(rng);
  hello.shard = ShardId::Random(rng);
  hello.receiver_host = AnyHost(rng);
  return hello;
}

}  // namespace

std::string RandomHost(Rng& rng, size_t max_bytes) {
  constexpr std::string_view kCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_%[]";
  std::string host(rng.Below(max_bytes + 1), '\0');
  for (char& c : host) c = kCharacters[rng.Below(kCharacters.size())];
  return host;
}

SlotSet RandomSlots(Rng& rng) {
  SlotSet slots;
  const uint64_t shape = rng.Below(10);
  if (shape == 0) return slots;
  if (shape == 1) return SlotSet::Of({SlotId{0}, SlotId{kSlotCount - 1}});
  // Mostly a few long runs; sometimes so many short ones that every length of gap turns up.
  const size_t runs = shape == 2 ? rng.Below(2000) : 1 + rng.Below(4);
  const uint64_t longest = shape == 2 ? 5 : kSlotCount;
  for (size_t i = 0; i < runs; ++i) {
    const uint64_t first = rng.Below(kSlotCount);
    const uint64_t last = std::min<uint64_t>(first + rng.Below(longest), kSlotCount - 1);
    slots.Add(SlotRange{SlotId{static_cast<uint16_t>(first)}, SlotId{static_cast<uint16_t>(last)}});
  }
  return slots;
}

Message RandomMessage(Rng& rng) {
  Message message;
  message.header = RandomHeader(rng);
  message.body = RandomBody(rng);
  return message;
}

Frame RandomFrame(Rng& rng) {
  switch (rng.Below(12)) {
    case 0:
      return RandomHello(rng);
    case 1: {
      Goodbye goodbye;
      goodbye.reason = static_cast<Goodbye::Reason>(rng.Below(4));
      goodbye.text = RandomBytes(rng, kMaxTextBytes);
      return goodbye;
    }
    default:
      return RandomMessage(rng);
  }
}

}  // namespace clusterkit::testing
