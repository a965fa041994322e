#include "core/lies.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace clusterkit::fuzz {

// The nodes that there are, and a few that there are not.
NodeId Liar::Node() {
  const size_t choice = bytes_.Below(world_.size() + 4);
  if (choice < world_.size()) return world_.IdOf(choice);
  NodeId stranger;
  stranger.bytes.fill(static_cast<uint8_t>(choice == world_.size() ? bytes_.Next() : choice * 16));
  return stranger;
}

ShardId Liar::Shard() {
  const size_t choice = bytes_.Below(view_.nodes().size() + 2);
  if (choice < view_.nodes().size()) return view_.nodes()[choice]->shard;
  ShardId shard;
  shard.bytes.fill(choice == view_.nodes().size() ? uint8_t{0} : bytes_.Next());
  return shard;
}

Epoch Liar::AnyEpoch() {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  const uint64_t choice = bytes_.Next();
  uint64_t known = 0;
  for (const auto& node : view_.nodes()) known = std::max(known, node->config_epoch.value);
  if (choice < 128) return {known + choice % 16};
  if (choice < 192) return {choice - 128};
  if (choice < 224) return {known + (uint64_t{1} << (choice % 64))};
  return {kMost - choice % 4};
}

SlotSet Liar::Slots() {
  const size_t choice = bytes_.Below(8);
  const bool full = view_.slots().AssignedCount() > kSlotCount / 2;
  if (choice == 0) return {};
  if (choice == 1) return SlotSet::Of({SlotId{0}, SlotId{kSlotCount - 1}});
  if (choice < 5) return World::ShareOf(choice - 2, full);
  SlotSet slots;
  for (size_t left = choice - 4; left > 0; --left) {
    const uint16_t first = bytes_.Next();
    slots.Add({SlotId{first}, SlotId{static_cast<uint16_t>(first + bytes_.Next() % 32)}});
  }
  return slots;
}

Endpoint Liar::Address() {
  const size_t choice = bytes_.Below(world_.size() + 3);
  if (choice < world_.size()) return world_.OptionsOf(choice).bus;
  if (choice == world_.size()) return {};
  if (choice == world_.size() + 1) return {std::string(255, '~'), bytes_.Next()};
  return {"10.0.1." + std::to_string(bytes_.Next()), 16379};
}

Progress Liar::AnyProgress() {
  Progress progress;
  progress.history = AnyEpoch();
  progress.offset = bytes_.Next();
  progress.synced = Flip();
  return progress;
}

// The truth, as far as the listener knows it, with some of it changed.
Header Liar::HeaderOf(const NodeId& sender) {
  Header header;
  header.sender = sender;
  if (const NodeView* known = view_.Find(sender)) {
    header.shard = known->shard;
    header.role = known->role;
    header.primary = known->primary;
    header.config_epoch = known->config_epoch;
    header.current_epoch = known->config_epoch;
    header.bus = known->bus;
    header.client = known->client;
  }
  header.progress = {Epoch{0}, 100, /*synced=*/true};
  const uint8_t changed = bytes_.Next();
  // Mostly later than everything the real one said.
  header.facts_version = (changed & 1) != 0 ? bytes_.Next() : uint64_t{1} << 32;
  if ((changed & 2) != 0) header.shard = Shard();
  if ((changed & 4) != 0) {
    header.role = Flip() ? Role::kReplica : Role::kPrimary;
    header.primary.reset();
    if (Flip()) header.primary = Node();
  }
  if ((changed & 8) != 0) header.current_epoch = AnyEpoch();
  if ((changed & 16) != 0) header.config_epoch = AnyEpoch();
  if ((changed & 32) != 0) {
    header.claim = Slots();
    header.claim_digest = header.claim->Digest();
  } else if (header.role == Role::kPrimary) {
    header.claim_digest = view_.slots().SlotsOf(sender).Digest();
  }
  if ((changed & 64) != 0) {
    header.bus = Address();
    header.client = Address();
  }
  if ((changed & 128) != 0) {
    const uint8_t flags = bytes_.Next();
    header.no_failover = (flags & 1) != 0;
    header.data_missing = (flags & 2) != 0;
    header.abstaining = (flags & 4) != 0;
    header.progress_unknown = (flags & 8) != 0;
    if ((flags & 16) != 0) header.claim_digest = flags;
    header.progress = AnyProgress();
  }
  return header;
}

Hello Liar::SayHello(const NodeId& sender) {
  Hello hello;
  const uint8_t changed = bytes_.Next();
  hello.sender = (changed & 1) != 0 ? Node() : sender;
  hello.shard = Shard();
  hello.incarnation = changed >> 4;
  hello.receiver_host = (changed & 2) != 0 ? Address().host : "";
  if ((changed & 12) == 12) hello.cluster_name = "another";
  if ((changed & 12) == 8) hello.min_version = 2, hello.max_version = 3;
  if ((changed & 12) == 4) hello.features = 0;
  return hello;
}

Heartbeat Liar::SayHeartbeat() {
  Heartbeat heartbeat;
  const uint8_t shape = bytes_.Next();
  heartbeat.kind = static_cast<Heartbeat::Kind>(shape % 3);
  heartbeat.withholds_lease = (shape & 4) != 0;
  const int64_t now = absl::ToInt64Nanoseconds(now_.since_origin);
  switch (shape >> 3 & 3) {
    case 0:
      heartbeat.stamp = static_cast<uint64_t>(now);
      break;
    case 1:
      heartbeat.stamp = static_cast<uint64_t>(now - absl::ToInt64Nanoseconds(Length()));
      break;
    case 2:
      heartbeat.stamp = std::numeric_limits<uint64_t>::max() - bytes_.Next();
      break;
    default:
      break;
  }
  heartbeat.known_claim_digest = view_.slots().SlotsOf(view_.self().id).Digest();
  if ((shape & 32) != 0) heartbeat.known_claim_digest = bytes_.Next();
  for (size_t left = shape >> 6; left > 0; --left) {
    GossipEntry entry;
    entry.id = Node();
    entry.bus = Address();
    entry.client = Address();
    entry.role = Flip() ? Role::kReplica : Role::kPrimary;
    entry.health = static_cast<Health>(bytes_.Below(3));
    entry.pong_age = Length();
    heartbeat.gossip.push_back(std::move(entry));
  }
  return heartbeat;
}

MessageBody Liar::Body() {
  switch (bytes_.Below(12)) {
    case 0: {
      SuspicionReport report;
      for (size_t left = bytes_.Below(4); left > 0; --left) {
        report.items.push_back({Node(), Flip()});
      }
      return report;
    }
    case 1: {
      FailNotice notice;
      notice.subject = Node();
      const uint8_t chosen = bytes_.Next();
      for (size_t i = 0; i < std::min<size_t>(view_.nodes().size(), 8); ++i) {
        if ((chosen >> i & 1) != 0) notice.reporters.push_back(view_.nodes()[i]->id);
      }
      return notice;
    }
    case 2:
      return ProgressReport{Node(), Flip()};
    case 3: {
      FailoverAuthRequest request;
      request.epoch = AnyEpoch();
      request.primary = Node();
      request.claim_epoch = AnyEpoch();
      request.slots = Slots();
      request.round = Length();
      request.primary_consents = Flip();
      return request;
    }
    case 4: {
      const ShardId shard = Flip() ? view_.self().shard : Shard();
      return FailoverAuthAck{shard, AnyEpoch(), static_cast<uint32_t>(bytes_.Next())};
    }
    case 5: {
      constexpr auto kReasons = static_cast<size_t>(VoteRefusal::kRoundTooLong) + 1;
      const ShardId shard = Flip() ? view_.self().shard : Shard();
      const Epoch epoch = AnyEpoch();
      const auto reason = static_cast<VoteRefusal>(bytes_.Below(kReasons));
      return FailoverAuthRefusal{shard, epoch, reason, Length()};
    }
    case 6: {
      const ShardId shard = Shard();
      return FailoverAuthWithdraw{shard, AnyEpoch()};
    }
    case 7: {
      SlotUpdate update;
      update.owner = Node();
      update.shard = Shard();
      update.config_epoch = AnyEpoch();
      update.slots = Slots();
      return update;
    }
    case 8:
      return StandRequest{};
    default:
      return SayHeartbeat();
  }
}

Frame Liar::Say(const std::optional<NodeId>& said) {
  const size_t kind = bytes_.Below(16);
  if (kind == 0) return Goodbye{static_cast<Goodbye::Reason>(bytes_.Below(4)), "a lie"};
  const NodeId sender = said && kind != 2 ? *said : Node();
  if (kind == 1 || (!said && kind > 3)) return SayHello(sender);
  Message message;
  message.header = HeaderOf(sender);
  message.body = Body();
  return message;
}

}  // namespace clusterkit::fuzz
