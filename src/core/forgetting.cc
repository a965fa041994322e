// Nodes that are to be forgotten: by command, and because a peer was told to.
//
// docs/rules.md ("Forgetting a node") says what keeps this from undoing itself.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

// In one heartbeat. Of more bans each heartbeat carries others.
constexpr size_t kMostForgotten = 64;

}  // namespace

absl::Status NodeCore::Impl::Forget(const NodeId& node, Instant now) {
  Begin(now);
  if (node == table_.self_id()) return absl::InvalidArgumentError("cannot forget myself");
  if (table_.Find(node) == nullptr) {
    if (!Banned(node)) return absl::NotFoundError(absl::StrCat("unknown node ", node.ToHex()));
    banned_[node] = {now_, now_ + options_.forget_ban};
    return absl::OkStatus();
  }
  if (self().primary == node) {
    return absl::FailedPreconditionError(absl::StrCat("node ", node.ToHex(), " is our primary"));
  }
  ForgetNode(node, {now_, now_ + options_.forget_ban}, std::nullopt);
  Settle();
  return absl::OkStatus();
}

bool NodeCore::Impl::Banned(const NodeId& node) const {
  const auto ban = banned_.find(node);
  return ban != banned_.end() && now_ < ban->second.until;
}

void NodeCore::Impl::ForgetNode(const NodeId& node, const Ban& ban, std::optional<NodeId> told_by) {
  if (banned_.size() < options_.max_nodes) banned_[node] = ban;
  // The last thing that it hears of us as a member.
  if (Link* link = links_.Any(node); link != nullptr && !serving_.HostStalled(now_)) {
    SendHeartbeat(*link, Heartbeat::Kind::kPong, 0, Path::kPrompt);
  }
  RemoveNode(node, told_by);
}

std::vector<ForgottenNode> NodeCore::Impl::ForgottenFor(const NodeId& peer) {
  std::vector<ForgottenNode> forgotten;
  for (const auto& [id, ban] : banned_) {
    // Down, so that what is passed on never outlives what it was told by.
    const absl::Duration remaining = absl::Trunc(ban.until - now_, absl::Seconds(1));
    if (remaining <= absl::ZeroDuration()) continue;
    forgotten.push_back({id, remaining, absl::Ceil(now_ - ban.since, absl::Milliseconds(1))});
  }
  if (forgotten.size() <= kMostForgotten) return forgotten;
  const auto start = static_cast<ptrdiff_t>(rng_.Below(forgotten.size()));
  std::rotate(forgotten.begin(), forgotten.begin() + start, forgotten.end());
  const auto receiver = std::find_if(forgotten.begin(), forgotten.end(),
                                     [&](const ForgottenNode& node) { return node.id == peer; });
  if (receiver != forgotten.end()) std::iter_swap(forgotten.begin(), receiver);
  forgotten.resize(kMostForgotten);
  return forgotten;
}

void NodeCore::Impl::ApplyForgotten(const NodeId& from,
                                    const std::vector<ForgottenNode>& forgotten) {
  bool forgets_us = false;
  for (const ForgottenNode& node : forgotten) {
    if (node.id == table_.self_id()) {
      forgets_us = true;
      if (forgotten_by_.insert(from).second) Emit(ForgottenByPeer{from, node.remaining});
      continue;
    }
    if (node.id == from || self().primary == node.id || table_.Find(node.id) == nullptr) continue;
    const Ban ban{now_ - node.age, now_ + node.remaining};
    // Somebody introduced it here after that.
    const std::optional<Instant> met = table_.facts(node.id).met;
    if (met && ban.since <= *met) continue;
    ForgetNode(node.id, ban, from);
  }
  if (!forgets_us) forgotten_by_.erase(from);
}

}  // namespace clusterkit
