#include "clusterkit/gossip_engine.h"

#include <algorithm>

namespace clusterkit {
namespace {

constexpr absl::Duration kRandomPingEvery = absl::Seconds(1);
constexpr int kRandomPingSample = 5;
constexpr size_t kMinGossip = 3;

bool Reachable(const NodeView& node) { return !node.bus.host.empty() && node.bus.port != 0; }

}  // namespace

void GossipEngine::Track(const NodeId& peer, Instant now) {
  // As if it had answered long ago: it is pinged as soon as its link is up.
  peers_.try_emplace(
      peer, Peer{now - options_->node_timeout, now - options_->node_timeout, std::nullopt});
}

void GossipEngine::Untrack(const NodeId& peer) { peers_.erase(peer); }

void GossipEngine::OnPingSent(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it != peers_.end()) it->second.pinged = now;
}

void GossipEngine::OnPong(const NodeId& peer, Instant now) {
  auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  it->second = {now, now, std::nullopt};
}

void GossipEngine::OnLinkDown(const NodeId& peer) {
  auto it = peers_.find(peer);
  if (it != peers_.end()) it->second.pinged.reset();
}

std::vector<NodeId> GossipEngine::PickPingTargets(const ClusterView& view, Instant now, Rng& rng) {
  std::vector<NodeId> idle;
  std::vector<NodeId> targets;
  const bool self_votes = view.IsVoter(view.self().id);
  for (const auto& [id, peer] : peers_) {
    const NodeView* node = view.Find(id);
    if (node == nullptr || !node->linked) continue;
    // A peer may pass over a ping, when its host is stalled; ask again.
    if (peer.pinged && now - *peer.pinged < options_->PingInterval()) continue;
    const bool need_own_answer = self_votes && view.IsVoter(id);
    const Instant answered = need_own_answer ? peer.answered_us : peer.answered;
    if (now - answered >= options_->PingInterval()) {
      targets.push_back(id);
    } else {
      idle.push_back(id);
    }
  }
  if (now < next_random_ping_) return targets;
  next_random_ping_ = now + kRandomPingEvery;
  const NodeId* oldest = nullptr;
  for (int i = 0; i < kRandomPingSample && !idle.empty(); ++i) {
    const NodeId& id = idle[rng.Below(idle.size())];
    if (oldest == nullptr || peers_[id].answered < peers_[*oldest].answered) oldest = &id;
  }
  if (oldest != nullptr) targets.push_back(*oldest);
  return targets;
}

std::vector<GossipEntry> GossipEngine::BuildGossip(const ClusterView& view, const NodeId& to,
                                                   Instant now, Rng& rng) const {
  std::vector<const NodeView*> pfail, others;
  for (const auto& node : view.nodes()) {
    if (node->id == to || node->id == view.self().id || !Reachable(*node)) continue;
    if (node->health == Health::kPfail) {
      pfail.push_back(node.get());
    } else if (node->linked || node->slot_count > 0) {
      others.push_back(node.get());
    }
  }
  const size_t wanted = std::min({std::max(kMinGossip, view.nodes().size() / 10), others.size(),
                                  options_->max_gossip_entries});
  // A partial Fisher-Yates shuffle: the first `wanted` are a uniform sample.
  for (size_t i = 0; i < wanted; ++i) {
    std::swap(others[i], others[i + rng.Below(others.size() - i)]);
  }
  others.resize(wanted);
  for (const NodeView* node : pfail) {
    if (others.size() >= options_->max_gossip_entries) break;
    others.push_back(node);
  }
  std::vector<GossipEntry> entries;
  entries.reserve(others.size());
  for (const NodeView* node : others) {
    auto it = peers_.find(node->id);
    absl::Duration age = it == peers_.end() ? absl::Hours(1) : now - it->second.answered;
    age = absl::Trunc(std::clamp(age, absl::ZeroDuration(), absl::Hours(1)), absl::Milliseconds(1));
    entries.push_back({node->id, node->bus, node->client, node->role, node->health, age});
  }
  return entries;
}

GossipMerge GossipEngine::Merge(const ClusterView& view, const NodeId& from,
                                const std::vector<GossipEntry>& entries, Instant now) {
  GossipMerge merge;
  const bool from_voter = view.IsVoter(from);
  for (const GossipEntry& entry : entries) {
    if (entry.id == view.self().id || entry.id == from) continue;
    const NodeView* node = view.Find(entry.id);
    if (node == nullptr) {
      if (!entry.bus.host.empty() && entry.bus.port != 0) merge.unknown.push_back(entry);
      continue;
    }
    const bool healthy = entry.health == Health::kOnline;
    if (from_voter) merge.reports.push_back({entry.id, !healthy});
    if (healthy && node->health != Health::kOnline && !entry.bus.host.empty() &&
        entry.bus != node->bus) {
      merge.moved.push_back(entry);
    }
    auto it = peers_.find(entry.id);
    if (it != peers_.end() && healthy && node->health == Health::kOnline && !it->second.pinged) {
      it->second.answered = std::max(it->second.answered, now - entry.pong_age);
    }
  }
  return merge;
}

}  // namespace clusterkit
