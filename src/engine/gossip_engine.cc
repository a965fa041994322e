#include "clusterkit/gossip_engine.h"

#include <algorithm>

namespace clusterkit {
namespace {

constexpr absl::Duration kRandomPingEvery = absl::Seconds(1);
constexpr int kRandomPingSample = 5;
constexpr size_t kMinGossip = 3;

bool Reachable(const NodeView& node) { return !node.bus.host.empty() && node.bus.port != 0; }

}  // namespace

const GossipEngine::Roster::Entry* GossipEngine::Roster::Find(const NodeId& id) const {
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  return at != ids.end() && *at == id ? &entries[static_cast<size_t>(at - ids.begin())] : nullptr;
}

std::vector<GossipEngine::Peer>::iterator GossipEngine::Position(const NodeId& id) {
  return std::lower_bound(peers_.begin(), peers_.end(), id,
                          [](const Peer& peer, const NodeId& key) { return peer.id < key; });
}

GossipEngine::Peer* GossipEngine::Find(const NodeId& id) {
  const auto at = Position(id);
  return at != peers_.end() && at->id == id ? &*at : nullptr;
}

const GossipEngine::Roster& GossipEngine::RosterOf(const ClusterView& view) {
  // Views share the nodes that did not change. The roster keeps its nodes alive, so an
  // equal pointer is the same node.
  if (roster_.self == &view.self() && roster_.nodes == view.nodes()) return roster_;
  roster_ = {view.nodes(), &view.self(), {}, {}, {}, {}};
  for (const auto& node : view.nodes()) {
    const Roster::Entry entry{node.get(), Find(node->id)};
    roster_.ids.push_back(node->id);
    roster_.entries.push_back(entry);
    if (node.get() == roster_.self || !Reachable(*node)) continue;
    if (node->health == Health::kPfail) {
      roster_.suspects.push_back(entry);
    } else if (node->linked || node->slot_count > 0) {
      roster_.well.push_back(entry);
    }
  }
  return roster_;
}

void GossipEngine::Track(const NodeId& peer, Instant now) {
  const auto at = Position(peer);
  if (at != peers_.end() && at->id == peer) return;
  roster_ = {};
  // As if it had answered long ago: it is pinged as soon as its link is up.
  const Instant long_ago = now - options_->node_timeout;
  peers_.insert(at, {peer, long_ago, long_ago, std::nullopt});
}

void GossipEngine::Untrack(const NodeId& peer) {
  roster_ = {};
  std::erase_if(peers_, [&](const Peer& other) { return other.id == peer; });
}

void GossipEngine::OnPingSent(const NodeId& peer, Instant now) {
  if (Peer* found = Find(peer)) found->pinged = now;
}

void GossipEngine::OnPong(const NodeId& peer, Instant now) {
  if (Peer* found = Find(peer)) *found = {peer, now, now, std::nullopt};
}

void GossipEngine::OnLinkDown(const NodeId& peer) {
  if (Peer* found = Find(peer)) found->pinged.reset();
}

std::vector<NodeId> GossipEngine::PickPingTargets(const ClusterView& view, Instant now, Rng& rng) {
  std::vector<const Peer*> idle;
  std::vector<NodeId> targets;
  const bool self_votes = view.IsVoter(view.self().id);
  const bool draw = now >= next_random_ping_;
  const Instant due = now - options_->PingInterval();
  for (const Peer& peer : peers_) {
    if (!draw && peer.answered_us > due) continue;  // The usual case; an answer to us does for all.
    const NodeView* node = view.Find(peer.id);
    if (node == nullptr || !node->linked) continue;
    // A peer may pass over a ping, when its host is stalled; ask again.
    if (peer.pinged && *peer.pinged > due) continue;
    const bool need_own_answer = self_votes && view.IsVoter(peer.id);
    if ((need_own_answer ? peer.answered_us : peer.answered) <= due) {
      targets.push_back(peer.id);
    } else {
      idle.push_back(&peer);
    }
  }
  if (!draw) return targets;
  next_random_ping_ = now + kRandomPingEvery;
  const Peer* oldest = nullptr;
  for (int i = 0; i < kRandomPingSample && !idle.empty(); ++i) {
    const Peer* peer = idle[rng.Below(idle.size())];
    if (oldest == nullptr || peer->answered < oldest->answered) oldest = peer;
  }
  if (oldest != nullptr) targets.push_back(oldest->id);
  return targets;
}

std::vector<GossipEntry> GossipEngine::BuildGossip(const ClusterView& view, const NodeId& to,
                                                   Instant now, Rng& rng) {
  const Roster& roster = RosterOf(view);
  const Roster::Entry* receiver = roster.Find(to);
  const auto is_receiver = [&](const Roster::Entry& entry) {
    return receiver != nullptr && entry.node == receiver->node;
  };
  std::vector<Roster::Entry> chosen = roster.well;
  std::erase_if(chosen, is_receiver);
  const size_t wanted = std::min({std::max(kMinGossip, view.nodes().size() / 10), chosen.size(),
                                  options_->max_gossip_entries});
  // A partial Fisher-Yates shuffle: the first `wanted` are a uniform sample.
  for (size_t i = 0; i < wanted; ++i) {
    std::swap(chosen[i], chosen[i + rng.Below(chosen.size() - i)]);
  }
  chosen.resize(wanted);
  for (const Roster::Entry& suspect : roster.suspects) {
    if (chosen.size() >= options_->max_gossip_entries) break;
    if (!is_receiver(suspect)) chosen.push_back(suspect);
  }
  std::vector<GossipEntry> entries;
  entries.reserve(chosen.size());
  for (const auto& [node, peer] : chosen) {
    absl::Duration age = peer == nullptr ? absl::Hours(1) : now - peer->answered;
    age = absl::Trunc(std::clamp(age, absl::ZeroDuration(), absl::Hours(1)), absl::Milliseconds(1));
    entries.push_back(
        {node->id, node->bus, node->client, node->role, node->health, age, node->voting});
  }
  return entries;
}

GossipMerge GossipEngine::Merge(const ClusterView& view, const NodeId& from,
                                const std::vector<GossipEntry>& entries, Instant now) {
  GossipMerge merge;
  const Roster& roster = RosterOf(view);
  const bool from_voter = view.IsVoter(from);
  for (const GossipEntry& entry : entries) {
    if (entry.id == view.self().id || entry.id == from) continue;
    const Roster::Entry* known = roster.Find(entry.id);
    if (known == nullptr) {
      if (!entry.bus.host.empty() && entry.bus.port != 0) merge.unknown.push_back(entry);
      continue;
    }
    const auto [node, peer] = *known;
    const bool healthy = entry.health == Health::kOnline;
    if (from_voter) merge.reports.push_back({entry.id, !healthy});
    if (healthy && node->health != Health::kOnline && !entry.bus.host.empty() &&
        entry.bus != node->bus) {
      merge.moved.push_back(entry);
    }
    if (peer != nullptr && healthy && node->health == Health::kOnline && !peer->pinged) {
      peer->answered = std::max(peer->answered, now - entry.pong_age);
    }
  }
  return merge;
}

}  // namespace clusterkit
