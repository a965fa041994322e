#include "wire/decode.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "wire/enums.h"
#include "wire/field_path.h"
#include "wire/limits.h"
#include "wire/slot_runs.h"

namespace clusterkit::wire {
namespace {

// --- Fields ----------------------------------------------------------------------------------

template <typename Tag>
absl::Status Decode(const FieldPath& at, const std::string& bytes, RandomId<Tag>& out) {
  if (bytes.size() != out.kSize) {
    return at.Invalid(absl::StrCat(bytes.size(), " bytes, not ", size_t{out.kSize}));
  }
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return absl::OkStatus();
}

template <typename Theirs, typename Ours>
absl::Status DecodeEnum(const FieldPath& at, Theirs value, Ours& out) {
  if (FromWire(value, out)) return absl::OkStatus();
  return at.Invalid(absl::StrCat("unknown value ", static_cast<int>(value)));
}

absl::Status DecodeText(const FieldPath& at, const std::string& bytes, size_t limit,
                        std::string& out) {
  if (bytes.size() > limit) return at.OverLimit(bytes.size(), "bytes", limit);
  out = bytes;
  return absl::OkStatus();
}

// Hosts are written to the state file and to operators' screens: nothing in them may be taken for
// the file's own separators.
absl::Status DecodeHost(const FieldPath& at, const std::string& bytes, std::string& out) {
  if (bytes.size() > kMaxHostBytes) return at.OverLimit(bytes.size(), "bytes", kMaxHostBytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t byte = static_cast<uint8_t>(bytes[i]);
    if (byte <= ' ' || byte > '~' || byte == ',' || byte == '@' || byte == '=') {
      return at.Invalid(absl::StrCat("byte 0x", absl::Hex(byte, absl::kZeroPad2), " at ", i));
    }
  }
  out = bytes;
  return absl::OkStatus();
}

absl::Status DecodePort(const FieldPath& at, uint32_t value, uint16_t& out) {
  if (value > UINT16_MAX) return at.Invalid(absl::StrCat("port ", value));
  out = static_cast<uint16_t>(value);
  return absl::OkStatus();
}

absl::Status DecodeDuration(const FieldPath& at, uint32_t milliseconds, absl::Duration& out) {
  out = absl::Milliseconds(milliseconds);
  if (out > kMaxDuration) return at.Invalid(absl::StrCat(milliseconds, " ms"));
  return absl::OkStatus();
}

absl::Status DecodeAddresses(const FieldPath& parent, const v1::Addresses& in, Endpoint& bus,
                             Endpoint& client) {
  const FieldPath at(parent, "addresses");
  CLUSTERKIT_RETURN_IF_ERROR(DecodeHost(FieldPath(at, "bus_host"), in.bus_host(), bus.host));
  CLUSTERKIT_RETURN_IF_ERROR(DecodePort(FieldPath(at, "bus_port"), in.bus_port(), bus.port));
  CLUSTERKIT_RETURN_IF_ERROR(
      DecodePort(FieldPath(at, "client_port"), in.client_port(), client.port));
  client.host = bus.host;
  if (!in.has_client_host()) return absl::OkStatus();
  return DecodeHost(FieldPath(at, "client_host"), in.client_host(), client.host);
}

// --- Header ----------------------------------------------------------------------------------

absl::Status Decode(const FieldPath& parent, const v1::OpenSlots& in, OpenSlots& out) {
  const FieldPath at(parent, "open_slots");
  SlotSet seen;
  for (int i = 0; i < in.groups_size(); ++i) {
    const FieldPath group(at, "groups", i);
    OpenSlots::Mark mark;
    CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(group, "peer"), in.groups(i).peer(), mark.peer));
    mark.direction =
        in.groups(i).importing() ? SlotMigration::kImporting : SlotMigration::kExporting;
    SlotSet slots;
    const FieldPath at_slots(group, "slots");
    CLUSTERKIT_RETURN_IF_ERROR(DecodeSlots(at_slots, in.groups(i).slots(), slots));
    if (slots.Empty()) return at_slots.Invalid("no slot");
    if (slots.Intersects(seen)) return at_slots.Invalid("a slot of another group");
    seen.Add(slots);
    out.Open(slots, mark);
  }
  if (in.plan_target().empty()) return absl::OkStatus();
  SlotMovePlan plan;
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "plan_target"), in.plan_target(), plan.target));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeSlots(FieldPath(at, "plan_slots"), in.plan_slots(), plan.slots));
  out.SetPlan(std::move(plan));
  return absl::OkStatus();
}

absl::Status DecodeDetails(const FieldPath& parent, const v1::NodeDetails& in, NodeDetails& out) {
  const FieldPath at(parent, "details");
  out.hostname = in.hostname();
  out.name = in.name();
  for (const v1::NodeDetails::Pair& pair : in.metadata()) {
    if (!out.metadata.empty() && pair.key() <= out.metadata.rbegin()->first) {
      return FieldPath(at, "metadata").Invalid("keys are not in ascending order");
    }
    out.metadata.emplace_hint(out.metadata.end(), pair.key(), pair.value());
  }
  const absl::Status status = out.Validate();
  return status.ok() ? status : at.Invalid(Sv(status.message()));
}

absl::Status Decode(const FieldPath& parent, const v1::Header& in, Header& out) {
  const FieldPath at(parent, "header");
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "sender"), in.sender(), out.sender));
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "shard"), in.shard(), out.shard));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "role"), in.role(), out.role));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "voting"), in.voting(), out.voting));
  if (!in.primary().empty()) {
    CLUSTERKIT_RETURN_IF_ERROR(
        Decode(FieldPath(at, "primary"), in.primary(), out.primary.emplace()));
    if (*out.primary == out.sender) return at.Invalid("a node is its own primary");
  }
  out.current_epoch.value = in.current_epoch();
  out.config_epoch.value = in.config_epoch();
  out.claim_digest = in.claim_digest();
  if (in.has_claim()) {
    CLUSTERKIT_RETURN_IF_ERROR(
        DecodeSlots(FieldPath(at, "claim"), in.claim(), out.claim.emplace()));
  }
  out.details_digest = in.details_digest();
  if (in.has_details()) {
    CLUSTERKIT_RETURN_IF_ERROR(DecodeDetails(at, in.details(), out.details.emplace()));
  }
  out.progress.history.value = in.progress().history();
  out.progress.offset = in.progress().offset();
  out.progress.synced = in.progress().synced();
  CLUSTERKIT_RETURN_IF_ERROR(DecodeAddresses(at, in.addresses(), out.bus, out.client));
  if (in.has_open_slots()) {
    CLUSTERKIT_RETURN_IF_ERROR(Decode(at, in.open_slots(), out.open_slots.emplace()));
  }
  out.writes_paused = in.writes_paused();
  out.no_failover = in.no_failover();
  if (in.has_replica_priority()) {
    if (in.replica_priority() > kLowestReplicaPriority) {
      return FieldPath(at, "replica_priority").Invalid(absl::StrCat(in.replica_priority()));
    }
    out.replica_priority = static_cast<int>(in.replica_priority());
  }
  out.data_missing = in.data_missing();
  out.abstaining = in.abstaining();
  out.facts_version = in.facts_version();
  out.progress_unknown = in.progress_unknown();
  return DecodeEnum(FieldPath(at, "state"), in.state(), out.state);
}

// --- Bodies ----------------------------------------------------------------------------------

absl::Status Decode(const FieldPath& at, const v1::GossipEntry& in, GossipEntry& out) {
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "id"), in.id(), out.id));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeAddresses(at, in.addresses(), out.bus, out.client));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "role"), in.role(), out.role));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "voting"), in.voting(), out.voting));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "health"), in.health(), out.health));
  return DecodeDuration(FieldPath(at, "pong_age_ms"), in.pong_age_ms(), out.pong_age);
}

absl::Status Decode(const FieldPath& parent, const v1::Heartbeat& in, Heartbeat& out) {
  const FieldPath at(parent, "heartbeat");
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "kind"), in.kind(), out.kind));
  out.stamp = in.stamp();
  out.known_claim_digest = in.known_claim_digest();
  out.withholds_lease = in.withholds_lease();
  out.known_details_digest = in.known_details_digest();
  out.gossip.resize(in.gossip_size());
  for (int i = 0; i < in.gossip_size(); ++i) {
    CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "gossip", i), in.gossip(i), out.gossip[i]));
  }
  out.forgotten.resize(in.forgotten_size());
  for (int i = 0; i < in.forgotten_size(); ++i) {
    const FieldPath node(at, "forgotten", i);
    CLUSTERKIT_RETURN_IF_ERROR(
        Decode(FieldPath(node, "id"), in.forgotten(i).id(), out.forgotten[i].id));
    out.forgotten[i].remaining = absl::Seconds(in.forgotten(i).remaining_s());
    out.forgotten[i].age = absl::Milliseconds(in.forgotten(i).age_ms());
  }
  return absl::OkStatus();
}

absl::Status Decode(const FieldPath& parent, const v1::SuspicionReport& in, SuspicionReport& out) {
  const FieldPath at(parent, "suspicion_report");
  out.items.resize(in.items_size());
  for (int i = 0; i < in.items_size(); ++i) {
    const FieldPath item(at, "items", i);
    CLUSTERKIT_RETURN_IF_ERROR(
        Decode(FieldPath(item, "subject"), in.items(i).subject(), out.items[i].subject));
    out.items[i].suspected = !in.items(i).retracted();
  }
  return absl::OkStatus();
}

// Ascending and without repetition, so that the number of reporters is the number of voters that
// are said to agree.
absl::Status DecodeReporters(const FieldPath& at, const std::string& bytes, FailNotice& out) {
  const size_t size = NodeId::kSize, count = bytes.size() / size;
  if (bytes.size() % size != 0) {
    return at.Invalid(absl::StrCat(bytes.size(), " bytes, not a multiple of ", size));
  }
  if (count > kMaxNodes) return at.OverLimit(count, "entries", kMaxNodes);
  out.reporters.resize(count);
  for (size_t i = 0; i < count; ++i) {
    NodeId& reporter = out.reporters[i];
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(i * size), size, reporter.bytes.begin());
    if (i > 0 && reporter <= out.reporters[i - 1]) {
      return at.Invalid(absl::StrCat("entry ", i, " is not above the one before"));
    }
  }
  return absl::OkStatus();
}

absl::Status Decode(const FieldPath& parent, const v1::FailNotice& in, FailNotice& out) {
  const FieldPath at(parent, "fail_notice");
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "subject"), in.subject(), out.subject));
  return DecodeReporters(FieldPath(at, "reporters"), in.reporters(), out);
}

absl::Status Decode(const FieldPath& parent, const v1::ProgressReport& in, ProgressReport& out) {
  const FieldPath at(parent, "progress_report");
  out.final = in.final();
  return Decode(FieldPath(at, "primary"), in.primary(), out.primary);
}

absl::Status Decode(const FieldPath& parent, const v1::FailoverAuthRequest& in,
                    FailoverAuthRequest& out) {
  const FieldPath at(parent, "failover_auth_request");
  out.epoch.value = in.epoch();
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "primary"), in.primary(), out.primary));
  out.claim_epoch.value = in.claim_epoch();
  CLUSTERKIT_RETURN_IF_ERROR(DecodeSlots(FieldPath(at, "slots"), in.slots(), out.slots));
  out.primary_consents = in.primary_consents();
  out.agreed = in.agreed();
  return DecodeDuration(FieldPath(at, "round_ms"), in.round_ms(), out.round);
}

absl::Status Decode(const FieldPath& parent, const v1::FailoverAuthAck& in, FailoverAuthAck& out) {
  const FieldPath at(parent, "failover_auth_ack");
  out.epoch.value = in.epoch();
  out.voters = in.voters();
  return Decode(FieldPath(at, "shard"), in.shard(), out.shard);
}

absl::Status Decode(const FieldPath& parent, const v1::FailoverAuthRefusal& in,
                    FailoverAuthRefusal& out) {
  const FieldPath at(parent, "failover_auth_refusal");
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "shard"), in.shard(), out.shard));
  out.epoch.value = in.epoch();
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "reason"), in.reason(), out.reason));
  return DecodeDuration(FieldPath(at, "retry_after_ms"), in.retry_after_ms(), out.retry_after);
}

absl::Status Decode(const FieldPath& parent, const v1::FailoverAuthWithdraw& in,
                    FailoverAuthWithdraw& out) {
  const FieldPath at(parent, "failover_auth_withdraw");
  out.epoch.value = in.epoch();
  return Decode(FieldPath(at, "shard"), in.shard(), out.shard);
}

absl::Status Decode(const FieldPath& parent, const v1::SlotUpdate& in, SlotUpdate& out) {
  const FieldPath at(parent, "slot_update");
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "owner"), in.owner(), out.owner));
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "shard"), in.shard(), out.shard));
  out.config_epoch.value = in.config_epoch();
  return DecodeSlots(FieldPath(at, "slots"), in.slots(), out.slots);
}

absl::Status Decode(const FieldPath&, const v1::StandRequest& in, StandRequest& out) {
  out.catch_up = in.catch_up();
  return absl::OkStatus();
}

absl::Status Decode(const FieldPath&, const v1::PauseRequest& in, PauseRequest& out) {
  out.withdrawn = in.withdrawn();
  return absl::OkStatus();
}

absl::Status Decode(const FieldPath& parent, const v1::SlotMoveStep& in, SlotMoveStep& out) {
  const FieldPath at(parent, "slot_move_step");
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "step"), in.step(), out.step));
  return DecodeSlots(FieldPath(at, "slots"), in.slots(), out.slots);
}

absl::Status Decode(const FieldPath& parent, const v1::SlotMoveAnswer& in, SlotMoveAnswer& out) {
  const FieldPath at(parent, "slot_move_answer");
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "step"), in.step(), out.step));
  CLUSTERKIT_RETURN_IF_ERROR(DecodeSlots(FieldPath(at, "slots"), in.slots(), out.slots));
  return DecodeText(FieldPath(at, "refusal"), in.refusal(), kMaxTextBytes, out.refusal);
}

// --- Kinds -----------------------------------------------------------------------------------

absl::Status Decode(const v1::Hello& in, Hello& out) {
  const FieldPath at("hello");
  out.min_version = in.min_version();
  out.max_version = in.max_version();
  if (out.min_version > out.max_version) {
    return FieldPath(at, "min_version")
        .Invalid(absl::StrCat(out.min_version, " is above max_version ", out.max_version));
  }
  out.features = in.features();
  out.incarnation = in.incarnation();
  CLUSTERKIT_RETURN_IF_ERROR(DecodeText(FieldPath(at, "cluster_name"), in.cluster_name(),
                                        kMaxClusterNameBytes, out.cluster_name));
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "sender"), in.sender(), out.sender));
  CLUSTERKIT_RETURN_IF_ERROR(Decode(FieldPath(at, "shard"), in.shard(), out.shard));
  return DecodeHost(FieldPath(at, "receiver_host"), in.receiver_host(), out.receiver_host);
}

absl::Status Decode(const v1::Goodbye& in, Goodbye& out) {
  const FieldPath at("goodbye");
  CLUSTERKIT_RETURN_IF_ERROR(DecodeEnum(FieldPath(at, "reason"), in.reason(), out.reason));
  return DecodeText(FieldPath(at, "text"), in.text(), kMaxTextBytes, out.text);
}

absl::Status Decode(const v1::Message& in, Message& out) {
  const FieldPath at("message");
  CLUSTERKIT_RETURN_IF_ERROR(Decode(at, in.header(), out.header));
  switch (in.body_case()) {
    case v1::Message::kHeartbeat:
      return Decode(at, in.heartbeat(), out.body.emplace<Heartbeat>());
    case v1::Message::kSuspicionReport:
      return Decode(at, in.suspicion_report(), out.body.emplace<SuspicionReport>());
    case v1::Message::kFailNotice:
      return Decode(at, in.fail_notice(), out.body.emplace<FailNotice>());
    case v1::Message::kProgressReport:
      return Decode(at, in.progress_report(), out.body.emplace<ProgressReport>());
    case v1::Message::kFailoverAuthRequest:
      return Decode(at, in.failover_auth_request(), out.body.emplace<FailoverAuthRequest>());
    case v1::Message::kFailoverAuthAck:
      return Decode(at, in.failover_auth_ack(), out.body.emplace<FailoverAuthAck>());
    case v1::Message::kFailoverAuthRefusal:
      return Decode(at, in.failover_auth_refusal(), out.body.emplace<FailoverAuthRefusal>());
    case v1::Message::kFailoverAuthWithdraw:
      return Decode(at, in.failover_auth_withdraw(), out.body.emplace<FailoverAuthWithdraw>());
    case v1::Message::kSlotUpdate:
      return Decode(at, in.slot_update(), out.body.emplace<SlotUpdate>());
    case v1::Message::kStandRequest:
      return Decode(at, in.stand_request(), out.body.emplace<StandRequest>());
    case v1::Message::kPauseRequest:
      return Decode(at, in.pause_request(), out.body.emplace<PauseRequest>());
    case v1::Message::kSlotMoveStep:
      return Decode(at, in.slot_move_step(), out.body.emplace<SlotMoveStep>());
    case v1::Message::kSlotMoveAnswer:
      return Decode(at, in.slot_move_answer(), out.body.emplace<SlotMoveAnswer>());
    case v1::Message::BODY_NOT_SET:
      break;
  }
  return at.Invalid("no body");
}

template <typename Kind, typename Theirs>
absl::StatusOr<Frame> DecodeKind(const Theirs& in) {
  absl::StatusOr<Frame> frame{Frame(std::in_place_type<Kind>)};
  CLUSTERKIT_RETURN_IF_ERROR(Decode(in, std::get<Kind>(*frame)));
  return frame;
}

}  // namespace

absl::StatusOr<Frame> DecodeFrame(const v1::Frame& in) {
  switch (in.kind_case()) {
    case v1::Frame::kHello:
      return DecodeKind<Hello>(in.hello());
    case v1::Frame::kGoodbye:
      return DecodeKind<Goodbye>(in.goodbye());
    case v1::Frame::kMessage:
      return DecodeKind<Message>(in.message());
    case v1::Frame::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("frame: no kind");
}

}  // namespace clusterkit::wire
