// Slots between two shards: the marks that each end keeps, and what becomes of them when an end or
// the owner changes. Spec: "Cluster live reconfiguration".
//
// Differs from Redis 7.0: replicas know the marks of their primary and keep them when they are
// promoted, the other end follows such a promotion, and a mark that has lost its meaning is
// dropped.

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

using Cause = SlotMigrationChanged::Cause;

// NotFound, InvalidArgument (this node itself) or FailedPrecondition (a replica).
absl::Status CheckPeer(const NodeTable& table, const NodeId& peer) {
  if (peer == table.self_id()) {
    return absl::InvalidArgumentError("this node cannot be both ends of a migration");
  }
  const KnownNode* node = table.Find(peer);
  if (node == nullptr) return absl::NotFoundError(absl::StrCat("unknown node ", peer.ToHex()));
  if (node->role != Role::kPrimary) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", peer.ToHex(), " is a replica, not a primary"));
  }
  if (node->voting == Voting::kWitness) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", peer.ToHex(), " is a witness and cannot own slots"));
  }
  return absl::OkStatus();
}

absl::Status NotAPrimary() { return absl::FailedPreconditionError("this node is a replica"); }

// The lowest slot that is owned by this node although it should not be, or the other way round.
absl::Status CheckOwned(const NodeTable& table, const SlotSet& slots, bool owned) {
  absl::Status status;
  slots.ForEach([&](SlotId slot) {
    if (!status.ok() || table.OwnSlots().Contains(slot) == owned) return;
    status = absl::FailedPreconditionError(absl::StrCat(
        "slot ", slot.value, owned ? " is not owned by this node" : " is owned by this node"));
  });
  return status;
}

}  // namespace

absl::Status NodeCore::Impl::BeginExport(const SlotSet& slots, const NodeId& to, Instant now) {
  Begin(now);
  if (!IsPrimary()) return NotAPrimary();
  if (absl::Status status = CheckPeer(table_, to); !status.ok()) return status;
  if (absl::Status status = CheckOwned(table_, slots, true); !status.ok()) return status;
  OpenMarks(slots, {SlotMigration::kExporting, to}, Cause::kCommand);
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::BeginImport(const SlotSet& slots, const NodeId& from, Instant now) {
  Begin(now);
  if (!IsPrimary()) return NotAPrimary();
  if (absl::Status status = CheckMayOwnSlots(); !status.ok()) return status;
  if (absl::Status status = CheckPeer(table_, from); !status.ok()) return status;
  if (absl::Status status = CheckOwned(table_, slots, false); !status.ok()) return status;
  OpenMarks(slots, {SlotMigration::kImporting, from}, Cause::kCommand);
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::EndMigration(const SlotSet& slots, Instant now) {
  Begin(now);
  if (!IsPrimary()) return NotAPrimary();
  if (absl::Status status = EndMoveOf(slots); !status.ok()) return status;
  CloseMarks(slots, Cause::kCommand);
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::BindSlots(const SlotSet& slots, const NodeId& owner, Instant now) {
  Begin(now);
  if (!IsPrimary()) return NotAPrimary();
  if (owner != table_.self_id()) {
    if (absl::Status status = CheckPeer(table_, owner); !status.ok()) return status;
  }
  if (owner == table_.self_id()) {
    if (absl::Status status = CheckMayOwnSlots(); !status.ok()) return status;
    TakeSlots(slots);
  } else {
    GiveSlots(slots, owner);
  }
  Settle();
  return absl::OkStatus();
}

// Of our own slots we decide. For those of others this is a hint, and not one that contradicts what
// their owner says.
void NodeCore::Impl::GiveSlots(const SlotSet& slots, const NodeId& to) {
  const SlotMap& map = table_.slots();
  SlotSet given;
  SlotsRebound rebound;
  slots.ForEach([&](SlotId slot) {
    const NodeId* from = map.OwnerOf(slot);
    const bool ours = from != nullptr && *from == table_.self_id();
    if (from != nullptr && *from == to) return;
    if (from != nullptr && !ours && !map.unclaimed().Contains(slot) &&
        table_.ConfigEpochOf(*from) >= table_.ConfigEpochOf(to)) {
      return;
    }
    given.Add(slot);
    rebound.changes.push_back(
        {slot, from == nullptr ? std::nullopt : std::optional<NodeId>(*from), to});
  });
  if (given.Empty()) return;
  SlotSet others = given, own = given;
  others.Remove(table_.OwnSlots());
  own.Remove(others);
  table_.EditSlots().Bind(given, to);
  Emit(std::move(rebound));
  RequestSave(/*sync=*/false);
  if (own.Empty()) return;
  LoseSlots(own);
  SettleOpenSlots();
  if (table_.OwnSlots().Empty() && options_.allow_replica_migration) {
    BecomeReplica(to, RoleChanged::Cause::kReplaced);
  }
}

// Who ends with a slot that travels must own it under an epoch above that of the source. No
// election is needed for that: the source has given it away.
void NodeCore::Impl::TakeSlots(const SlotSet& slots) {
  SlotsRebound rebound;
  slots.ForEach([&](SlotId slot) {
    const NodeId* owner = table_.slots().OwnerOf(slot);
    if (owner != nullptr && *owner == table_.self_id()) return;
    rebound.changes.push_back(
        {slot, owner == nullptr ? std::nullopt : std::optional<NodeId>(*owner), table_.self_id()});
  });
  table_.EditSlots().Bind(slots, table_.self_id());
  if (!rebound.changes.empty()) Emit(std::move(rebound));
  announce_ = ask_voters_ = true;  // Their answers show that they have heard it.
  RequestSave(/*sync=*/true);
  if (OwnEpochIsUniqueMaximum()) return;
  SetOwnEpoch({GreatestEpoch().value + 1}, ConfigEpochChanged::Cause::kImport, std::nullopt);
}

// Views that show slots as ours which are no more must not be served from. Of slots that we
// exported there is nothing left to serve, and the others are not to wait until a new view is out.
void NodeCore::Impl::LoseSlots(const SlotSet& lost) {
  bool exported = true;
  lost.ForEach([&](SlotId slot) {
    const OpenSlots::Mark* mark = open_slots_->Find(slot);
    exported = exported && mark != nullptr && mark->direction == SlotMigration::kExporting;
  });
  if (!exported) serving_.Revoke();
  extras_changed_ = true;
  announce_ = true;
}

void NodeCore::Impl::EditOpenSlots(absl::FunctionRef<void(OpenSlots&)> edit) {
  auto next = std::make_shared<OpenSlots>(*open_slots_);
  edit(*next);
  if (*next == *open_slots_) return;
  open_slots_ = std::move(next);
  ++open_slots_version_;
  open_slots_settled_ = 0;
  extras_changed_ = true;
  tell_replicas_ = true;
  RequestSave(/*sync=*/false);
}

void NodeCore::Impl::OpenMarks(const SlotSet& slots, const OpenSlots::Mark& mark, Cause cause) {
  if (slots.Empty()) return;
  EditOpenSlots([&](OpenSlots& open) { open.Open(slots, mark); });
  Emit(SlotMigrationChanged{cause, slots, mark});
}

void NodeCore::Impl::CloseMarks(const SlotSet& slots, Cause cause) {
  SlotSet closed;
  for (const auto& [slot, mark] : open_slots_->marks()) {
    if (slots.Contains(slot)) closed.Add(slot);
  }
  if (closed.Empty()) return;
  arrived_.Remove(closed);
  EditOpenSlots([&](OpenSlots& open) { open.Close(closed); });
  Emit(SlotMigrationChanged{cause, closed, std::nullopt});
}

// A replica has no slots on their way; those of its primary are its primary's.
void NodeCore::Impl::DropOpenSlots(Cause cause) {
  abandoned_.clear();
  arrived_ = SlotSet{};
  CloseMarks(SlotSet::Of({SlotId{0}, SlotId{kSlotCount - 1}}), cause);
}

void NodeCore::Impl::AdoptOpenSlots(const OpenSlots& of_primary) {
  for (const OpenSlots::Group& group : of_primary.Groups()) {
    if (group.mark.peer == table_.self_id()) continue;
    OpenMarks(group.slots, group.mark, Cause::kPromoted);
  }
  EditOpenSlots([&](OpenSlots& open) { open.SetPlan(of_primary.plan()); });
}

NodeId NodeCore::Impl::SuccessorOf(const NodeId& peer) {
  const KnownNode& node = *table_.Find(peer);
  const bool leads = node.role == Role::kPrimary && table_.slots().CountOf(peer) > 0;
  if (leads || node.shard.IsZero()) return peer;
  const NodeView* head = View().PrimaryOf(node.shard);
  if (head != nullptr) return head->id;
  if (node.role == Role::kPrimary || !node.primary) return peer;
  const KnownNode* primary = table_.Find(*node.primary);
  const bool same =
      primary != nullptr && primary->role == Role::kPrimary && primary->shard == node.shard;
  return same ? *node.primary : peer;
}

void NodeCore::Impl::SettleOpenSlots() {
  if (open_slots_->Empty()) return;
  if (open_slots_settled_ == table_.generation() && abandoned_.empty() && arrived_.Empty()) {
    return;
  }
  open_slots_settled_ = table_.generation();  // Unless something changes below.
  SlotSet done, gone, abandoned, arrived;
  absl::btree_map<std::pair<SlotMigration, NodeId>, SlotSet> replaced;
  for (const auto& [slot, mark] : open_slots_->marks()) {
    const KnownNode* peer = table_.Find(mark.peer);
    if (peer == nullptr) {
      gone.Add(slot);
      continue;
    }
    const NodeId* owner = table_.slots().OwnerOf(slot);
    const bool importing = mark.direction == SlotMigration::kImporting;
    const bool mine = owner != nullptr && *owner == table_.self_id();
    const NodeId successor = SuccessorOf(mark.peer);
    const bool elsewhere =
        importing && owner != nullptr && *owner != mark.peer && *owner != successor;
    if (mine && importing) {
      arrived_.Add(slot);
      if (!StillClaimedBy(successor, slot)) arrived.Add(slot);
    } else if (mine == importing || elsewhere || successor == table_.self_id()) {
      done.Add(slot);
    } else if (successor != mark.peer) {
      replaced[{mark.direction, successor}].Add(slot);
    } else if (importing && owner != nullptr && table_.HasRenounced(*owner, slot)) {
      abandoned.Add(slot);
    }
  }
  if (!arrived.Empty() && MajorityKnowsOurClaim()) CloseMarks(arrived, Cause::kOwnerMoved);
  CloseMarks(gone, Cause::kPeerGone);
  CloseMarks(done, Cause::kOwnerMoved);
  for (const auto& [mark, slots] : replaced) {
    OpenMarks(slots, {mark.first, mark.second}, Cause::kReplaced);
  }
  TakeAbandoned(abandoned);
}

// A slot that has arrived may go back for a moment: its source, or the successor of that, may raise
// its own epoch without having heard of our claim. With the mark we then go on importing it, and
// nothing is lost. Once a majority of voters holds our claim nobody is elected who has not heard of
// it, and once the source has said in our hearing that it claims the slot no more, what it said
// before is not listened to.
bool NodeCore::Impl::MajorityKnowsOurClaim() {
  int knowing = 0;
  for (const NodeId& voter : View().voters()) {
    const bool knows =
        voter == table_.self_id() || table_.facts(voter).known_claim_digest == table_.OwnDigest();
    knowing += knows ? 1 : 0;
  }
  return knowing >= View().Quorum();
}

bool NodeCore::Impl::StillClaimedBy(const NodeId& peer, SlotId slot) const {
  const std::optional<SlotSet>& claim = table_.facts(peer).claim;
  return claim && claim->Contains(slot);
}

// Taking slots raises the epoch of all that we own. Who may have been replaced, or is about to be,
// would outbid its successor.
bool NodeCore::Impl::MayTakeSlots() {
  if (pause_ || departing_ || coordinator_.RoundOpen(self().shard, now_)) return false;
  if (table_.OwnSlots().Empty()) return serving_.reason() != DownReason::kMinority;
  return serving_.Confirmed(View(), now_);
}

// The owner says itself that it has given a slot away, and nobody says to have got it: it was to
// us, or to the primary that we replaced. Somebody else may have it all the same, so we wait for
// word from everybody who could.
void NodeCore::Impl::TakeAbandoned(const SlotSet& abandoned) {
  absl::erase_if(abandoned_, [&](const auto& entry) { return !abandoned.Contains(entry.first); });
  SlotSet due;
  abandoned.ForEach([&](SlotId slot) {
    const Instant since = abandoned_.try_emplace(slot, now_).first->second;
    const bool patient = now_ - since >= options_.node_timeout &&
                         HeardFromAllOwners(since + options_.node_timeout / 2);
    // It was ours already, and went back with a claim from before.
    if (arrived_.Contains(slot) || patient) due.Add(slot);
  });
  if (due.Empty() || !MayTakeSlots()) return;
  TakeSlots(due);
  absl::erase_if(abandoned_, [&](const auto& entry) { return due.Contains(entry.first); });
}

// Who has failed says nothing, but its successor will, if it can have one.
bool NodeCore::Impl::HeardFromAllOwners(Instant after) {
  for (const auto& node : View().nodes()) {
    if (node->id == table_.self_id() || table_.slots().CountOf(node->id) == 0) continue;
    const std::optional<Instant> heard = detector_.LastHeard(node->id);
    if (heard && *heard > after) continue;
    if (node->health != Health::kFail) return false;
    for (const auto& heir : View().nodes()) {
      if (heir->primary == node->id && heir->health == Health::kOnline) return false;
    }
  }
  return true;
}

// What only replicas of ours need to know does not wait for the next ping.
void NodeCore::Impl::TellReplicas() {
  tell_replicas_ = false;
  if (!IsPrimary()) return;
  for (const NodeId& peer : table_.Peers()) {
    if (table_.Find(peer)->primary != table_.self_id()) continue;
    if (Link* link = links_.Outbound(peer)) {
      SendHeartbeat(*link, Heartbeat::Kind::kPong, 0, Path::kDurable);
    }
  }
}

}  // namespace clusterkit
