// Slots on their way to another shard: what the node asks for with SlotTransferDue.
//
// A register goes to the target, which answers when all its copies have it; then it is erased here,
// and when all copies here know that, clients are sent to the target.

#include <map>
#include <utility>
#include <variant>

#include "clusterkit/routing.h"
#include "replicated_register/host.h"

namespace replicated_register {

using clusterkit::LinkId;
using clusterkit::NodeView;
using clusterkit::SlotId;
using clusterkit::SlotSet;

bool Host::Leaving(SlotId slot) const {
  const auto leaving = leaving_.find(slot);
  return leaving != leaving_.end() && options_.synchronous &&
         !Confirmed(leaving->second, UINT64_MAX);
}

// A register that is written all the time would never be the one that the target has. So it may be
// written for some turns, and then for as many may not.
bool Host::KeptStill(SlotId slot) const {
  constexpr int kTurns = 4;
  return outgoing_ && outgoing_->slots.contains(slot) && (outgoing_->turns / kTurns) % 2 == 1;
}

void Host::StopMoving() {
  if (outgoing_ && outgoing_->link) transport_->Close(*outgoing_->link);
  outgoing_.reset();
  leaving_.clear();
}

// Each turn, until it has shown effect: whatever was said may have been lost.
void Host::SendSlots() {
  if (!outgoing_ || !disk_.own) return;
  const NodeView* target = View()->Find(outgoing_->target);
  if (target == nullptr || target->client.host.empty()) return;
  if (!outgoing_->link) {
    outgoing_->link = LinkId{next_link_++};
    transport_->Dial(*outgoing_->link, target->client);
  }
  ++outgoing_->turns;
  std::map<uint64_t, SlotSet> transferred;
  for (const auto& [slot, transfer] : outgoing_->slots) {
    const auto found = disk_.copy.values.find(slot);
    if (found != disk_.copy.values.end()) {
      transport_->Send(*outgoing_->link, Encode(Bring{slot, found->second}));
    } else if (!Leaving(slot)) {
      transferred[transfer].Add(slot);
    }
  }
  for (const auto& [transfer, slots] : transferred) {
    slots.ForEach([&](SlotId slot) { outgoing_->slots.erase(slot); });
  }
  // What this brings about may change `outgoing_`.
  for (const auto& [transfer, slots] : transferred) {
    node().ReportSlotsTransferred(transfer, slots);
  }
}

// What was written here since goes there with the next turn.
void Host::On(LinkId link, const Brought& brought) {
  if (!outgoing_ || outgoing_->link != link || !outgoing_->slots.contains(brought.slot)) return;
  const auto found = disk_.copy.values.find(brought.slot);
  if (found == disk_.copy.values.end() || found->second != brought.value) return;
  disk_.copy.values.erase(found);
  Changed();
  leaving_[brought.slot] = disk_.copy.offset;
  Publish();
}

// --- The target ----------------------------------------------------------------------------------

void Host::On(LinkId link, const Bring& bring) {
  const bool expected = std::holds_alternative<clusterkit::Serve>(Belongs(bring.slot, true));
  if (!expected || !disk_.own) return;
  uint64_t& value = disk_.copy.values[bring.slot];
  if (bring.value > value) {
    value = bring.value;
    Changed();
  }
  // The source says it again with each turn; one answer will do.
  std::erase_if(arrivals_, [&](const Arrival& a) { return a.answer.slot == bring.slot; });
  arrivals_.push_back({link, {bring.slot, bring.value}, disk_.copy.offset});
  Publish();
  Acknowledge();
}

// As with writes: only who could not have been replaced meanwhile may say that it has something.
void Host::ConfirmArrivals() {
  while (!arrivals_.empty()) {
    const Arrival& next = arrivals_.front();
    if (options_.synchronous && !Confirmed(next.offset, UINT64_MAX)) return;
    if (std::holds_alternative<clusterkit::Serve>(Belongs(next.answer.slot, true))) {
      transport_->Send(next.link, Encode(next.answer));
    }
    arrivals_.pop_front();
  }
}

}  // namespace replicated_register
