#include "wire/golden_frames.h"

#include <cstdint>
#include <limits>
#include <utility>

namespace clusterkit::testing {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

SlotRange Slots(int first, int last) {
  return {SlotId{static_cast<uint16_t>(first)}, SlotId{static_cast<uint16_t>(last)}};
}

template <typename Id>
Id Counting(int n) {
  Id id;
  for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(n + i);
  return id;
}

GossipEntry Entry(int n, Role role, Health health, absl::Duration pong_age) {
  const std::string host = "10.20.30.10" + std::to_string(n);
  return {GoldenNode(16 * n), {host, 16379}, {host, 6379}, role, health, pong_age};
}

// Sparse on purpose: what bodies look like behind a header of defaults.
Message Plain(MessageBody body) {
  Message message;
  message.header.sender = GoldenNode(1);
  message.header.shard = GoldenShard(2);
  message.header.state = ClusterState::kOk;
  message.body = std::move(body);
  return message;
}

// Every field of the header at its largest or least usual.
Header ExtremeHeader() {
  Header header;
  header.sender = GoldenNode(0xf0);
  header.shard = GoldenShard(0xe0);
  header.role = Role::kReplica;
  header.primary = GoldenNode(0xd0);
  header.current_epoch = header.config_epoch = Epoch{kMax};
  header.claim_digest = kMax;
  SlotSet claim;
  for (int slot = 0; slot < 64; slot += 2) claim.Add(Slots(slot, slot));
  claim.Add(Slots(8192, 8200));
  claim.Add(Slots(kSlotCount - 1, kSlotCount - 1));
  header.claim = claim;
  header.progress = {Epoch{kMax}, kMax, true};
  header.bus = {std::string(255, 'b'), 65535};
  header.client = {"fe80::1%eth0", 65535};
  header.no_failover = header.data_missing = header.abstaining = true;
  header.progress_unknown = true;
  header.replica_priority = kLowestReplicaPriority;
  header.voting = Voting::kWitness;
  header.details_digest = kMax;
  header.details = NodeDetails{std::string(255, 'h'), std::string(128, 'n'), {{"k", ""}}};
  for (int i = 0; i < 7; ++i) {
    header.details->metadata[std::string(63, 'k') + std::to_string(i)] = std::string(512, 'v');
  }
  header.facts_version = kMax;
  header.state = ClusterState::kFail;
  return header;
}

Message ExtremeHeartbeat() {
  Heartbeat body;
  body.kind = Heartbeat::Kind::kMeet;
  body.stamp = body.known_claim_digest = body.known_details_digest = kMax;
  GossipEntry entry = Entry(1, Role::kReplica, Health::kFail, absl::Hours(1));
  entry.client = {"", 0};
  entry.voting = Voting::kAlways;
  body.forgotten = {{GoldenNode(7), absl::Seconds(UINT32_MAX), absl::Milliseconds(UINT32_MAX)}, {}};
  body.gossip = {GossipEntry(), entry};
  return {ExtremeHeader(), body};
}

Message Pong() {
  Message message = TypicalHeartbeat();
  auto& body = std::get<Heartbeat>(message.body);
  body.kind = Heartbeat::Kind::kPong;
  message.header.claim = SlotSet::Of(Slots(0, 5460));
  return message;
}

Message WithDetails() {
  Message message = TypicalHeartbeat();
  message.header.details = NodeDetails{"n1.example.org", "alpha", {{"rack", "r7"}, {"zone", "ä"}}};
  message.header.details_digest = message.header.details->Digest();
  return message;
}

Message WithForgotten() {
  Message message = TypicalHeartbeat();
  std::get<Heartbeat>(message.body).forgotten = {
      {GoldenNode(5), absl::Seconds(59), absl::Milliseconds(1234)}};
  return message;
}

FailoverAuthRequest Request() {
  FailoverAuthRequest body;
  body.epoch = Epoch{8};
  body.primary = GoldenNode(3);
  body.claim_epoch = Epoch{5};
  body.slots = SlotSet::Of(Slots(5461, 10922));
  body.round = absl::Milliseconds(250);
  return body;
}

FailoverAuthRequest ExtremeRequest() {
  FailoverAuthRequest body;
  body.epoch = body.claim_epoch = Epoch{kMax};
  body.slots = SlotSet::Of(Slots(0, kSlotCount - 1));
  body.round = absl::Hours(1);
  body.primary_consents = body.agreed = true;
  return body;
}

}  // namespace

NodeId GoldenNode(int n) { return Counting<NodeId>(n); }
ShardId GoldenShard(int n) { return Counting<ShardId>(n); }

Message TypicalHeartbeat() {
  Heartbeat body;
  body.stamp = 86400123456789;  // A day on a clock of nanoseconds.
  body.known_claim_digest = 0x8877665544332211;
  body.gossip = {Entry(1, Role::kPrimary, Health::kOnline, absl::Milliseconds(730)),
                 Entry(2, Role::kReplica, Health::kOnline, absl::Milliseconds(90)),
                 Entry(3, Role::kPrimary, Health::kPfail, absl::Milliseconds(15010))};
  Message message;
  message.header.sender = GoldenNode(1);
  message.header.shard = GoldenShard(2);
  message.header.current_epoch = Epoch{7};
  message.header.config_epoch = Epoch{5};
  message.header.claim_digest = 0x1122334455667788;
  message.header.progress = {Epoch{5}, 123456789012, true};
  message.header.bus = {"10.20.30.100", 16379};
  message.header.client = {"10.20.30.100", 6379};
  message.header.state = ClusterState::kOk;
  message.body = body;
  return message;
}

std::vector<GoldenFrame> GoldenFrames() {
  Hello hello;
  hello.cluster_name = "orders";
  hello.sender = GoldenNode(1);
  hello.shard = GoldenShard(2);
  hello.receiver_host = "10.20.30.40";
  Hello extreme_hello;
  extreme_hello.min_version = 0;
  extreme_hello.max_version = std::numeric_limits<uint32_t>::max();
  extreme_hello.features = kMax;
  extreme_hello.cluster_name = std::string(64, '\xff');

  SlotUpdate update{GoldenNode(3), GoldenShard(4), Epoch{9}, SlotSet::Of(Slots(100, 199))};
  update.slots.Add(Slots(7000, 7000));
  const SlotUpdate empty_update{GoldenNode(3), GoldenShard(4), Epoch{0}, {}};
  const FailoverAuthRefusal refusal{GoldenShard(4), Epoch{8}, VoteRefusal::kRoundOpen,
                                    absl::Milliseconds(120)};
  const FailoverAuthRefusal last_refusal{GoldenShard(4), Epoch{kMax}, VoteRefusal::kRoundTooLong,
                                         absl::Hours(1)};
  Message empty_claim = Plain(StandRequest{});
  empty_claim.header.claim.emplace();
  Message with_open_slots = Plain(Heartbeat{});
  OpenSlots& open_slots = with_open_slots.header.open_slots.emplace();
  open_slots.Open(SlotSet::Of(Slots(5, 6)), {SlotMigration::kExporting, GoldenNode(3)});
  open_slots.Open(SlotSet::Of(Slots(9, 9)), {SlotMigration::kImporting, GoldenNode(4)});
  open_slots.SetPlan(SlotMovePlan{GoldenNode(3), SlotSet::Of(Slots(0, 99))});
  with_open_slots.header.writes_paused = true;

  return {
      {"hello", "Hello with a cluster name", hello},
      {"hello_extreme", "Hello, every field at an extreme", extreme_hello},
      {"goodbye", "Goodbye with reason and text", Goodbye{Goodbye::Reason::kLimit, "too long"}},
      {"goodbye_empty", "Goodbye of defaults", Goodbye{}},
      {"ping", "PING, three gossip entries, no claim", TypicalHeartbeat()},
      {"pong_with_claim", "PONG, three gossip entries, claim of one range", Pong()},
      {"ping_with_details", "PING with names and two tags", WithDetails()},
      {"ping_forgotten", "PING with a node to forget", WithForgotten()},
      {"ping_empty", "PING of defaults", Plain(Heartbeat{})},
      {"meet_extreme", "MEET, every field at an extreme", ExtremeHeartbeat()},
      {"suspicion", "Suspicion of one node, retraction for another",
       Plain(SuspicionReport{{{GoldenNode(3), true}, {GoldenNode(4), false}}})},
      {"suspicion_empty", "Suspicion report about nobody", Plain(SuspicionReport{})},
      {"fail", "FAIL with two reporters",
       Plain(FailNotice{GoldenNode(9), {GoldenNode(3), GoldenNode(4)}})},
      {"fail_empty", "FAIL without reporters", Plain(FailNotice{})},
      {"progress", "Progress under a primary", Plain(ProgressReport{GoldenNode(3), false})},
      {"progress_final", "Final progress", Plain(ProgressReport{GoldenNode(3), true})},
      {"auth_request", "Vote request for one range", Plain(Request())},
      {"auth_request_extreme", "Vote request, every field at an extreme", Plain(ExtremeRequest())},
      {"auth_ack", "Vote", Plain(FailoverAuthAck{GoldenShard(4), Epoch{8}, 3})},
      {"auth_refusal", "Refusal with a hint", Plain(refusal)},
      {"auth_refusal_extreme", "Refusal, every field at an extreme", Plain(last_refusal)},
      {"auth_withdraw", "Withdrawal", Plain(FailoverAuthWithdraw{GoldenShard(4), Epoch{8}})},
      {"update", "UPDATE of two ranges", Plain(update)},
      {"update_empty", "UPDATE without slots", Plain(empty_update)},
      {"stand", "Stand request", Plain(StandRequest{})},
      {"stand_catch_up", "Stand request of a primary that has its data",
       Plain(StandRequest{.catch_up = true})},
      {"pause", "Pause request", Plain(PauseRequest{})},
      {"pause_withdrawn", "Pause request, taken back", Plain(PauseRequest{true})},
      {"slot_move", "Step of a slot move",
       Plain(SlotMoveStep{SlotMoveStep::Step::kTake, SlotSet::Of(Slots(0, 15))})},
      {"slot_move_answer", "Answer to a step of a slot move",
       Plain(SlotMoveAnswer{SlotMoveStep::Step::kTake, SlotSet::Of(Slots(0, 7)), "why not"})},
      {"ping_open_slots", "Open slots and a plan, to a replica", with_open_slots},
      {"stand_empty_claim", "A claim that is present and empty", empty_claim},
      {"stand_extreme", "Every field of the header at an extreme",
       Message{ExtremeHeader(), StandRequest{}}},
  };
}

}  // namespace clusterkit::testing
