// The network of a World, and its time.

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "core/formats.h"
#include "core/world.h"

namespace clusterkit::fuzz {

std::optional<size_t> World::At(const Endpoint& bus) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].options.bus == bus) return i;
  }
  return std::nullopt;
}

bool World::Cut(size_t from, size_t to) const {
  return (cuts_ >> (from * nodes_.size() + to) & 1) != 0;
}

std::optional<LinkId> World::LinkOf(size_t index, size_t link) const {
  const Node& node = nodes_[index];
  if (node.core == nullptr || node.links.empty()) return std::nullopt;
  return std::next(node.links.begin(), static_cast<std::ptrdiff_t>(link % node.links.size()))
      ->first;
}

std::optional<NodeId> World::PeerOf(size_t index, LinkId link) const {
  const auto found = nodes_[index].links.find(link);
  return found == nodes_[index].links.end() ? std::nullopt : found->second.said;
}

// --- Sending and closing -----------------------------------------------------------------------

void World::Send(Node& node, Outbound out) {
  const auto found = node.links.find(out.link);
  if (found == node.links.end() || !found->second.connected) return;
  Link& link = found->second;
  if (const auto* message = std::get_if<Message>(&out.frame)) {
    CLUSTERKIT_CHECK(message->header.sender == node.core->view().self().id);
    watch_.OnSent(*message, link.said);
  }
  if (setup_.formats) {
    absl::StatusOr<Frame> received = ThroughCodec(out.frame);
    CLUSTERKIT_CHECK(received.ok());
    out.frame = *std::move(received);
  }
  if (!link.peer) return;
  auto& there = nodes_[*link.peer].links;
  const auto end = there.find(link.peer_link);
  if (end != there.end()) end->second.inbox.push_back(std::move(out.frame));
}

void World::Leave(Node& node, LinkId id) {
  const auto found = node.links.find(id);
  if (found == node.links.end() || !found->second.peer) return;
  auto& there = nodes_[*found->second.peer].links;
  const auto end = there.find(found->second.peer_link);
  if (end != there.end()) end->second.reset = true;
}

void World::Break(size_t index, size_t which, LinkDownCause cause) {
  const std::optional<LinkId> id = LinkOf(index, which);
  if (!id) return;
  Node& node = nodes_[index];
  // Only a process that is gone refuses.
  if (cause == LinkDownCause::kRefused && trusted_) cause = LinkDownCause::kTimeout;
  Leave(node, *id);
  node.links.erase(*id);
  FeedTo(node, [&](NodeCore& core, Instant now) { core.OnLinkDown(*id, cause, now); });
}

// --- Arriving ------------------------------------------------------------------------------------

void World::ResolveDial(Node& node, LinkId id) {
  const size_t self = IndexOf(node);
  const std::optional<size_t> target = At(node.links[id].to);
  if (!target) {
    node.links[id].connected = true;
  } else if (Cut(self, *target) || Cut(*target, self)) {
    return;
  } else if (Node& peer = nodes_[*target]; peer.core == nullptr) {
    if (peer.machine_gone) return;
    node.links.erase(id);
    FeedTo(node,
           [&](NodeCore& core, Instant now) { core.OnLinkDown(id, LinkDownCause::kRefused, now); });
    return;
  } else {
    FeedTo(peer, [&](NodeCore& core, Instant now) {
      const LinkId there = core.OnAccept(node.options.bus.host, now);
      Link& link = peer.links[there];
      link.connected = true;
      link.peer = self;
      link.peer_link = id;
      node.links[id].connected = true;
      node.links[id].peer = *target;
      node.links[id].peer_link = there;
    });
  }
  if (node.links.contains(id)) {
    FeedTo(node, [&](NodeCore& core, Instant now) { core.OnLinkUp(id, now); });
  }
}

void World::Receive(Node& node, LinkId id, const Frame& frame) {
  if (const auto* hello = std::get_if<Hello>(&frame)) {
    std::optional<NodeId>& said = node.links[id].said;
    if (!said) said = hello->sender;
  }
  FeedTo(node, [&](NodeCore& core, Instant now) { core.OnFrame(id, frame, now); });
}

bool World::DeliverNext(Node& node, LinkId id) {
  Link& link = node.links.find(id)->second;
  if (!link.connected) {
    const size_t before = work_;
    ResolveDial(node, id);
    return work_ != before;
  }
  if (link.peer && Cut(*link.peer, IndexOf(node))) return false;
  if (!link.inbox.empty()) {
    const Frame frame = std::move(link.inbox.front());
    link.inbox.pop_front();
    Receive(node, id, frame);
    return true;
  }
  if (!link.reset) return false;
  node.links.erase(id);
  FeedTo(node,
         [&](NodeCore& core, Instant now) { core.OnLinkDown(id, LinkDownCause::kReset, now); });
  return true;
}

void World::Deliver(size_t index, size_t link) {
  if (const std::optional<LinkId> id = LinkOf(index, link)) DeliverNext(nodes_[index], *id);
}

void World::AcceptStranger(size_t index) {
  Node& node = nodes_[index];
  if (node.core == nullptr) return;
  FeedTo(node, [&](NodeCore& core, Instant now) {
    node.links[core.OnAccept("10.0.1.1", now)].connected = true;
  });
}

void World::Inject(size_t index, size_t which, const Frame& frame) {
  const std::optional<LinkId> id = LinkOf(index, which);
  if (!id) return;
  Node& node = nodes_[index];
  if (!node.links[*id].connected) return;
  const absl::StatusOr<Frame> received = setup_.formats ? ThroughCodec(frame) : frame;
  if (received.ok()) {
    Receive(node, *id, *received);
  } else {
    FeedTo(node,
           [&](NodeCore& core, Instant now) { core.OnBadFrame(*id, received.status(), now); });
  }
}

// --- Time ----------------------------------------------------------------------------------------

void World::Tick(size_t index) {
  Feed(index, [](NodeCore& core, Instant now) {
    core.OnTick(now);
    CLUSTERKIT_CHECK(core.NextDeadline() > now);
  });
}

bool World::Settle(Node& node) {
  const size_t before = work_;
  while (!node.slow_disk && !node.saves.empty()) Saved(IndexOf(node));
  std::vector<LinkId> ids;
  for (const auto& [id, link] : node.links) ids.push_back(id);
  for (const LinkId id : ids) {
    while (node.links.contains(id) && DeliverNext(node, id)) {
    }
  }
  return work_ != before;
}

void World::Run(absl::Duration time, absl::Duration step) {
  // Liars can make nodes answer each other without end.
  constexpr int kMostRounds = 20;
  const Instant end = now_ + time;
  while (true) {
    Instant next = end;
    for (int round = 0; round < kMostRounds; ++round) {
      bool moved = false;
      for (Node& node : nodes_) {
        if (node.core != nullptr && !node.paused) moved = Settle(node) || moved;
      }
      if (!moved) break;
    }
    for (const Node& node : nodes_) {
      if (node.core == nullptr || node.paused) continue;
      next = std::min(next, node.core->NextDeadline() - node.ahead);
    }
    if (now_ >= end || work_ > kMostWork) return;
    now_ = std::min(std::max(next, now_ + step), end);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].core == nullptr || nodes_[i].paused) continue;
      if (nodes_[i].core->NextDeadline() <= LocalNow(i)) Tick(i);
    }
  }
}

}  // namespace clusterkit::fuzz
