// Roles, slots and epochs: how what peers say of themselves becomes the configuration.
//
// A header is applied as one fact, and in the order in which its sender produced it: role, epoch
// and slots of a message never mix with those of an older one.

#include <algorithm>
#include <utility>

#include "core/impl.h"

namespace clusterkit {
namespace {

bool SameShard(const ShardId& a, const ShardId& b) { return a == b && !a.IsZero(); }

}  // namespace

void NodeCore::Impl::ApplyHeader(Link& link, const Header& header) {
  PeerFacts& facts = table_.facts(header.sender);
  facts.progress = header.progress;
  facts.progress_unknown = header.progress_unknown;
  coordinator_.OnProgress(header.sender, header.progress, std::nullopt);
  // A peer has two links with us, and may have restarted: older statements are history.
  if (link.incarnation != facts.incarnation || header.facts_version < facts.facts_version) return;
  facts.facts_version = header.facts_version;
  facts.heard = true;
  facts.data_missing = header.data_missing;
  facts.abstaining = header.abstaining;
  facts.claims_slots = header.role == Role::kPrimary && header.claim_digest != 0;
  ApplyVoting(header);
  ApplyAddress(link, header);
  ApplyDetails(header);
  ApplyRole(header);
  if (self().primary == header.sender) {
    if (header.open_slots) table_.facts(header.sender).open_slots = *header.open_slots;
    if (header.writes_paused) OnPrimaryPaused(header);
    FollowPrimary(header);
  }
  if (header.role == Role::kPrimary) {
    ApplyHeartbeatClaim(header);
    ResolveCollision(header);
  } else {
    TellStaleReplica(header);
  }
}

void NodeCore::Impl::ApplyVoting(const Header& header) {
  const KnownNode& known = *table_.Find(header.sender);
  if (known.voting == header.voting) return;
  const Voting from = known.voting;
  table_.Edit(header.sender).voting = header.voting;
  // A node that forgot about a voter would go by too small a majority.
  RequestSave(/*sync=*/true);
  Emit(VotingChanged{header.sender, from, header.voting});
}

void NodeCore::Impl::ApplyAddress(const Link& link, const Header& header) {
  Endpoint bus = header.bus, client = header.client;
  if (bus.host.empty()) bus.host = link.remote_host;
  if (client.host.empty()) client.host = link.remote_host;
  const KnownNode& known = *table_.Find(header.sender);
  const bool same_traits =
      known.no_failover == header.no_failover && known.replica_priority == header.replica_priority;
  if (known.bus == bus && known.client == client && same_traits) return;
  const bool moved = known.bus != bus;
  KnownNode& node = table_.Edit(header.sender);
  node.no_failover = header.no_failover;
  node.replica_priority = header.replica_priority;
  RequestSave(/*sync=*/false);
  SetAddress(header.sender, bus, client, AddressChanged::Cause::kSaidSo);
  if (!moved) return;
  Link* outbound = links_.Outbound(header.sender);
  if (outbound != nullptr && outbound->id != link.id) CloseLink(outbound->id);
  detector_.OnLinkUp(header.sender);
  links_.WantDial(header.sender, now_, /*at_once=*/true);
}

void NodeCore::Impl::ApplyDetails(const Header& header) {
  if (table_.Find(header.sender)->details_digest == header.details_digest) return;
  if (!header.details && header.details_digest != 0) return;  // What we echo will bring it.
  if (header.details && !header.details->Validate().ok()) return;
  KnownNode& node = table_.Edit(header.sender);
  const NodeDetails before = node.details;
  node.SetDetails(header.details.value_or(NodeDetails()));
  if (node.details == before) return;
  RequestSave(/*sync=*/false);
  Emit(NodeDetailsChanged{NodeDetailsChanged::Cause::kSaidSo, node.id, node.details});
}

void NodeCore::Impl::SetAddress(const NodeId& id, const Endpoint& bus, const Endpoint& client,
                                AddressChanged::Cause cause) {
  const KnownNode& known = *table_.Find(id);
  if (known.bus == bus && known.client == client) return;
  // The first full address of a peer is no change.
  const bool tell =
      id == table_.self_id() || (!known.client.host.empty() && known.client.port != 0);
  KnownNode& node = table_.Edit(id);
  node.bus = bus;
  node.client = client;
  if (tell) Emit(AddressChanged{cause, id, bus, client});
}

void NodeCore::Impl::ApplyRole(const Header& header) {
  const KnownNode& known = *table_.Find(header.sender);
  const bool shard_known = known.shard == header.shard;
  if (header.role == Role::kPrimary) {
    const bool promoted = known.role == Role::kReplica;
    // Epoch and claim are one fact: under a new epoch the old claim would be a lie.
    const bool claim_known =
        header.claim || header.claim_digest == table_.facts(header.sender).claim_digest;
    const bool newer = claim_known && header.config_epoch > known.config_epoch;
    if (shard_known && !promoted && !newer) return;
    KnownNode& node = table_.Edit(header.sender, /*config=*/true);
    node.shard = header.shard;
    node.role = Role::kPrimary;
    node.primary.reset();
    if (newer) node.config_epoch = header.config_epoch;
    RequestSave(/*sync=*/newer);
    if (promoted) {
      Emit(RoleChanged{RoleChanged::Cause::kElected, node.id, Role::kPrimary, std::nullopt, false,
                       node.config_epoch});
    }
    return;
  }
  if (shard_known && known.role == Role::kReplica && known.primary == header.primary) return;
  const bool was_primary = known.role == Role::kPrimary;
  const bool shard_changed = !shard_known && !known.shard.IsZero();
  if (was_primary) PrimaryBecameReplica(header);
  const ShardId left = known.shard;
  KnownNode& node = table_.Edit(header.sender, /*config=*/true);
  node.shard = header.shard;
  node.role = Role::kReplica;
  node.primary = header.primary;
  node.config_epoch = Epoch{};
  RequestSave(/*sync=*/false);
  Emit(RoleChanged{RoleChanged::Cause::kReplaced, node.id, Role::kReplica, node.primary,
                   shard_changed, header.config_epoch});
  if (shard_changed) OnLeftShard(header.sender, left);
}

// What our primary says of itself is true of us, too.
void NodeCore::Impl::FollowPrimary(const Header& header) {
  if (!header.data_missing) coordinator_.ForgetStandRequest();
  if (header.role == Role::kPrimary) {
    if (header.shard.IsZero() || header.shard == self().shard) return;
    table_.Edit(table_.self_id(), /*config=*/true).shard = header.shard;
    RequestSave(/*sync=*/false);
    announce_ = true;
    return;
  }
  // Never replicate a replica: follow our primary to its own.
  if (!header.primary || *header.primary == table_.self_id()) return;
  const KnownNode* next = table_.Find(*header.primary);
  if (next != nullptr && next->role == Role::kPrimary) {
    BecomeReplica(next->id, RoleChanged::Cause::kPrimaryReplaced);
  }
}

// The sender says that it has a primary now. Whatever it still owns here probably went there, if
// that is its shard's next primary; otherwise nobody owns it until somebody claims it. It is the
// heir who says what it took: until then we neither defend these slots against anybody's claim nor
// tell others of them, for they may have gone elsewhere before.
void NodeCore::Impl::PrimaryBecameReplica(const Header& header) {
  if (table_.slots().CountOf(header.sender) == 0) return;
  const KnownNode* heir = header.primary ? table_.Find(*header.primary) : nullptr;
  const bool same_shard = heir != nullptr && SameShard(heir->shard, header.shard);
  const bool mine = heir != nullptr && heir->id == table_.self_id();  // We know what we own.
  if (same_shard && !mine && header.config_epoch >= table_.ConfigEpochOf(header.sender)) {
    KnownNode& node = table_.Edit(heir->id, /*config=*/true);
    node.role = Role::kPrimary;
    node.primary.reset();
    node.config_epoch = std::max(node.config_epoch, header.config_epoch);
    SlotMap& slots = table_.EditSlots();
    slots.Disclaim(slots.MoveAll(header.sender, heir->id));
    RequestSave(/*sync=*/true);
    if (self().primary == header.sender) {
      BecomeReplica(heir->id, RoleChanged::Cause::kPrimaryReplaced);
    }
  } else {
    table_.EditSlots().Release(header.sender);
    RequestSave(/*sync=*/false);
  }
}

void NodeCore::Impl::ApplyHeartbeatClaim(const Header& header) {
  PeerFacts& facts = table_.facts(header.sender);
  if (header.claim) {
    facts.claim = *header.claim;
    facts.claim_digest = header.claim->Digest();
    facts.settled_generation = 0;
  } else if (header.claim_digest != facts.claim_digest) {
    if (header.claim_digest != 0) return;  // Our next heartbeat shows what we hold; it will tell.
    facts.claim = SlotSet{};
    facts.claim_digest = 0;
    facts.settled_generation = 0;
  }
  // A digest that matches is the claim repeated. Only if nothing has changed since it was last
  // applied is there nothing to do but to repeat the answer.
  const bool settled =
      facts.settled_generation == table_.generation() && facts.settled_epoch == header.config_epoch;
  if (!settled) {
    const SlotClaim claim{header.sender, header.config_epoch, facts.claim.value_or(SlotSet{})};
    ApplyClaim(claim);
    PeerFacts& after = table_.facts(header.sender);
    after.newer_owner = table_.slots().NewerOwner(
        claim, [this](const NodeId& id) { return table_.ConfigEpochOf(id); });
    after.settled_generation = table_.generation();
    after.settled_epoch = header.config_epoch;
  }
  if (const auto& newer = table_.facts(header.sender).newer_owner) {
    SendUpdate(header.sender, *newer);
  }
}

void NodeCore::Impl::ApplyClaim(const SlotClaim& claim) {
  if (claim.owner == table_.self_id() || table_.slots().HoldsExactly(claim.owner, claim.slots)) {
    return;
  }
  const std::optional<NodeId> head = ShardHead();
  SlotMap slots = table_.slots();
  std::vector<SlotRebind> changes =
      slots.ApplyClaim(claim, [this](const NodeId& id) { return table_.ConfigEpochOf(id); });
  if (tracing_) {
    Trace(ClaimJudged{claim.owner, claim.config_epoch, claim.slots.Count(),
                      table_.slots().CountOf(claim.owner), changes});
  }
  if (changes.empty()) {
    if (!(slots.unclaimed() == table_.slots().unclaimed())) table_.EditSlots() = std::move(slots);
    return;
  }
  table_.EditSlots() = std::move(slots);
  RequestSave(/*sync=*/true);
  SlotSet lost_own;
  bool head_lost = false;
  for (const SlotRebind& change : changes) {
    if (change.from == table_.self_id()) lost_own.Add(change.slot);
    head_lost = head_lost || (head && change.from == head);
  }
  if (!lost_own.Empty()) LoseSlots(lost_own);
  Emit(SlotsRebound{std::move(changes)});
  if (!head_lost || table_.slots().CountOf(*head) > 0) return;
  // The node that took the last slot of our shard leads it now. Spec: "Hash slots configuration
  // propagation", and "Replica migration" for another shard's.
  // Differs from Redis: whoever leads our own shard goes before a stranger, in whatever order we
  // hear of them.
  const NodeView* own_head = View().PrimaryOf(self().shard);
  const NodeId next = own_head != nullptr ? own_head->id : claim.owner;
  const bool same_shard = SameShard(table_.Find(next)->shard, self().shard);
  if (!same_shard && !options_.allow_replica_migration) return;
  BecomeReplica(next,
                IsPrimary() ? RoleChanged::Cause::kReplaced : RoleChanged::Cause::kPrimaryReplaced);
}

void NodeCore::Impl::OnUpdate(const SlotUpdate& update) {
  if (update.owner == table_.self_id()) return;
  const KnownNode* known = table_.Find(update.owner);
  if (known == nullptr || update.config_epoch < known->config_epoch) return;
  AdoptEpoch(update.config_epoch);
  if (update.config_epoch > known->config_epoch || known->role != Role::kPrimary) {
    KnownNode& node = table_.Edit(update.owner, /*config=*/true);
    node.role = Role::kPrimary;
    node.primary.reset();
    node.config_epoch = update.config_epoch;
    if (!update.shard.IsZero()) node.shard = update.shard;
    RequestSave(/*sync=*/true);
  }
  // A third node's word can bind slots, but only the owner's own word makes or unmakes one
  // unclaimed.
  SlotClaim claim{update.owner, update.config_epoch, update.slots};
  SlotSet held = table_.slots().SlotsOf(update.owner);
  held.Remove(table_.slots().unclaimed());
  claim.slots.Add(held);
  ApplyClaim(claim);
}

void NodeCore::Impl::SendUpdate(const NodeId& to, const NodeId& owner) {
  const KnownNode* node = table_.Find(owner);
  if (node == nullptr || to == owner) return;
  SlotUpdate update;
  update.owner = owner;
  update.shard = node->shard;
  update.config_epoch = node->config_epoch;
  update.slots = table_.slots().SlotsOf(owner);
  update.slots.Remove(table_.slots().unclaimed());
  // About ourselves it must be durable first. About others it goes ahead of any answer, so that
  // a stale primary knows better before it can count the answer towards its lease.
  SendTo(to, std::move(update), owner == table_.self_id() ? Path::kDurable : Path::kPrompt);
}

// A replica that follows a primary which was replaced would never hear of it from that primary.
void NodeCore::Impl::TellStaleReplica(const Header& header) {
  if (!header.primary || header.shard.IsZero()) return;
  const NodeView* head = View().PrimaryOf(header.shard);
  if (head == nullptr || head->id == *header.primary || head->id == header.sender) return;
  if (head->config_epoch > header.config_epoch) SendUpdate(header.sender, head->id);
}

// Of two primaries of one epoch.
bool NodeCore::Impl::MovesOn(const Header& other) const {
  if (!SameShard(other.shard, self().shard)) return table_.self_id() < other.sender;
  // Old and new primary of one shard: the id must not decide whose data survives. The one that
  // began the later history moves on; the slots follow it.
  const auto order = replication_.progress.history <=> other.progress.history;
  return order > 0 || (order == 0 && table_.self_id() < other.sender);
}

// Spec: "Resolving config epoch conflicts".
void NodeCore::Impl::ResolveCollision(const Header& header) {
  if (!IsPrimary() || header.config_epoch != self().config_epoch) return;
  const bool we_move_on = MovesOn(header);
  if (tracing_) {
    Trace(CollisionJudged{header.sender, header.config_epoch, SameShard(header.shard, self().shard),
                          we_move_on});
  }
  if (!we_move_on) return;
  // Several nodes may collide on one epoch at once: each takes one of its own.
  uint64_t spread = 0;
  for (const NodeId& id : table_.Peers()) {
    const KnownNode& node = *table_.Find(id);
    if (node.role == Role::kPrimary && node.config_epoch == header.config_epoch &&
        id < table_.self_id()) {
      ++spread;
    }
  }
  SetOwnEpoch({current_epoch_.value + 1 + spread}, ConfigEpochChanged::Cause::kCollision,
              header.sender);
}

void NodeCore::Impl::SetOwnEpoch(Epoch epoch, ConfigEpochChanged::Cause cause,
                                 std::optional<NodeId> other) {
  const Epoch from = self().config_epoch;
  AdoptEpoch(epoch);
  table_.Edit(table_.self_id(), /*config=*/true).config_epoch = epoch;
  RequestSave(/*sync=*/true);
  announce_ = true;
  Emit(ConfigEpochChanged{cause, from, epoch, other});
}

Epoch NodeCore::Impl::GreatestEpoch() const {
  Epoch greatest = current_epoch_;
  for (const NodeId& id : table_.Ids()) greatest = std::max(greatest, table_.ConfigEpochOf(id));
  return greatest;
}

// Differs from Redis: equal to the maximum is not enough, another node may be so too.
bool NodeCore::Impl::OwnEpochIsUniqueMaximum() const {
  const Epoch mine = self().config_epoch;
  if (mine.value == 0 || mine != GreatestEpoch()) return false;
  const std::vector<NodeId> peers = table_.Peers();
  return std::none_of(peers.begin(), peers.end(), [&](const NodeId& id) {
    return table_.Find(id)->role == Role::kPrimary && table_.ConfigEpochOf(id) == mine;
  });
}

void NodeCore::Impl::BecomeReplica(const NodeId& primary, RoleChanged::Cause cause) {
  const KnownNode& leader = *table_.Find(primary);
  const ShardId shard = leader.shard.IsZero() ? self().shard : leader.shard;
  // Of a leader whose shard we do not know yet nothing says that our data is of its kind.
  const bool shard_changed = leader.shard.IsZero() || shard != self().shard;
  KnownNode& me = table_.Edit(table_.self_id(), /*config=*/true);
  me.role = Role::kReplica;
  me.primary = primary;
  me.shard = shard;
  serving_.Revoke();
  extras_changed_ = true;
  data_present_.reset();
  DropOpenSlots(SlotMigrationChanged::Cause::kDemoted);
  progress_final_ = false;
  replication_.link_up = false;
  if (shard_changed) replication_.progress = Progress{};
  coordinator_.OnOwnStatus(replication_, now_);
  RequestSave(/*sync=*/true);
  announce_ = true;
  Emit(RoleChanged{cause, table_.self_id(), Role::kReplica, primary, shard_changed,
                   table_.ConfigEpochOf(primary)});
}

}  // namespace clusterkit
