// What the host can ask for. Each checks everything first: not OK means that nothing changed.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

constexpr size_t kMaxPendingMeets = 1024;

}  // namespace

absl::Status NodeCore::Impl::Meet(const Endpoint& bus, Instant now) {
  Begin(now);
  if (bus.host.empty() || bus.host.size() > 255 || bus.port == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot meet '", bus.host, "' port ", bus.port, ": no usable address"));
  }
  for (const PendingMeet& meet : meets_) {
    if (meet.bus == bus) return absl::OkStatus();
  }
  if (meets_.size() >= kMaxPendingMeets || table_.size() + meets_.size() >= options_.max_nodes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "cannot meet ", bus.host, ":", bus.port, ": ", table_.size(), " nodes known and ",
        meets_.size(), " handshakes under way, limit ", options_.max_nodes));
  }
  const Link& link = links_.OpenOutbound(std::nullopt, bus, now_);
  meets_.push_back({bus, link.id, link.id, now_});
  ready_.dials.push_back({link.id, bus});
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::CheckMayOwnSlots() const {
  if (!IsPrimary()) return absl::FailedPreconditionError("a replica cannot own slots");
  if (options_.voting != Voting::kWitness) return absl::OkStatus();
  return absl::FailedPreconditionError("a witness cannot own slots");
}

absl::Status NodeCore::Impl::AddSlots(const SlotSet& slots, Instant now) {
  Begin(now);
  if (absl::Status status = CheckMayOwnSlots(); !status.ok()) return status;
  SlotMap map = table_.slots();
  if (absl::Status status = map.Assign(slots, table_.self_id()); !status.ok()) return status;
  if (slots.Intersects(unbound_by_us_)) {
    // Who owned them until then goes on saying so, under an epoch that may be above ours.
    unbound_by_us_.Remove(slots);
    TakeSlots(slots);
    Settle();
    return absl::OkStatus();
  }
  table_.EditSlots() = std::move(map);
  SlotsRebound rebound;
  slots.ForEach([&](SlotId slot) {
    rebound.changes.push_back({slot, std::nullopt, table_.self_id()});
  });
  Emit(std::move(rebound));
  RequestSave(/*sync=*/false);
  announce_ = true;
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::RemoveSlots(const SlotSet& slots, Instant now) {
  Begin(now);
  SlotMap map = table_.slots();
  if (absl::Status status = map.Unassign(slots); !status.ok()) return status;
  SlotSet of_others = slots;
  of_others.Remove(table_.OwnSlots());
  unbound_by_us_.Add(of_others);
  if (slots.Intersects(table_.OwnSlots())) {
    serving_.Revoke();
    extras_changed_ = true;
    announce_ = true;
  }
  table_.EditSlots() = std::move(map);
  RequestSave(/*sync=*/false);
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::CompleteImport(const SlotSet& slots, Instant now) {
  Begin(now);
  if (absl::Status status = CheckMayOwnSlots(); !status.ok()) return status;
  TakeSlots(slots);  // The operator knows that the content is here.
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::Replicate(const NodeId& primary, Instant now) {
  Begin(now);
  if (primary == table_.self_id()) return absl::InvalidArgumentError("cannot replicate myself");
  if (options_.voting == Voting::kWitness) {
    return absl::FailedPreconditionError("a witness cannot be a replica");
  }
  const KnownNode* node = table_.Find(primary);
  if (node == nullptr) return absl::NotFoundError(absl::StrCat("unknown node ", primary.ToHex()));
  if (node->role == Role::kReplica) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", primary.ToHex(), " is a replica, not a primary"));
  }
  if (self().primary == primary) return absl::OkStatus();
  if (!table_.OwnSlots().Empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this node owns ", table_.OwnSlots().Count(), " slots"));
  }
  BecomeReplica(primary, RoleChanged::Cause::kCommand);
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::Reset(ResetMode mode, Instant now) {
  Begin(now);
  const bool was_replica = !IsPrimary();
  for (LinkId link : links_.All()) CloseLink(link);
  meets_.clear();
  for (const NodeId& peer : table_.Peers()) RemoveNode(peer, std::nullopt);
  banned_.clear();
  forgotten_by_.clear();
  KnownNode me = self();
  me.role = Role::kPrimary;
  me.primary.reset();
  me.health = Health::kOnline;
  if (was_replica || mode == ResetMode::kHard) me.shard = ShardId::Random(rng_);
  std::optional<VoteLedgerState> ledger = coordinator_.ledger().state();
  if (mode == ResetMode::kHard) {
    me.id = NodeId::Random(rng_);
    me.config_epoch = Epoch{};
    current_epoch_ = Epoch{};
    ledger.reset();
    incarnation_ = rng_.Next() | 1;
  }
  table_ = NodeTable(me);
  coordinator_ = FailoverCoordinator(options_, std::move(ledger));
  serving_.Revoke();
  extras_changed_ = true;
  data_present_.reset();
  DropOpenSlots(SlotMigrationChanged::Cause::kCommand);
  EditOpenSlots([](OpenSlots& open) { open.SetPlan(std::nullopt); });
  move_.reset();
  failover_.reset();
  departing_.reset();
  given_way_.reset();
  EndPause();
  replication_ = ReplicationStatus{};
  RequestSave(/*sync=*/true);
  Emit(RoleChanged{RoleChanged::Cause::kCommand, me.id, Role::kPrimary, std::nullopt, was_replica,
                   me.config_epoch});
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::SetConfigEpoch(Epoch epoch, Instant now) {
  Begin(now);
  if (table_.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("this node knows ", table_.size() - 1, " others"));
  }
  if (self().config_epoch.value != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the config epoch is ", self().config_epoch.value, " already"));
  }
  if (Implausible(epoch)) {
    return absl::InvalidArgumentError(absl::StrCat("epoch ", epoch.value,
                                                   " is implausibly far above the current one, ",
                                                   current_epoch_.value));
  }
  SetOwnEpoch(epoch, ConfigEpochChanged::Cause::kCommand, std::nullopt);
  Settle();
  return absl::OkStatus();
}

bool NodeCore::Impl::BumpEpoch(Instant now) {
  Begin(now);
  if (OwnEpochIsUniqueMaximum()) return false;
  SetOwnEpoch({GreatestEpoch().value + 1}, ConfigEpochChanged::Cause::kCommand, std::nullopt);
  Settle();
  return true;
}

absl::Status NodeCore::Impl::OverruleDataGuard(Instant now) {
  Begin(now);
  if (guard_ == DataGuard::kOff) return absl::FailedPreconditionError("no data guard is active");
  data_present_ = true;
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::KillLinks(const NodeId& peer, LinksWith which, Instant now) {
  Begin(now);
  if (table_.Find(peer) == nullptr) {
    return absl::NotFoundError(absl::StrCat("unknown node ", peer.ToHex()));
  }
  for (const LinkId id : links_.AllOf(peer)) {
    const bool outbound = links_.Find(id)->outbound;
    if (which == LinksWith::kAll || outbound == (which == LinksWith::kTo)) CloseLink(id);
  }
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::Reconfigure(const Options& options, Instant now) {
  Begin(now);
  if (absl::Status status = options.Validate(); !status.ok()) return status;
  if (options.bus.port != options_.bus.port || options.cluster_name != options_.cluster_name ||
      options.max_nodes != options_.max_nodes ||
      options.max_frame_bytes != options_.max_frame_bytes ||
      options.max_link_queue_bytes != options_.max_link_queue_bytes ||
      options.seed != options_.seed) {
    return absl::InvalidArgumentError(
        "bus port, name, seed, and limits of nodes, frames and queues are fixed at the start");
  }
  if (options.voting == Voting::kWitness && (!IsPrimary() || !table_.OwnSlots().Empty())) {
    return absl::FailedPreconditionError("voting: a witness owns no slots and follows nobody");
  }
  // A host that is no longer announced is learned anew.
  const Endpoint bus = options.bus.host != options_.bus.host ? options.bus : self().bus;
  Endpoint client = options.client.host != options_.client.host ? options.client : self().client;
  client.port = options.client.port;
  SetAddress(table_.self_id(), bus, client, AddressChanged::Cause::kCommand);
  if (options.voting != options_.voting) {
    Emit(VotingChanged{table_.self_id(), options_.voting, options.voting});
  }
  if (options.details != options_.details) {
    table_.Edit(table_.self_id()).SetDetails(options.details);
    Emit(
        NodeDetailsChanged{NodeDetailsChanged::Cause::kCommand, table_.self_id(), options.details});
  }
  options_ = options;
  KnownNode& me = table_.Edit(table_.self_id());
  me.no_failover = options.no_failover;
  me.replica_priority = options.replica_priority;
  RequestSave(/*sync=*/me.voting != options.voting);
  me.voting = options.voting;
  extras_changed_ = true;
  announce_ = true;
  Settle();
  return absl::OkStatus();
}

}  // namespace clusterkit
