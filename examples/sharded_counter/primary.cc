// What a service does as a primary: counts, feeds replicas, acknowledges.

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/slot.h"
#include "sharded_counter/service.h"

namespace sharded_counter {

using clusterkit::ClusterView;
using clusterkit::LinkId;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;
using clusterkit::Serve;

namespace {

constexpr size_t kMostWaiting = 10000;
constexpr int kMostUnanswered = 10;

std::string Value(uint64_t value) { return absl::StrCat("VALUE ", value); }

std::string Refusal(const clusterkit::RouteDecision& decision) {
  if (const auto* moved = std::get_if<clusterkit::Moved>(&decision)) {
    return absl::StrCat("MOVED ", moved->to.host, " ", moved->to.port);
  }
  if (std::holds_alternative<clusterkit::ClusterDown>(decision)) {
    return "DOWN " + clusterkit::Describe(decision);
  }
  return "TRYAGAIN";
}

}  // namespace

// On becoming a primary, and in each tick.
void Service::Lead() {
  Leave();
  const auto view = node_->view();
  const NodeView& self = view->self();
  if (data_.kind == Data::Kind::kNothing) {
    // That the node may serve all the same means that nobody else has the data, either.
    if (view->data_missing() || ports_.now() >= view->serve_until()) return;
    data_.kind = Data::Kind::kOwn;
    if (lost_) data_.history = self.config_epoch;
    if (std::exchange(lost_, false)) node_->ReportDataPresent(true);
    Save();
  } else if (data_.kind == Data::Kind::kCopy) {
    // A copy of our predecessor's. Nobody else was elected in our epoch, so that it names the
    // changes to come.
    data_.kind = Data::Kind::kOwn;
    data_.history = self.config_epoch;
    data_.holders.erase(self.id);
    Save();
  }
  CheckFollowers();
  FeedFollowers();
  Acknowledge();
}

// --- Clients -------------------------------------------------------------------------------------

clusterkit::RouteDecision Service::Belongs(const std::string& key, bool write) const {
  const clusterkit::SlotId slot = clusterkit::SlotForKey(key);
  clusterkit::RouteQuery query;
  query.slots = {&slot, 1};
  query.write = write;
  return clusterkit::Route(*node_->view(), query, ports_.now());
}

std::string Service::Get(const std::string& key) {
  const clusterkit::RouteDecision decision = Belongs(key, false);
  if (!std::holds_alternative<Serve>(decision)) return Refusal(decision);
  const auto found = data_.counters.find(key);
  return Value(found == data_.counters.end() ? 0 : found->second);
}

std::string Service::Count(LinkId client, const std::string& key, bool sync) {
  const clusterkit::RouteDecision decision = Belongs(key, true);
  if (!std::holds_alternative<Serve>(decision)) return Refusal(decision);
  if (data_.kind != Data::Kind::kOwn || pause_ != 0 || waiting_.size() >= kMostWaiting) {
    return "TRYAGAIN";
  }
  if (data_.counters.size() >= kMostKeys && !data_.counters.contains(key)) return "ERROR full";
  Change(Increment{key});
  waiting_.push_back({client, key, data_.counters[key], data_.offset, sync});
  Acknowledge();
  return "";
}

// An increment may be acknowledged when enough have it, and if we were not replaced meanwhile. That
// is asked at the last moment: between a request and its answer lies a disk, perhaps a round trip,
// perhaps a SIGSTOP.
void Service::Acknowledge() {
  std::erase_if(waiting_, [this](const Waiting& waiting) {
    if (waiting.sync && !Confirmed(waiting.offset, UINT64_MAX)) return false;
    const bool may = clusterkit::MayAcknowledge(*node_->view(), ports_.now());
    if (!may && mistake_ != Mistake::kAckLate) {
      ports_.transport->Send(waiting.client, "UNKNOWN");
      return true;
    }
    if (ports_.acknowledging) ports_.acknowledging(waiting.key);
    ports_.transport->Send(waiting.client, Value(waiting.value));
    return true;
  });
}

// --- Replicas ------------------------------------------------------------------------------------

void Service::Change(const sharded_counter::Change& change) {
  data_.epoch = node_->view()->self().config_epoch;
  data_.Apply(change);
  Save();
  const std::string line = Format(NumberedChange{data_.epoch, data_.offset, change});
  for (const auto& [link, follower] : followers_) {
    if (follower.fed) ports_.transport->Send(link, line);
  }
}

// Everybody who holds a copy since before this offset has all changes up to the other one.
bool Service::Confirmed(uint64_t offset, uint64_t held_before) const {
  const auto has = [&](const auto& holder) {
    const auto confirmed = confirmed_.find(holder.first);
    return confirmed != confirmed_.end() && confirmed->second >= offset;
  };
  const auto& holders = data_.holders;
  if (mistake_ == Mistake::kAckEarly && held_before == UINT64_MAX) {
    return holders.empty() || std::any_of(holders.begin(), holders.end(), has);
  }
  return std::all_of(holders.begin(), holders.end(), [&](const auto& holder) {
    return holder.second >= held_before || has(holder);
  });
}

std::string Service::OnFollow(LinkId link, const std::string& id) {
  const auto view = node_->view();
  const absl::StatusOr<NodeId> node = NodeId::FromHex(id);
  const NodeView* replica = node.ok() ? view->Find(*node) : nullptr;
  const bool ours =
      replica != nullptr && replica->role == Role::kReplica && replica->shard == view->self().shard;
  // Without data we would wipe the replica's. It tries again.
  if (!ours || view->self().role != Role::kPrimary || data_.kind != Data::Kind::kOwn ||
      view->data_missing() || pause_ != 0) {
    return "TRYAGAIN";
  }
  for (const auto& [old, follower] : followers_) {
    if (follower.node == *node && old != link) ports_.transport->Close(old);
  }
  std::erase_if(followers_, [&](const auto& other) { return other.second.node == *node; });
  followers_[link] = {*node};
  confirmed_.erase(*node);
  if (!data_.holders.contains(*node)) Change(AddHolder{*node});
  FeedFollowers();
  return "";
}

// A new holder gets its copy when all who held one before know of it: should one of them be
// elected, it must not acknowledge anything without it.
void Service::FeedFollowers() {
  for (auto& [link, follower] : followers_) {
    const auto holder = data_.holders.find(follower.node);
    if (follower.fed || holder == data_.holders.end()) continue;
    if (!Confirmed(holder->second, holder->second)) continue;
    data_.epoch = node_->view()->self().config_epoch;
    ports_.transport->Send(link, Format(data_));
    follower.fed = true;
  }
}

std::string Service::OnHave(LinkId link, const std::string& offset) {
  const auto follower = followers_.find(link);
  uint64_t has = 0;
  if (follower == followers_.end() || !absl::SimpleAtoi(offset, &has) || has > data_.offset) {
    return "ERROR you have what is not here";
  }
  follower->second.unanswered = 0;
  uint64_t& confirmed = confirmed_[follower->second.node];
  confirmed = std::max(confirmed, has);
  FeedFollowers();
  Acknowledge();
  return "";
}

void Service::CheckFollowers() {
  const auto view = node_->view();
  // Who went to another shard has dropped its copy, and so has who is a primary again: what that
  // one has is its own. Who only does not answer may come back, and be elected.
  std::vector<NodeId> left;
  for (const auto& [id, since] : data_.holders) {
    const NodeView* node = view->Find(id);
    if (node == nullptr || node->shard != view->self().shard ||
        (node->role == Role::kPrimary && node->linked &&
         node->health == clusterkit::Health::kOnline)) {
      left.push_back(id);
    }
  }
  for (const NodeId& id : left) {
    if (pause_ == 0) Change(RemoveHolder{id});
  }
  for (auto& [link, follower] : followers_) {
    ++follower.unanswered;
    ports_.transport->Send(link, "ALIVE");
  }
  // What waits in a link that was cut may wait for long after the cut; on a new link nothing does.
  std::erase_if(followers_, [this](const auto& follower) {
    if (follower.second.unanswered <= kMostUnanswered) return false;
    ports_.transport->Close(follower.first);
    return true;
  });
}

}  // namespace sharded_counter
