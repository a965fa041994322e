#include "wire/encode.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "wire/enums.h"
#include "wire/limits.h"
#include "wire/slot_runs.h"

namespace clusterkit::wire {
namespace {

template <typename Tag>
std::string Bytes(const RandomId<Tag>& id) {
  return std::string(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

// Up, because the careful reading of each duration here is the longer one: a node was heard no
// later than this, a vote counts and a candidate waits at least as long.
uint32_t Milliseconds(absl::Duration duration) {
  const absl::Duration bounded = std::clamp(duration, absl::ZeroDuration(), kMaxDuration);
  return static_cast<uint32_t>(
      absl::ToInt64Milliseconds(absl::Ceil(bounded, absl::Milliseconds(1))));
}

void Encode(const Endpoint& bus, const Endpoint& client, v1::Addresses& out) {
  out.set_bus_host(bus.host);
  out.set_bus_port(bus.port);
  out.set_client_port(client.port);
  if (client.host != bus.host) out.set_client_host(client.host);
}

void Encode(const OpenSlots& open, v1::OpenSlots& out) {
  for (const OpenSlots::Group& group : open.Groups()) {
    v1::OpenSlots::Group& added = *out.add_groups();
    added.set_peer(Bytes(group.mark.peer));
    added.set_importing(group.mark.direction == SlotMigration::kImporting);
    EncodeSlots(group.slots, *added.mutable_slots());
  }
  if (!open.plan()) return;
  out.set_plan_target(Bytes(open.plan()->target));
  if (!open.plan()->slots.Empty()) EncodeSlots(open.plan()->slots, *out.mutable_plan_slots());
}

void Encode(const NodeDetails& details, v1::NodeDetails& out) {
  out.set_hostname(details.hostname);
  out.set_name(details.name);
  for (const auto& [key, value] : details.metadata) {
    v1::NodeDetails::Pair& added = *out.add_metadata();
    added.set_key(key);
    added.set_value(value);
  }
}

void Encode(const Header& header, v1::Header& out) {
  out.set_sender(Bytes(header.sender));
  out.set_shard(Bytes(header.shard));
  out.set_role(ToWire(header.role));
  out.set_voting(ToWire(header.voting));
  if (header.primary) out.set_primary(Bytes(*header.primary));
  out.set_current_epoch(header.current_epoch.value);
  out.set_config_epoch(header.config_epoch.value);
  out.set_claim_digest(header.claim_digest);
  if (header.claim) EncodeSlots(*header.claim, *out.mutable_claim());
  if (header.progress != Progress()) {
    v1::Progress& progress = *out.mutable_progress();
    progress.set_history(header.progress.history.value);
    progress.set_offset(header.progress.offset);
    progress.set_synced(header.progress.synced);
  }
  Encode(header.bus, header.client, *out.mutable_addresses());
  if (header.open_slots) Encode(*header.open_slots, *out.mutable_open_slots());
  out.set_writes_paused(header.writes_paused);
  out.set_no_failover(header.no_failover);
  if (header.replica_priority != kUsualReplicaPriority) {
    out.set_replica_priority(static_cast<uint32_t>(header.replica_priority));
  }
  out.set_data_missing(header.data_missing);
  out.set_abstaining(header.abstaining);
  out.set_facts_version(header.facts_version);
  out.set_progress_unknown(header.progress_unknown);
  out.set_state(ToWire(header.state));
  out.set_details_digest(header.details_digest);
  if (header.details) Encode(*header.details, *out.mutable_details());
}

void Encode(const std::vector<ForgottenNode>& forgotten, v1::Heartbeat& out) {
  const auto count = [](int64_t units) {
    return static_cast<uint32_t>(std::clamp<int64_t>(units, 0, UINT32_MAX));
  };
  for (const ForgottenNode& node : forgotten) {
    v1::ForgottenNode& added = *out.add_forgotten();
    added.set_id(Bytes(node.id));
    // Rounded so that a ban does not live on by being passed on, and that an introduction wins.
    added.set_remaining_s(count(absl::ToInt64Seconds(node.remaining)));
    added.set_age_ms(count(absl::ToInt64Milliseconds(absl::Ceil(node.age, absl::Milliseconds(1)))));
  }
}

void Encode(const Heartbeat& body, v1::Message& message) {
  v1::Heartbeat& out = *message.mutable_heartbeat();
  out.set_kind(ToWire(body.kind));
  out.set_stamp(body.stamp);
  out.set_known_claim_digest(body.known_claim_digest);
  out.set_withholds_lease(body.withholds_lease);
  out.set_known_details_digest(body.known_details_digest);
  out.mutable_gossip()->Reserve(static_cast<int>(body.gossip.size()));
  for (const GossipEntry& entry : body.gossip) {
    v1::GossipEntry& added = *out.add_gossip();
    added.set_id(Bytes(entry.id));
    Encode(entry.bus, entry.client, *added.mutable_addresses());
    added.set_role(ToWire(entry.role));
    added.set_voting(ToWire(entry.voting));
    added.set_health(ToWire(entry.health));
    added.set_pong_age_ms(Milliseconds(entry.pong_age));
  }
  Encode(body.forgotten, out);
}

void Encode(const SuspicionReport& body, v1::Message& message) {
  v1::SuspicionReport& out = *message.mutable_suspicion_report();
  out.mutable_items()->Reserve(static_cast<int>(body.items.size()));
  for (const SuspicionReport::Item& item : body.items) {
    v1::SuspicionReport::Item& added = *out.add_items();
    added.set_subject(Bytes(item.subject));
    added.set_retracted(!item.suspected);
  }
}

void Encode(const FailNotice& body, v1::Message& message) {
  v1::FailNotice& out = *message.mutable_fail_notice();
  out.set_subject(Bytes(body.subject));
  std::string& reporters = *out.mutable_reporters();
  reporters.reserve(body.reporters.size() * NodeId::kSize);
  for (const NodeId& reporter : body.reporters) reporters += Bytes(reporter);
}

void Encode(const ProgressReport& body, v1::Message& message) {
  v1::ProgressReport& out = *message.mutable_progress_report();
  out.set_primary(Bytes(body.primary));
  out.set_final(body.final);
}

void Encode(const FailoverAuthRequest& body, v1::Message& message) {
  v1::FailoverAuthRequest& out = *message.mutable_failover_auth_request();
  out.set_epoch(body.epoch.value);
  out.set_primary(Bytes(body.primary));
  out.set_claim_epoch(body.claim_epoch.value);
  if (!body.slots.Empty()) EncodeSlots(body.slots, *out.mutable_slots());
  out.set_round_ms(Milliseconds(body.round));
  out.set_primary_consents(body.primary_consents);
  out.set_agreed(body.agreed);
}

void Encode(const FailoverAuthAck& body, v1::Message& message) {
  v1::FailoverAuthAck& out = *message.mutable_failover_auth_ack();
  out.set_shard(Bytes(body.shard));
  out.set_epoch(body.epoch.value);
  out.set_voters(body.voters);
}

void Encode(const FailoverAuthRefusal& body, v1::Message& message) {
  v1::FailoverAuthRefusal& out = *message.mutable_failover_auth_refusal();
  out.set_shard(Bytes(body.shard));
  out.set_epoch(body.epoch.value);
  out.set_reason(ToWire(body.reason));
  out.set_retry_after_ms(Milliseconds(body.retry_after));
}

void Encode(const FailoverAuthWithdraw& body, v1::Message& message) {
  v1::FailoverAuthWithdraw& out = *message.mutable_failover_auth_withdraw();
  out.set_shard(Bytes(body.shard));
  out.set_epoch(body.epoch.value);
}

void Encode(const SlotUpdate& body, v1::Message& message) {
  v1::SlotUpdate& out = *message.mutable_slot_update();
  out.set_owner(Bytes(body.owner));
  out.set_shard(Bytes(body.shard));
  out.set_config_epoch(body.config_epoch.value);
  if (!body.slots.Empty()) EncodeSlots(body.slots, *out.mutable_slots());
}

void Encode(const StandRequest& body, v1::Message& message) {
  message.mutable_stand_request()->set_catch_up(body.catch_up);
}

void Encode(const PauseRequest& body, v1::Message& message) {
  message.mutable_pause_request()->set_withdrawn(body.withdrawn);
}

void Encode(const SlotMoveStep& body, v1::Message& message) {
  v1::SlotMoveStep& out = *message.mutable_slot_move_step();
  out.set_step(ToWire(body.step));
  if (!body.slots.Empty()) EncodeSlots(body.slots, *out.mutable_slots());
}

void Encode(const SlotMoveAnswer& body, v1::Message& message) {
  v1::SlotMoveAnswer& out = *message.mutable_slot_move_answer();
  out.set_step(ToWire(body.step));
  if (!body.slots.Empty()) EncodeSlots(body.slots, *out.mutable_slots());
  out.set_refusal(body.refusal.substr(0, kMaxTextBytes));
}

void Encode(const Hello& hello, v1::Frame& frame) {
  v1::Hello& out = *frame.mutable_hello();
  out.set_incarnation(hello.incarnation);
  out.set_min_version(hello.min_version);
  out.set_max_version(hello.max_version);
  out.set_features(hello.features);
  out.set_cluster_name(hello.cluster_name);
  out.set_sender(Bytes(hello.sender));
  out.set_shard(Bytes(hello.shard));
  out.set_receiver_host(hello.receiver_host);
}

void Encode(const Goodbye& goodbye, v1::Frame& frame) {
  v1::Goodbye& out = *frame.mutable_goodbye();
  out.set_reason(ToWire(goodbye.reason));
  out.set_text(goodbye.text.substr(0, kMaxTextBytes));
}

void Encode(const Message& message, v1::Frame& frame) {
  v1::Message& out = *frame.mutable_message();
  Encode(message.header, *out.mutable_header());
  std::visit([&](const auto& body) { Encode(body, out); }, message.body);
}

}  // namespace

void EncodeFrame(const Frame& frame, v1::Frame& out) {
  std::visit([&](const auto& kind) { Encode(kind, out); }, frame);
}

}  // namespace clusterkit::wire
