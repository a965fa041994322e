// Moves that carry themselves out: the source opens a few slots at a time at both ends, lets its
// host send their keys, and has the target take them, until the plan is done.
//
// The plan is part of the open slots: saved, and known to the replicas, so that a restart or a
// promotion of either end goes on with it. Every step may be repeated, and is, until it shows
// effect.

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

using Step = SlotMoveStep::Step;

// Slots under way at a time. Enough to hide the round trips, few enough to leave little open when
// something breaks.
constexpr int kOpenAtATime = 16;

SlotSet Common(const SlotSet& a, const SlotSet& b) {
  SlotSet both = a, only_a = a;
  only_a.Remove(b);
  both.Remove(only_a);
  return both;
}

}  // namespace

absl::Status NodeCore::Impl::MoveSlots(const SlotSet& slots, const NodeId& to, Instant now) {
  Begin(now);
  if (!IsPrimary()) return absl::FailedPreconditionError("this node is a replica");
  if (to == table_.self_id()) return absl::InvalidArgumentError("the target is this node");
  const KnownNode* target = table_.Find(to);
  if (target == nullptr) return absl::NotFoundError(absl::StrCat("unknown node ", to.ToHex()));
  if (target->role != Role::kPrimary) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", to.ToHex(), " is a replica, not a primary"));
  }
  if (open_slots_->plan() && open_slots_->plan()->target != to) {
    return absl::FailedPreconditionError(
        absl::StrCat("a move to ", open_slots_->plan()->target.ToHex(), " is under way"));
  }
  absl::Status status;
  slots.ForEach([&](SlotId slot) {
    if (!status.ok()) return;
    const OpenSlots::Mark* mark = open_slots_->Find(slot);
    if (!table_.OwnSlots().Contains(slot)) {
      status = absl::FailedPreconditionError(
          absl::StrCat("slot ", slot.value, " is not owned by this node"));
    } else if (mark != nullptr && mark->peer != to) {
      status = absl::FailedPreconditionError(
          absl::StrCat("slot ", slot.value, " is on its way to ", mark->peer.ToHex()));
    }
  });
  if (!status.ok()) return status;
  EditOpenSlots([&](OpenSlots& open) {
    SlotMovePlan plan = open.plan().value_or(SlotMovePlan{to, {}});
    plan.slots.Add(slots);
    open.SetPlan(std::move(plan));
  });
  if (move_) move_->cancelled = false;
  Settle();
  return absl::OkStatus();
}

absl::Status NodeCore::Impl::CancelMove(Instant now) {
  Begin(now);
  if (!open_slots_->plan()) return absl::FailedPreconditionError("no move is under way");
  const NodeId target = open_slots_->plan()->target;
  // What the target was told of, but nothing was sent for, it need not expect.
  const SlotSet open = open_slots_->SlotsWith({SlotMigration::kExporting, target});
  if (move_) {
    SlotSet unsent = move_->asked;
    unsent.Remove(open);
    DropAtTarget(target, unsent);
  }
  EditOpenSlots([&](OpenSlots& open_slots) {
    SlotMovePlan plan = *open_slots.plan();
    plan.slots = Common(plan.slots, open);
    open_slots.SetPlan(std::move(plan));
  });
  if (!move_) move_.emplace();
  move_->cancelled = true;
  Settle();
  return absl::OkStatus();
}

void NodeCore::Impl::ReportSlotsTransferred(uint64_t number, const SlotSet& slots, Instant now) {
  Begin(now);
  if (!move_) return;
  const auto due = move_->due.find(number);
  if (due == move_->due.end()) return;
  const SlotSet done = Common(slots, due->second);
  due->second.Remove(done);
  if (due->second.Empty()) move_->due.erase(due);
  move_->sent.Add(done);
  move_->ask_again = now_;
  Settle();
}

// By command: the slots stay here. Of those that the target may have taken that is not ours to say.
absl::Status NodeCore::Impl::EndMoveOf(const SlotSet& slots) {
  if (!open_slots_->plan()) return absl::OkStatus();
  if (move_ && move_->sent.Intersects(slots)) {
    return absl::FailedPreconditionError(
        absl::StrCat("slot ", Common(move_->sent, slots).Ranges().front().first.value,
                     " is being taken by ", open_slots_->plan()->target.ToHex()));
  }
  SlotMovePlan plan = *open_slots_->plan();
  const SlotSet ended = Common(plan.slots, slots);
  if (ended.Empty()) return absl::OkStatus();
  DropAtTarget(plan.target, ended);
  plan.slots.Remove(ended);
  if (!move_) move_.emplace();
  move_->cancelled = move_->cancelled || plan.slots.Empty();
  move_->Keep(plan.slots);
  EditOpenSlots([&](OpenSlots& open) { open.SetPlan(std::move(plan)); });
  return absl::OkStatus();
}

// Who goes over to another shard takes its own part in the move with it, but not the slots: those
// were to go to the shard that it was of.
void NodeCore::Impl::OnLeftShard(const NodeId& peer, const ShardId& shard) {
  const SlotSet exporting = open_slots_->SlotsWith({SlotMigration::kExporting, peer});
  const bool target = open_slots_->plan() && open_slots_->plan()->target == peer;
  if (exporting.Empty() && !target) return;
  if (table_.OwnSlots().Empty()) return;  // All given away; AdvanceMove tells where they are.
  const NodeView* head = View().PrimaryOf(shard);
  if (head == nullptr || head->id == peer || head->id == table_.self_id()) {
    CloseMarks(exporting, SlotMigrationChanged::Cause::kPeerGone);
    if (target) EndMove(SlotMoveEnded::How::kTargetGone);
    return;
  }
  OpenMarks(exporting, {SlotMigration::kExporting, head->id},
            SlotMigrationChanged::Cause::kReplaced);
  if (target) RetargetMove(head->id);
}

// What was agreed was agreed with another node; what was sent its successor may lack.
void NodeCore::Impl::RetargetMove(const NodeId& target) {
  EditOpenSlots([&](OpenSlots& open) {
    SlotMovePlan plan = *open.plan();
    plan.target = target;
    open.SetPlan(std::move(plan));
  });
  Move anew;
  anew.ask_again = now_;
  anew.cancelled = move_ && move_->cancelled;
  move_ = std::move(anew);
}

// If it is lost, the target's mark stays until somebody else owns the slots, or for an operator.
void NodeCore::Impl::DropAtTarget(const NodeId& target, const SlotSet& slots) {
  if (slots.Empty()) return;
  if (move_) move_->asked.Remove(slots);
  if (table_.Find(target) != nullptr) {
    SendTo(target, SlotMoveStep{Step::kDrop, slots}, Path::kDurable);
  }
}

void NodeCore::Impl::Move::Keep(const SlotSet& slots) {
  asked = Common(asked, slots);
  sent = Common(sent, slots);
  for (auto& [number, part] : due) part = Common(part, slots);
  absl::erase_if(due, [](const auto& entry) { return entry.second.Empty(); });
}

SlotSet NodeCore::Impl::Move::UnderWay() const {
  SlotSet all = asked;
  all.Add(sent);
  for (const auto& [number, part] : due) all.Add(part);
  return all;
}

void NodeCore::Impl::EndMove(SlotMoveEnded::How how, std::string text) {
  const NodeId target = open_slots_->plan()->target;
  EditOpenSlots([](OpenSlots& open) { open.SetPlan(std::nullopt); });
  move_.reset();
  Emit(SlotMoveEnded{how, target, std::move(text)});
}

void NodeCore::Impl::AdvanceMove() {
  if (!open_slots_->plan()) return;
  if (!move_) {
    move_.emplace();
    move_->ask_again = now_;
  }
  SlotMovePlan plan = *open_slots_->plan();
  if (table_.Find(plan.target) == nullptr) return EndMove(SlotMoveEnded::How::kTargetGone);
  plan.target = SuccessorOf(plan.target);
  if (plan.target != open_slots_->plan()->target) RetargetMove(plan.target);
  const SlotSet left = Common(plan.slots, table_.OwnSlots());
  const int moved = plan.slots.Count() - left.Count();
  SlotSet lost = plan.slots;
  lost.Remove(left);
  bool all_arrived = true;
  lost.ForEach([&](SlotId slot) {
    const NodeId* owner = table_.slots().OwnerOf(slot);
    all_arrived = all_arrived && owner != nullptr && SuccessorOf(*owner) == plan.target;
  });
  plan.slots = left;
  move_->Keep(left);
  if (plan != *open_slots_->plan()) {
    EditOpenSlots([&](OpenSlots& open) { open.SetPlan(plan); });
  }
  if (moved > 0) Emit(SlotMoveProgress{plan.target, moved, left.Count()});
  if (!all_arrived) return EndMove(SlotMoveEnded::How::kLost);
  if (left.Empty()) {
    return EndMove(move_->cancelled ? SlotMoveEnded::How::kCancelled : SlotMoveEnded::How::kDone);
  }
  // Whoever gave its last slot away may be a replica already; with slots left we were replaced.
  if (!IsPrimary() || plan.target == table_.self_id()) return EndMove(SlotMoveEnded::How::kLost);
  OpenNext(plan);
  SendMoveSteps(plan.target);
}

// Marks that were here before the move, or before a restart, are agreed on anew.
void NodeCore::Impl::OpenNext(const SlotMovePlan& plan) {
  const SlotSet under_way = move_->UnderWay();
  int count = under_way.Count();
  bool asked = false;
  const auto ask = [&](SlotId slot) {
    if (under_way.Contains(slot) || move_->asked.Contains(slot)) return;
    move_->asked.Add(slot);
    ++count;
    asked = true;
  };
  const OpenSlots::Mark mark{SlotMigration::kExporting, plan.target};
  Common(plan.slots, open_slots_->SlotsWith(mark)).ForEach(ask);
  plan.slots.ForEach([&](SlotId slot) {
    if (count < kOpenAtATime) ask(slot);
  });
  if (asked) move_->ask_again = now_;
}

void NodeCore::Impl::SendMoveSteps(const NodeId& target) {
  if (now_ < move_->ask_again || !serving_.Confirmed(View(), now_)) return;
  move_->ask_again = now_ + options_.PingInterval();
  if (!move_->asked.Empty()) {
    SendTo(target, SlotMoveStep{Step::kOpen, move_->asked}, Path::kDurable);
  }
  if (!move_->sent.Empty()) {
    SendTo(target, SlotMoveStep{Step::kTake, move_->sent}, Path::kDurable);
  }
}

void NodeCore::Impl::OnSlotMoveAnswer(const Header& header, const SlotMoveAnswer& answer) {
  if (!move_ || !open_slots_->plan() || open_slots_->plan()->target != header.sender) return;
  if (answer.step == Step::kOpen) {
    const SlotSet agreed = Common(answer.slots, move_->asked);
    if (agreed.Empty() && !answer.refusal.empty() && header.role == Role::kPrimary) {
      return EndMove(SlotMoveEnded::How::kRefused, answer.refusal);
    }
    if (agreed.Empty()) return;
    move_->asked.Remove(agreed);
    const uint64_t number = ++last_transfer_;
    move_->due[number] = agreed;
    OpenMarks(agreed, {SlotMigration::kExporting, header.sender},
              SlotMigrationChanged::Cause::kMove);
    RequestSave(/*sync=*/true);  // Once keys are gone from here, the mark must not be lost.
    Emit(SlotTransferDue{number, agreed, header.sender});
  } else if (answer.step == Step::kTake) {
    // It has forgotten what it was to expect: begin anew with these.
    SlotSet forgotten = move_->sent;
    forgotten.Remove(answer.slots);
    move_->sent.Remove(forgotten);
    if (!forgotten.Empty()) move_->ask_again = now_;
  }
}

// --- The target's side -------------------------------------------------------------------------

void NodeCore::Impl::OnSlotMoveStep(Link& link, const Header& header, const SlotMoveStep& step) {
  SlotMoveAnswer answer{step.step, {}, {}};
  const OpenSlots::Mark mark{SlotMigration::kImporting, header.sender};
  if (!IsPrimary()) {
    answer.refusal = "the target is a replica";
  } else if (options_.voting == Voting::kWitness) {
    answer.refusal = "the target is a witness";
  } else if (step.step == Step::kDrop) {
    CloseMarks(Common(step.slots, open_slots_->SlotsWith(mark)),
               SlotMigrationChanged::Cause::kMove);
  } else if (step.step == Step::kOpen) {
    SlotSet fresh;
    step.slots.ForEach([&](SlotId slot) {
      const NodeId* owner = table_.slots().OwnerOf(slot);
      if (owner == nullptr || *owner != header.sender) return;
      answer.slots.Add(slot);
      const OpenSlots::Mark* known = open_slots_->Find(slot);
      if (known == nullptr || !(*known == mark)) fresh.Add(slot);
    });
    OpenMarks(fresh, mark, SlotMigrationChanged::Cause::kMove);
  } else {
    const SlotSet arrived = Common(step.slots, open_slots_->SlotsWith(mark));
    SlotSet taken = arrived;
    taken.Remove(table_.OwnSlots());
    if (!taken.Empty() && MayTakeSlots()) TakeSlots(taken);
    // What waits for our authority holds, too: it will be asked for again.
    answer.slots = Common(step.slots, table_.OwnSlots());
    answer.slots.Add(arrived);
  }
  RefreshFacts();
  SendBody(link, std::move(answer), Path::kDurable);
}

}  // namespace clusterkit
