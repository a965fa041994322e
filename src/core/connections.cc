// Links: who is at the other end, and what a broken one means.

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

// For an operator: the address, and the id as far as it is known.
std::string NameFor(const Link& link) {
  const std::optional<NodeId>& peer = link.peer ? link.peer : link.target;
  if (!peer) return link.remote_host;
  return absl::StrCat(link.remote_host, " ", peer->ToHex());
}

}  // namespace

LinkId NodeCore::Impl::OnAccept(const std::string& peer_host, Instant now) {
  Begin(now);
  ++meter_.counts().links_accepted;
  const LinkId id = links_.OpenInbound(peer_host, now_).id;
  if (links_.anonymous() > options_.max_anonymous_links) {
    Refuse(id, {Goodbye::Reason::kLimit, "too many links that have not said hello"});
  }
  return id;
}

void NodeCore::Impl::OnLinkUp(LinkId id, Instant now) {
  Begin(now);
  Link* link = links_.Find(id);
  if (link == nullptr || link->phase != Link::Phase::kDialing) return;
  link->phase = Link::Phase::kGreeting;
  link->since = now_;
  SendHello(*link);
  Settle();
}

void NodeCore::Impl::SendHello(const Link& link) {
  Hello hello;
  hello.cluster_name = options_.cluster_name;
  hello.sender = table_.self_id();
  hello.shard = self().shard;
  hello.incarnation = incarnation_;
  hello.receiver_host = link.remote_host;
  ready_.prompt.push_back({link.id, std::move(hello)});
}

std::optional<Goodbye> NodeCore::Impl::ObjectionTo(const Link& link, const Hello& hello) const {
  if (hello.cluster_name != options_.cluster_name) {
    return Goodbye{Goodbye::Reason::kClusterName,
                   absl::StrCat("cluster name is '", options_.cluster_name, "', not '",
                                hello.cluster_name, "'")};
  }
  if (hello.max_version < kProtocolVersion || hello.min_version > kProtocolVersion) {
    return Goodbye{Goodbye::Reason::kVersion,
                   absl::StrCat("speaks version ", kProtocolVersion, ", not ", hello.min_version,
                                " to ", hello.max_version)};
  }
  if (options_.voting != Voting::kWithSlots && (hello.features & kFeatureVoting) == 0) {
    return Goodbye{Goodbye::Reason::kVersion, "does not count voters without slots"};
  }
  if (hello.sender == table_.self_id()) {
    return Goodbye{Goodbye::Reason::kProtocol, "I am this node, and somebody else says to be"};
  }
  if (link.phase == Link::Phase::kReady) {
    return Goodbye{Goodbye::Reason::kProtocol, "second hello on a link"};
  }
  if (!link.outbound && table_.Find(hello.sender) == nullptr &&
      links_.CountInbound([this](const NodeId& id) { return table_.Find(id) == nullptr; }) >=
          options_.max_anonymous_links) {
    return Goodbye{Goodbye::Reason::kLimit, "too many links of unknown nodes"};
  }
  return std::nullopt;
}

// Whoever answers at an address lives there. So nodes that come back at each other's addresses find
// each other again; in Redis somebody must introduce them.
void NodeCore::Impl::OnAnswerOfAnother(Link& link, const NodeId& found) {
  const NodeId sought = *link.target;
  const Endpoint bus{link.remote_host, link.remote_port};
  if (table_.Find(sought) == nullptr) return CloseLink(link.id);
  PeerFacts& facts = table_.facts(sought);
  if (facts.stranger != found) {  // Tell it once.
    facts.stranger = found;
    Emit(PeerRefused{
        NameFor(link), Goodbye::Reason::kProtocol,
        absl::StrCat("dialled node ", sought.ToHex(), " but node ", found.ToHex(), " answered")});
  }
  CloseLink(link.id);
  const KnownNode* node = table_.Find(found);
  if (node == nullptr || links_.Outbound(found) != nullptr) return;
  if (node->bus != bus) {
    Endpoint client = node->client;
    if (client.host == node->bus.host) client.host = bus.host;  // It will tell the port.
    SetAddress(found, bus, client, AddressChanged::Cause::kFound);
    RequestSave(/*sync=*/false);
    for (LinkId old : links_.AllOf(found)) {
      if (links_.Find(old)->outbound) CloseLink(old);
    }
  }
  detector_.OnLinkUp(found);  // Refusals at the old address say nothing about this one.
  links_.WantDial(found, now_, /*at_once=*/true);
}

void NodeCore::Impl::OnHello(Link& link, const Hello& hello) {
  if (hello.sender == table_.self_id() && hello.incarnation == incarnation_) {
    CloseLink(link.id);  // Our own dial: we live where somebody else used to.
    return;
  }
  if (std::optional<Goodbye> objection = ObjectionTo(link, hello)) {
    Refuse(link.id, *std::move(objection));
    return;
  }
  if (link.target && *link.target != hello.sender) {
    OnAnswerOfAnother(link, hello.sender);
    DialDue();
    return;
  }
  if (!link.outbound) SendHello(link);
  link.incarnation = hello.incarnation;
  link.features = hello.features & kSupportedFeatures;
  LearnOwnHost(hello.receiver_host);
  if (std::optional<LinkId> replaced = links_.Bind(link, hello.sender)) CloseLink(*replaced);
  if (const KnownNode* known = table_.Find(hello.sender)) {
    if (known->shard.IsZero()) table_.Edit(hello.sender, /*config=*/true).shard = hello.shard;
    PeerFacts& facts = table_.facts(hello.sender);
    if (facts.incarnation != hello.incarnation) {
      // A new process: what the old one said of itself orders nothing any more.
      facts.incarnation = hello.incarnation;
      facts.facts_version = 0;
      facts.heard = false;
    }
  }
  if (link.outbound) {
    OnOutboundReady(link);
  } else if (table_.Find(hello.sender) != nullptr) {
    // It reaches us, so we may reach it: do not wait out an earlier failure.
    links_.WantDial(hello.sender, now_, /*at_once=*/true);
    DialDue();
  }
}

void NodeCore::Impl::OnOutboundReady(Link& link) {
  const NodeId peer = *link.peer;
  std::optional<Instant> met;
  std::erase_if(meets_, [&](const PendingMeet& meet) {
    if (meet.link == link.id) met = meet.since;
    return meet.link == link.id;
  });
  if (const auto ban = banned_.find(peer); ban != banned_.end() && met < ban->second.since) {
    CloseLink(link.id);  // It was to be forgotten after we were asked to meet it.
    return;
  }
  if (table_.Find(peer) == nullptr) {
    if (table_.size() >= options_.max_nodes) {
      Refuse(link.id, {Goodbye::Reason::kLimit, "too many nodes"});
      return;
    }
    KnownNode node;
    node.id = peer;
    node.bus = {link.remote_host, link.remote_port};
    introduced_.insert(peer);
    AddNode(std::move(node), NodeAdded::By::kMeet);
  } else if (!link.target) {
    introduced_.insert(peer);
  }
  if (met) table_.facts(peer).met = met;
  table_.facts(peer).stranger.reset();
  links_.StopDialing(peer);
  detector_.OnLinkUp(peer);
  table_.Edit(peer).linked = true;
  if (!serving_.HostStalled(now_)) Ping(peer);
}

void NodeCore::Impl::OnGoodbye(Link& link, const Goodbye& goodbye) {
  if (goodbye.reason == Goodbye::Reason::kLeaving && link.peer &&
      table_.Find(*link.peer) != nullptr) {
    leaving_.insert(*link.peer);
  }
  Emit(PeerRefused{NameFor(link), goodbye.reason, absl::StrCat("refused by peer: ", goodbye.text)});
  CloseLink(link.id);
}

void NodeCore::Impl::LearnOwnHost(const std::string& host) {
  if (host.empty()) return;
  if (!self().bus.host.empty() && !self().client.host.empty()) return;
  Endpoint bus = self().bus, client = self().client;
  if (bus.host.empty()) bus.host = host;
  if (client.host.empty()) client.host = host;
  SetAddress(table_.self_id(), bus, client, AddressChanged::Cause::kLearned);
  RequestSave(/*sync=*/false);
}

void NodeCore::Impl::OnLinkDown(LinkId id, LinkDownCause cause, Instant now) {
  Begin(now);
  Link* link = links_.Find(id);
  if (link == nullptr) return;
  ++meter_.counts().links_ended[cause];
  ForgetLink(*link, cause);
  links_.Erase(id);
  DialDue();
  Settle();
}

// What the end of a link tells about the peer, and when to dial again. The link still exists.
void NodeCore::Impl::ForgetLink(const Link& link, LinkDownCause cause) {
  if (!link.outbound) return;
  if (link.phase == Link::Phase::kDialing) {
    for (PendingMeet& meet : meets_) meet.dial_failed |= meet.link == link.id;
  }
  const std::optional<NodeId> peer = link.peer ? link.peer : link.target;
  if (!peer || table_.Find(*peer) == nullptr) return;
  if (link.phase == Link::Phase::kReady) {
    gossip_.OnLinkDown(*peer);
    detector_.OnPingSent(*peer, now_);  // The clock runs while we cannot even ask.
    if (cause == LinkDownCause::kReset) detector_.OnBrokenByPeer(*peer, now_);
    table_.Edit(*peer).linked = false;
    const LinkId id = link.id;
    links_.Erase(id);
    links_.WantDial(*peer, now_, /*at_once=*/true);
    return;
  }
  if (cause == LinkDownCause::kRefused) {
    detector_.OnRefused(*peer, now_);
    Touch(*peer);
  }
  links_.DialFailed(*peer, now_);
}

void NodeCore::Impl::OnBadFrame(LinkId id, const absl::Status& error, Instant now) {
  Begin(now);
  if (links_.Find(id) == nullptr) return;
  const auto reason =
      absl::IsResourceExhausted(error) ? Goodbye::Reason::kLimit : Goodbye::Reason::kProtocol;
  Refuse(id, {reason, std::string(error.message())});
  Settle();
}

void NodeCore::Impl::Refuse(LinkId id, Goodbye goodbye) {
  Emit(PeerRefused{NameFor(*links_.Find(id)), goodbye.reason, goodbye.text});
  ready_.prompt.push_back({id, std::move(goodbye)});
  CloseLink(id);
}

void NodeCore::Impl::CloseLink(LinkId id) {
  Link* link = links_.Find(id);
  if (link == nullptr) return;
  ready_.hangups.push_back(id);
  const bool ready_outbound = link->outbound && link->phase == Link::Phase::kReady;
  const std::optional<NodeId> peer = link->peer ? link->peer : link->target;
  const bool outbound = link->outbound;
  links_.Erase(id);
  if (!outbound || !peer || table_.Find(*peer) == nullptr) return;
  if (ready_outbound && links_.Outbound(*peer) == nullptr) {
    gossip_.OnLinkDown(*peer);
    table_.Edit(*peer).linked = false;
  }
  if (!links_.HasOutbound(*peer)) links_.DialFailed(*peer, now_);
}

void NodeCore::Impl::DialDue() {
  for (const NodeId& peer : links_.TakeDueDials(now_)) {
    const KnownNode* node = table_.Find(peer);
    if (node == nullptr || node->bus.host.empty() || node->bus.port == 0) continue;
    const Link& link = links_.OpenOutbound(peer, node->bus, now_);
    detector_.OnPingSent(peer, now_);
    ready_.dials.push_back({link.id, node->bus});
  }
}

void NodeCore::Impl::ExpireLinks() {
  for (LinkId id : links_.Overdue(now_)) CloseLink(id);
  const auto expired = [this](const PendingMeet& meet) {
    return now_ - meet.since > options_.HandshakeTimeout();
  };
  for (PendingMeet& meet : meets_) {
    // Whoever is introduced may be starting just now.
    if (!std::exchange(meet.dial_failed, false) || expired(meet)) continue;
    meet.link = links_.OpenOutbound(std::nullopt, meet.bus, now_).id;
    ready_.dials.push_back({meet.link, meet.bus});
  }
  std::erase_if(meets_, [&](const PendingMeet& meet) {
    if (!expired(meet) && links_.Find(meet.link) != nullptr) return false;
    Emit(MeetFailed{meet.bus});
    CloseLink(meet.link);
    return true;
  });
}

// A link on which nothing comes any more may be dead without knowing it; a fresh one tells.
void NodeCore::Impl::ResetDeafLinks() {
  const absl::Duration half = options_.node_timeout / 2;
  for (const NodeId& peer : detector_.Doubtful()) {
    const Link* link = links_.Outbound(peer);
    const std::optional<Instant> ping = detector_.PingOutstandingSince(peer);
    if (link == nullptr || !ping || now_ - link->since <= options_.node_timeout) continue;
    if (now_ - *ping > half && now_ - *detector_.LastHeard(peer) > half) CloseLink(link->id);
  }
}

}  // namespace clusterkit
