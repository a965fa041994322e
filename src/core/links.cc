#include "core/links.h"

#include <algorithm>

namespace clusterkit {
namespace {

constexpr absl::Duration kQuickRedial = absl::Milliseconds(50);
constexpr int kQuickRedials = 2;

}  // namespace

Link& Links::OpenOutbound(std::optional<NodeId> target, const Endpoint& to, Instant now) {
  LinkId id{next_id_++};
  Link& link = *(links_[id] = std::make_unique<Link>());
  link.id = id;
  link.outbound = true;
  link.remote_host = to.host;
  link.remote_port = to.port;
  link.target = target;
  link.since = now;
  unready_.insert(id);
  if (target) outbound_[*target] = id;
  return link;
}

Link& Links::OpenInbound(const std::string& host, Instant now) {
  LinkId id{next_id_++};
  Link& link = *(links_[id] = std::make_unique<Link>());
  link.id = id;
  link.phase = Link::Phase::kGreeting;
  link.remote_host = host;
  link.since = now;
  unready_.insert(id);
  ++anonymous_;
  return link;
}

Link* Links::Find(LinkId id) {
  auto it = links_.find(id);
  return it == links_.end() ? nullptr : it->second.get();
}

std::optional<LinkId> Links::Bind(Link& link, const NodeId& peer) {
  link.peer = peer;
  link.phase = Link::Phase::kReady;
  unready_.erase(link.id);
  if (link.outbound) {
    redials_.erase(peer);
  } else {
    --anonymous_;
  }
  auto& index = link.outbound ? outbound_ : inbound_;
  auto [it, added] = index.emplace(peer, link.id);
  if (added || it->second == link.id) return std::nullopt;
  LinkId replaced = it->second;
  it->second = link.id;
  return replaced;
}

void Links::Erase(LinkId id) {
  auto it = links_.find(id);
  if (it == links_.end()) return;
  const Link& link = *it->second;
  auto drop = [id](auto& index, const std::optional<NodeId>& key) {
    if (!key) return;
    auto entry = index.find(*key);
    if (entry != index.end() && entry->second == id) index.erase(entry);
  };
  drop(outbound_, link.target);
  drop(link.outbound ? outbound_ : inbound_, link.peer);
  if (!link.outbound && !link.peer) --anonymous_;
  unready_.erase(id);
  links_.erase(it);
}

Link* Links::Outbound(const NodeId& peer) {
  auto it = outbound_.find(peer);
  if (it == outbound_.end()) return nullptr;
  Link* link = Find(it->second);
  return link != nullptr && link->phase == Link::Phase::kReady ? link : nullptr;
}

Link* Links::Inbound(const NodeId& peer) {
  auto it = inbound_.find(peer);
  return it == inbound_.end() ? nullptr : Find(it->second);
}

Link* Links::Any(const NodeId& peer) {
  Link* link = Outbound(peer);
  return link != nullptr ? link : Inbound(peer);
}

std::vector<LinkId> Links::All() const {
  std::vector<LinkId> ids;
  for (const auto& [id, link] : links_) ids.push_back(id);
  return ids;
}

void Links::ForEachReady(absl::FunctionRef<void(const Link&)> fn) const {
  absl::btree_set<NodeId> peers;
  for (const auto* index : {&outbound_, &inbound_}) {
    for (const auto& [peer, id] : *index) peers.insert(peer);
  }
  for (const NodeId& peer : peers) {
    for (const auto* index : {&outbound_, &inbound_}) {
      const auto entry = index->find(peer);
      if (entry == index->end()) continue;
      const Link& link = *links_.at(entry->second);
      if (link.phase == Link::Phase::kReady) fn(link);
    }
  }
}

std::vector<LinkId> Links::AllOf(const NodeId& peer) const {
  std::vector<LinkId> ids;
  for (const auto* index : {&outbound_, &inbound_}) {
    if (auto it = index->find(peer); it != index->end()) ids.push_back(it->second);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

size_t Links::CountInbound(absl::FunctionRef<bool(const NodeId&)> fits) const {
  return static_cast<size_t>(std::count_if(inbound_.begin(), inbound_.end(),
                                           [&](const auto& entry) { return fits(entry.first); }));
}

void Links::WantDial(const NodeId& peer, Instant now, bool at_once) {
  if (HasOutbound(peer)) return;
  Redial& redial = redials_[peer];
  if (at_once) redial.failures = 0;
  if (at_once || redial.at == Instant::InfiniteFuture()) redial.at = now;
}

void Links::DialFailed(const NodeId& peer, Instant now) {
  Redial& redial = redials_[peer];
  const int failures = ++redial.failures;
  if (failures <= kQuickRedials) {
    redial.at = now + kQuickRedial;
    return;
  }
  const absl::Duration longest =
      std::clamp(options_->node_timeout / 4, absl::Milliseconds(250), absl::Seconds(2));
  redial.at = now + std::min(kQuickRedial * (1 << std::min(failures - kQuickRedials, 10)), longest);
}

std::vector<NodeId> Links::TakeDueDials(Instant now) {
  std::vector<NodeId> due;
  for (auto& [peer, redial] : redials_) {
    if (now < redial.at) continue;
    redial.at = Instant::InfiniteFuture();
    if (!HasOutbound(peer)) due.push_back(peer);
  }
  return due;
}

Instant Links::NextDial() const {
  Instant next = Instant::InfiniteFuture();
  for (const auto& [peer, redial] : redials_) next = std::min(next, redial.at);
  return next;
}

std::vector<LinkId> Links::Overdue(Instant now) const {
  std::vector<LinkId> overdue;
  const absl::Duration limit = options_->HandshakeTimeout();
  for (LinkId id : unready_) {
    if (now - links_.at(id)->since > limit) overdue.push_back(id);
  }
  return overdue;
}

}  // namespace clusterkit
