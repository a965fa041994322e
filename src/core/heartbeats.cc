// What this node says of itself, and how a message is received.

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

// The greatest epoch that we may come to adopt from a message.
Epoch GreatestEpochIn(const Message& message) {
  const Epoch shown = std::max(message.header.current_epoch, message.header.config_epoch);
  if (const auto* request = std::get_if<FailoverAuthRequest>(&message.body)) {
    return std::max(shown, request->epoch);
  }
  if (const auto* update = std::get_if<SlotUpdate>(&message.body)) {
    return std::max(shown, update->config_epoch);
  }
  return shown;
}

uint64_t StampOf(Instant sent) {
  // Zero means "no stamp".
  return static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(sent.since_origin), 1));
}

Instant InstantOf(uint64_t stamp) {
  return {absl::Nanoseconds(static_cast<int64_t>(std::min<uint64_t>(stamp, INT64_MAX)))};
}

}  // namespace

Header NodeCore::Impl::MakeHeader() const {
  Header header;
  header.sender = table_.self_id();
  header.shard = self().shard;
  header.role = self().role;
  header.voting = self().voting;
  header.primary = self().primary;
  header.config_epoch = ShownConfigEpoch();
  header.claim_digest = table_.OwnDigest();
  header.details_digest = self().details_digest;
  header.bus = self().bus;
  header.client = self().client;
  header.no_failover = options_.no_failover;
  header.replica_priority = options_.replica_priority;
  header.progress_unknown = !replication_reported_;
  header.data_missing = guard_ != DataGuard::kOff;
  header.abstaining = coordinator_.Abstaining();
  header.state = serving_.state();
  header.facts_version = facts_->header.facts_version;
  return header;
}

void NodeCore::Impl::RefreshFacts() {
  Header header = MakeHeader();
  if (header == facts_->header && open_slots_version_ == facts_->open_slots_version) return;
  ++header.facts_version;
  facts_ = std::make_shared<Facts>(Facts{std::move(header), table_.OwnSlots(), self().details,
                                         open_slots_, open_slots_version_});
}

bool NodeCore::Impl::SendBody(Link& link, MessageBody body, Path path) {
  if (link.phase != Link::Phase::kReady) {
    ++meter_.counts().frames_dropped[FrameDrop::kNoLink];
    return false;
  }
  const Facts& facts = path == Path::kPrompt ? *durable_facts_ : *facts_;
  if (facts.header.sender != table_.self_id()) return false;  // Our identity is not durable yet.
  auto& queue = path == Path::kPrompt ? ready_.prompt : ready_.sends;
  // Built in its place: a message is a large value.
  queue.push_back({link.id, Frame(std::in_place_type<Message>)});
  Message& message = std::get<Message>(queue.back().frame);
  message.header = facts.header;
  message.body = std::move(body);
  message.header.current_epoch = current_epoch_;
  message.header.progress = replication_.progress;
  message.header.writes_paused = PauseObeyed();
  if (std::holds_alternative<Heartbeat>(message.body)) {
    const bool digest_will_do = (link.features & kFeatureDigestHeartbeat) != 0 &&
                                link.claim_sent.value_or(0) == facts.header.claim_digest;
    if (!digest_will_do) {
      message.header.claim = facts.claim;
      link.claim_sent = facts.header.claim_digest;
    }
    if ((link.features & kFeatureNodeDetails) != 0 &&
        link.details_sent.value_or(0) != facts.header.details_digest) {
      message.header.details = facts.details;
      link.details_sent = facts.header.details_digest;
    }
    const KnownNode* peer = table_.Find(*link.peer);
    const bool replica_of_ours = peer != nullptr && peer->primary == table_.self_id();
    // Each time: there are few, and what is lost on the way is not missed by anybody.
    if (replica_of_ours) message.header.open_slots = *facts.open_slots;
  }
  if (tracing_) Trace(FrameSaid{link.id, link.peer, KindOf(message), path == Path::kDurable});
  return true;
}

bool NodeCore::Impl::SendTo(const NodeId& to, MessageBody body, Path path) {
  Link* link = links_.Any(to);
  if (link != nullptr) return SendBody(*link, std::move(body), path);
  ++meter_.counts().frames_dropped[FrameDrop::kNoLink];
  return false;
}

bool NodeCore::Impl::SendHeartbeat(Link& link, Heartbeat::Kind kind, uint64_t stamp, Path path) {
  Heartbeat heartbeat;
  heartbeat.kind = kind;
  heartbeat.stamp = stamp;
  if (const KnownNode* node = table_.Find(*link.peer)) {
    heartbeat.known_claim_digest = table_.facts(*link.peer).claim_digest;
    heartbeat.known_details_digest = node->details_digest;
    heartbeat.withholds_lease =
        kind == Heartbeat::Kind::kPong &&
        (node->health == Health::kFail || !View().IsVoter(node->id) || BelievesToServe(*node) ||
         ledger().BlockedFor(node->shard, node->id, now_).has_value());
  } else {
    heartbeat.withholds_lease = true;  // No voter of ours, whatever it believes.
  }
  heartbeat.forgotten = ForgottenFor(*link.peer);
  heartbeat.gossip = gossip_.BuildGossip(View(), *link.peer, now_, rng_);
  return SendBody(link, std::move(heartbeat), path);
}

// It says that it owns slots, and we know better. As a voter without slots it is confirmed again
// when it knows, too; until then the answer would extend its lease.
bool NodeCore::Impl::BelievesToServe(const KnownNode& node) const {
  if (!table_.facts(node.id).claims_slots) return false;
  return node.role != Role::kPrimary || table_.slots().CountOf(node.id) == 0;
}

void NodeCore::Impl::Ping(const NodeId& peer) {
  Link* link = links_.Outbound(peer);
  if (link == nullptr) return;
  const auto kind = introduced_.contains(peer) ? Heartbeat::Kind::kMeet : Heartbeat::Kind::kPing;
  if (!SendHeartbeat(*link, kind, StampOf(now_), Path::kPrompt)) return;
  detector_.OnPingSent(peer, now_);
  gossip_.OnPingSent(peer, now_);
}

void NodeCore::Impl::SendPings() {
  for (const NodeId& peer : gossip_.PickPingTargets(View(), now_, rng_)) Ping(peer);
}

void NodeCore::Impl::Announce() {
  if (serving_.HostStalled(now_)) return;
  for (const NodeId& peer : table_.Peers()) {
    Link* link = links_.Outbound(peer);
    if (link == nullptr) continue;
    if (ask_voters_ && View().IsVoter(peer)) {
      // A new primary needs their answers to the same news, for its lease and for its vote.
      SendHeartbeat(*link, Heartbeat::Kind::kPing, StampOf(now_), Path::kDurable);
      detector_.OnPingSent(peer, now_);
      gossip_.OnPingSent(peer, now_);
    } else {
      SendHeartbeat(*link, Heartbeat::Kind::kPong, 0, Path::kDurable);
    }
  }
  ask_voters_ = false;
}

void NodeCore::Impl::Ignore(LinkId link, FrameRefusal reason) {
  ++meter_.counts().frames_refused[reason];
  if (!tracing_) return;
  const Link* found = links_.Find(link);
  Trace(FrameRefused{link, found != nullptr ? found->peer : std::nullopt, reason});
}

void NodeCore::Impl::RefuseFrame(const Link& link, FrameRefusal reason, Goodbye goodbye) {
  const LinkId id = link.id;
  Ignore(id, reason);
  Refuse(id, std::move(goodbye));
}

// Whether the sender may be heard at all, and is known after this.
bool NodeCore::Impl::AdmitSender(Link& link, const Message& message) {
  const Header& header = message.header;
  if (link.phase != Link::Phase::kReady) {
    RefuseFrame(link, FrameRefusal::kNoHello, {Goodbye::Reason::kProtocol, "message before hello"});
    return false;
  }
  if (header.sender != *link.peer) {
    RefuseFrame(link, FrameRefusal::kWrongSender,
                {Goodbye::Reason::kProtocol, "sender changed within a link"});
    return false;
  }
  if (header.primary == header.sender) {
    RefuseFrame(link, FrameRefusal::kWrongSender,
                {Goodbye::Reason::kProtocol, "a node is its own primary"});
    return false;
  }
  if (const Epoch epoch = GreatestEpochIn(message); Implausible(epoch)) {
    RefuseFrame(link, FrameRefusal::kImplausibleEpoch,
                {Goodbye::Reason::kProtocol,
                 absl::StrCat("epoch ", epoch.value, " is implausibly far above ours, ",
                              current_epoch_.value)});
    return false;
  }
  if (table_.Find(header.sender) != nullptr) return true;
  const auto* heartbeat = std::get_if<Heartbeat>(&message.body);
  if (heartbeat == nullptr || heartbeat->kind == Heartbeat::Kind::kPong) {
    Ignore(link.id, FrameRefusal::kStranger);
    return false;
  }
  if (heartbeat->kind == Heartbeat::Kind::kPing || Banned(header.sender)) {
    // Not one of us, as far as we know. It may be as far as it knows, so it gets an answer. If it
    // was forgotten, that says so, and asking to be introduced does not change it.
    if (!serving_.HostStalled(now_)) {
      SendHeartbeat(link, Heartbeat::Kind::kPong, heartbeat->stamp, Path::kPrompt);
    }
    Ignore(link.id, FrameRefusal::kStranger);
    return false;
  }
  if (table_.size() >= options_.max_nodes) {
    RefuseFrame(link, FrameRefusal::kTooManyNodes, {Goodbye::Reason::kLimit, "too many nodes"});
    return false;
  }
  KnownNode node;
  node.id = header.sender;
  node.shard = header.shard;
  node.bus = header.bus;
  node.client = header.client;
  if (node.bus.host.empty()) node.bus.host = link.remote_host;
  if (node.client.host.empty()) node.client.host = link.remote_host;
  AddNode(std::move(node), NodeAdded::By::kMeet);
  DialDue();
  return true;
}

bool NodeCore::Impl::LoseByInjection(const Link& link, const Message& message) {
  if (!faults_.drop.test(static_cast<size_t>(KindOf(message)))) return false;
  Ignore(link.id, FrameRefusal::kInjected);
  if (faults_.close_link_on_drop) CloseLink(link.id);
  return true;
}

void NodeCore::Impl::OnMessage(Link& link, const Message& message) {
  if (LoseByInjection(link, message)) return;
  if (!AdmitSender(link, message)) return;
  const Header& header = message.header;
  detector_.OnHeard(header.sender, now_);
  if (!link.outbound) introduced_.erase(header.sender);
  AdoptEpoch(std::max(header.current_epoch, header.config_epoch));
  ApplyHeader(link, header);

  struct Dispatch {
    Impl* core;
    Link& link;
    const Header& header;
    void operator()(const Heartbeat& body) { core->OnHeartbeat(link, header, body); }
    void operator()(const SuspicionReport& body) { core->OnSuspicion(header, body); }
    void operator()(const FailNotice& body) { core->OnFailNotice(body); }
    void operator()(const ProgressReport& body) {
      core->coordinator_.OnProgress(
          header.sender, header.progress,
          body.final ? std::optional<NodeId>(body.primary) : std::nullopt);
    }
    void operator()(const FailoverAuthRequest& body) { core->OnAuthRequest(link, header, body); }
    void operator()(const FailoverAuthAck& body) { core->OnAuthAck(header, body); }
    void operator()(const FailoverAuthRefusal& body) { core->OnAuthRefusal(header, body); }
    void operator()(const FailoverAuthWithdraw& body) { core->OnWithdraw(header, body); }
    void operator()(const SlotUpdate& body) { core->OnUpdate(body); }
    void operator()(const StandRequest& body) {
      if (core->self().primary != header.sender) return;
      if (body.catch_up) {
        core->StartFailover(header.sender, FailoverMode::kCatchUp);
      } else {
        core->coordinator_.OnStandRequest(header.sender, core->now_);
      }
    }
    void operator()(const PauseRequest& body) { core->OnPauseRequest(header, body); }
    void operator()(const SlotMoveStep& body) { core->OnSlotMoveStep(link, header, body); }
    void operator()(const SlotMoveAnswer& body) { core->OnSlotMoveAnswer(header, body); }
  };
  std::visit(Dispatch{this, link, header}, message.body);
}

void NodeCore::Impl::OnHeartbeat(Link& link, const Header& header, const Heartbeat& heartbeat) {
  if (table_.Find(header.sender) != nullptr) {
    table_.facts(header.sender).known_claim_digest = heartbeat.known_claim_digest;
    if (meter_.AwaitsNodes() && heartbeat.known_claim_digest == table_.OwnDigest()) {
      meter_.OnClaimHeld(header.sender, View(), now_);
    }
  }
  // The peer does not hold what we claim, or what we are called: say it in full on the next
  // occasion.
  const Header& said = durable_facts_->header;
  const bool claim_missing = heartbeat.known_claim_digest != said.claim_digest;
  const bool details_missing = heartbeat.known_details_digest != said.details_digest;
  if (claim_missing || details_missing) {
    for (LinkId id : links_.AllOf(header.sender)) {
      if (claim_missing) links_.Find(id)->claim_sent.reset();
      if (details_missing) links_.Find(id)->details_sent.reset();
    }
  }
  if (heartbeat.kind == Heartbeat::Kind::kPong) {
    OnPong(link, header, heartbeat);
  } else if (!serving_.HostStalled(now_)) {
    SendHeartbeat(link, Heartbeat::Kind::kPong, heartbeat.stamp, Path::kPrompt);
  }
  ApplyForgotten(header.sender, heartbeat.forgotten);
  MergeGossip(header.sender, heartbeat.gossip);
}

void NodeCore::Impl::OnPong(Link& link, const Header& header, const Heartbeat& heartbeat) {
  if (!link.outbound || heartbeat.stamp == 0) return;
  const Instant sent = InstantOf(heartbeat.stamp);
  if (sent > now_ || sent < link.since) return;  // Not a stamp that we sent on this link.
  detector_.OnPong(*link.peer, now_);
  OnHeirIsReplica(header, sent);
  gossip_.OnPong(*link.peer, now_);
  meter_.OnPingAnswered(sent, now_);
  const bool confirms = !heartbeat.withholds_lease;
  if (confirms) serving_.OnVoterAnswered(*link.peer, sent);
  if (coordinator_.OnVoterAnswered(View(), header, confirms, sent, current_epoch_, now_)) {
    AdoptEpoch(ledger().floor());
    RequestSave(/*sync=*/false);  // If it is lost, a restart waits once more.
  }
  Touch(*link.peer);
}

void NodeCore::Impl::MergeGossip(const NodeId& from, const std::vector<GossipEntry>& entries) {
  GossipMerge merge = gossip_.Merge(View(), from, entries, now_);
  for (const SuspicionReport::Item& item : merge.reports) {
    detector_.OnReport(from, item.subject, item.suspected, now_);
    if (item.suspected) Touch(item.subject);
  }
  for (const GossipEntry& entry : merge.moved) {
    SetAddress(entry.id, entry.bus, entry.client, AddressChanged::Cause::kGossip);
    for (LinkId id : links_.AllOf(entry.id)) {
      if (links_.Find(id)->outbound) CloseLink(id);
    }
    detector_.OnLinkUp(entry.id);  // Refusals at the old address say nothing about the new one.
    links_.WantDial(entry.id, now_, /*at_once=*/true);
    RequestSave(/*sync=*/false);
  }
  for (const GossipEntry& entry : merge.unknown) {
    if (Banned(entry.id) || table_.size() >= options_.max_nodes) continue;
    if (table_.Find(entry.id) != nullptr) continue;  // Twice in one message.
    KnownNode node;
    node.id = entry.id;
    node.bus = entry.bus;
    node.client = entry.client;
    node.role = entry.role;
    node.voting = entry.voting;
    AddNode(std::move(node), NodeAdded::By::kGossip);
  }
  DialDue();
}

}  // namespace clusterkit
