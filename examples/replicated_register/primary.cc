// What a host does as a primary: executes writes, feeds replicas, acknowledges.

#include <algorithm>
#include <utility>
#include <variant>

#include "clusterkit/routing.h"
#include "replicated_register/host.h"

namespace replicated_register {

using clusterkit::ClusterView;
using clusterkit::LinkId;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;
using clusterkit::SlotId;

void Host::Lead(const ClusterView& view) {
  Copy& copy = disk_.copy;
  if (!disk_.present || copy.generation == 0) {
    // That the node may serve all the same means that nobody else has the data.
    if (view.data_missing() || around_.now() >= view.serve_until()) return;
    const bool lost = !std::exchange(disk_.present, true);
    copy = Copy();
    copy.generation = around_.random() | 1;
    copy.history = lost ? view.self().config_epoch : clusterkit::Epoch();
    copy.holders[view.self().id] = 0;
  }
  disk_.own = true;
  DropHoldersThatLeft(view);
  DropSilentFollowers();
  Publish();
  Acknowledge();
  SendSlots();
}

clusterkit::RouteDecision Host::Belongs(SlotId slot, bool asking) const {
  clusterkit::RouteQuery query;
  query.slots = {&slot, 1};
  query.write = true;
  query.asking = asking;
  query.keys.some_present = disk_.copy.values.contains(slot) || Leaving(slot);
  query.keys.some_missing = !query.keys.some_present;
  return clusterkit::Route(*View(), query, around_.now());
}

void Host::On(LinkId client, const Write& write) {
  const clusterkit::RouteDecision decision = Belongs(write.slot, write.asking);
  Copy& copy = disk_.copy;
  const bool served = std::holds_alternative<clusterkit::Serve>(decision) && disk_.own &&
                      obeys_pause_ == 0 && !Leaving(write.slot) && !KeptStill(write.slot);
  const auto found = copy.values.find(write.slot);
  const uint64_t former = found == copy.values.end() ? 0 : found->second;
  // Or it was overtaken by a later write of the same client, on another link.
  if (!served || write.value <= former) {
    Refused refused{write.slot, {}, false};
    if (const auto* moved = std::get_if<clusterkit::Moved>(&decision)) refused.owner = moved->to;
    if (const auto* ask = std::get_if<clusterkit::Ask>(&decision)) {
      refused.owner = ask->to;
      refused.ask = true;
    }
    transport_->Send(client, Encode(refused));
    return;
  }
  copy.values[write.slot] = write.value;
  Changed();
  waiting_.push_back({client, {write.slot, write.value, former}, copy.offset, write.asking});
  Publish();
  Acknowledge();
}

// A write may be answered when whoever could be elected has it, and if nobody was elected yet. That
// is asked anew: between a request and its answer lies a round trip, and perhaps a SIGSTOP.
void Host::Acknowledge() {
  ConfirmArrivals();
  while (!waiting_.empty()) {
    const Waiting& next = waiting_.front();
    if (options_.synchronous && !Confirmed(next.offset, UINT64_MAX)) return;
    const bool served =
        std::holds_alternative<clusterkit::Serve>(Belongs(next.answer.slot, next.asking));
    if (served || options_.mistake == Mistake::kAckLate) {
      watcher_.acknowledged(next.answer);
      transport_->Send(next.client, Encode(next.answer));
    }
    waiting_.pop_front();
  }
}

bool Host::Confirmed(uint64_t offset, uint64_t since) const {
  const auto& holders = disk_.copy.holders;
  return std::all_of(holders.begin(), holders.end(), [&](const auto& holder) {
    if (holder.second >= since || holder.first == disk_.owner) return true;
    const auto confirmed = confirmed_.find(holder.first);
    return confirmed != confirmed_.end() && confirmed->second >= offset;
  });
}

void Host::On(LinkId link, const Follow& follow) {
  const auto view = View();
  const NodeView* replica = view->Find(follow.replica);
  const bool ours =
      replica != nullptr && replica->role == Role::kReplica && replica->shard == view->self().shard;
  // Without data we would wipe the replica's.
  if (view->self().role != Role::kPrimary || !ours || !disk_.own || view->data_missing()) {
    transport_->Close(link);
    return;
  }
  followers_[link] = {follow.replica};
  if (disk_.copy.holders.try_emplace(follow.replica, disk_.copy.offset + 1).second) Changed();
  Publish();
}

// A new holder gets its copy when all who held one before know of it: should one of them be
// elected, it must not acknowledge without it.
void Host::Publish() {
  disk_.copy.epoch = View()->self().config_epoch;
  const std::string copy = Encode(disk_.copy);
  for (auto& [link, follower] : followers_) {
    const auto holder = disk_.copy.holders.find(follower.replica);
    if (holder == disk_.copy.holders.end()) continue;
    const uint64_t since = holder->second;
    if (!options_.synchronous || Confirmed(since, since)) {
      transport_->Send(link, copy);
    } else {
      follower.unanswered = 0;  // There is nothing that it could answer.
    }
  }
}

void Host::On(LinkId link, const Confirm& confirm) {
  const auto follower = followers_.find(link);
  const Copy& copy = disk_.copy;
  if (follower == followers_.end() || confirm.generation != copy.generation ||
      confirm.history != copy.history) {
    return;
  }
  follower->second.unanswered = 0;
  uint64_t& offset = confirmed_[follower->second.replica];
  offset = std::max(offset, confirm.offset);
  Acknowledge();
}

void Host::DropHoldersThatLeft(const ClusterView& view) {
  const size_t dropped = std::erase_if(disk_.copy.holders, [&](const auto& holder) {
    const NodeView* node = view.Find(holder.first);
    if (node == &view.self()) return false;
    // Who is a primary has nothing that anybody calls a copy.
    return node == nullptr || node->shard != view.self().shard ||
           (node->role == Role::kPrimary && node->linked &&
            node->health == clusterkit::Health::kOnline);
  });
  if (dropped > 0) Changed();
}

// What waits in a link that was cut may wait for long after the cut; on a new link nothing does.
void Host::DropSilentFollowers() {
  constexpr int kMostUnanswered = 10;
  for (auto& [link, follower] : followers_) ++follower.unanswered;
  std::erase_if(followers_, [&](const auto& follower) {
    if (follower.second.unanswered <= kMostUnanswered) return false;
    transport_->Close(follower.first);
    return true;
  });
}

// Slots that another shard took over: if they ever come back, then without what was here.
void Host::DropSlots(const clusterkit::SlotsRebound& rebound) {
  const NodeId& self = View()->self().id;
  if (View()->self().role != Role::kPrimary) return;
  size_t dropped = 0;
  for (const clusterkit::SlotRebind& change : rebound.changes) {
    if (change.to == self || View()->open_slots().Find(change.slot) != nullptr) continue;
    dropped += disk_.copy.values.erase(change.slot);
  }
  if (dropped > 0) Changed();
}

}  // namespace replicated_register
