// Inputs, the consequences of each, and the batch that comes out.

#include "clusterkit/node_core.h"

#include <algorithm>
#include <utility>

#include "core/impl.h"

namespace clusterkit {
namespace {

// How often silence, links and pings are looked at. Fine enough against node_timeout.
absl::Duration CronInterval(const Options& options) {
  return std::clamp(options.node_timeout / 20, absl::Milliseconds(5), absl::Milliseconds(100));
}

}  // namespace

NodeCore::Impl::Impl(const Options& options, KnownNode self, uint64_t seed, bool restarted,
                     std::optional<VoteLedgerState> ledger, Instant now)
    : options_(options),
      rng_(seed),
      incarnation_(rng_.Next() | 1),  // Never zero: zero means "not heard yet".
      now_(now),
      next_cron_(now),
      table_(std::move(self)),
      links_(options_),
      detector_(options_),
      gossip_(options_),
      coordinator_(options_, std::move(ledger)),
      serving_(options_, restarted, now),
      migration_(options_),
      next_stand_request_(now) {}

Instant NodeCore::Impl::Begin(Instant now) {
  causes_.BeginInput();
  now_ = std::max(now_, now);
  return now_;
}

void NodeCore::Impl::Settle() {
  EvaluateTouched();
  coordinator_.OnView(View(), now_);
  AdvanceFailover();
  AdvanceElection();
  AdvanceDeparture();
  SettleOpenSlots();
  AdvanceMove();
  coordinator_.OnView(View(), now_);  // A promotion makes us a voter now, not at the next input.
  UpdateDataGuard();
  const ClusterState before = serving_.state();
  if (serving_.Evaluate(View(), now_)) {
    extras_changed_ = true;
    if (tracing_) TraceServing();
    if (serving_.state() != before) {
      Emit(ClusterStateChanged{serving_.state(), serving_.reason()});
    }
  }
  // Not while our vote for a successor may still count.
  if (!gone_ && !GaveWay()) serving_.Renew(View(), now_);
  FlushReports();
  RefreshFacts();
  if (announce_) Announce();
  announce_ = false;
  if (tell_replicas_) TellReplicas();
  if (!SyncPending()) durable_facts_ = facts_;
}

void NodeCore::Impl::OnTick(Instant now) {
  Begin(now);
  if (gone_) return;
  DialDue();
  if (now_ >= next_cron_) {
    next_cron_ = now_ + CronInterval(options_);
    Cron();
  }
  Settle();
}

void NodeCore::Impl::Cron() {
  ExpireLinks();
  ResetDeafLinks();
  const bool stalled = serving_.HostStalled(now_);
  if (stalled != host_was_stalled_) Emit(HostStalled{stalled});
  host_was_stalled_ = stalled;
  if (!stalled) SendPings();
  if (coordinator_.WantsAnswers(now_)) {
    for (const NodeId& voter : View().voters()) Ping(voter);
  }
  RepeatHandoverRequests();
  const std::shared_ptr<const ClusterView> view = SharedView();
  for (const auto& node : view->nodes()) {
    if (node->health != Health::kOnline) Touch(node->id);
    if (!node->linked && !node->bus.host.empty()) {
      links_.WantDial(node->id, now_, /*at_once=*/false);
    }
  }
  if (const std::optional<NodeId> orphan = migration_.Evaluate(*view, now_)) {
    BecomeReplica(*orphan, RoleChanged::Cause::kOrphan);
  }
  // Of those who are online, time alone changes the health of no others.
  for (const NodeId& peer : detector_.Doubtful()) Touch(peer);
  absl::erase_if(banned_, [this](const auto& ban) { return now_ >= ban.second.until; });
}

void NodeCore::Impl::OnFrame(LinkId id, const Frame& frame, Instant now) {
  Begin(now);
  Link* link = links_.Find(id);
  if (link == nullptr || gone_) return Ignore(id, FrameRefusal::kUnknownLink);
  if (tracing_) Trace(FrameHeard{id, link->peer, std::make_shared<const Frame>(frame)});
  if (const auto* hello = std::get_if<Hello>(&frame)) {
    OnHello(*link, *hello);
  } else if (const auto* goodbye = std::get_if<Goodbye>(&frame)) {
    OnGoodbye(*link, *goodbye);
  } else {
    OnMessage(*link, std::get<Message>(frame));
  }
  Settle();
}

void NodeCore::Impl::ReportReplication(const ReplicationStatus& status, Instant now) {
  Begin(now);
  const bool broke = replication_.link_up && !status.link_up;
  // Also when the host finds more in its buffers after the break.
  const bool late = !status.link_up && progress_final_ && status.progress != replication_.progress;
  if (status.link_up || late) progress_final_ = false;
  replication_ = status;
  replication_reported_ = true;
  coordinator_.OnOwnStatus(status, now_);
  if ((broke || late) && !IsPrimary()) SendProgress(/*final=*/true);
  if (PauseObeyed()) Ping(pause_->successor);
  Settle();
}

void NodeCore::Impl::ReportHostAlive(Instant now) {
  Begin(now);
  const bool was_stalled = serving_.HostStalled(now_);
  serving_.OnHostAlive(now_);
  if (!was_stalled) return;  // The usual case, several times a second: no consequences.
  host_was_stalled_ = false;
  Emit(HostStalled{false});
  Settle();
}

void NodeCore::Impl::ReportDataPresent(bool present, Instant now) {
  Begin(now);
  data_present_ = present;
  Settle();
}

// By the view as it was: what happened is not to explain itself.
void NodeCore::Impl::Emit(Event event) {
  const std::shared_ptr<const ClusterView> view = view_ != nullptr ? view_ : SharedView();
  meter_.OnEvent(event, *view, now_);
  ready_.events.push_back(causes_.Stamp(std::move(event), *view, now_));
}

const ClusterView& NodeCore::Impl::View() {
  if (view_ == nullptr || table_.view_outdated() || extras_changed_) {
    extras_changed_ = false;
    view_ = table_.BuildView(++view_version_,
                             {serving_.state(), serving_.reason(), guard_ != DataGuard::kOff,
                              options_.allow_reads_when_down, serving_.lease(), open_slots_});
  }
  return *view_;
}

std::shared_ptr<const ClusterView> NodeCore::Impl::SharedView() {
  View();
  return view_;
}

void NodeCore::Impl::RequestSave(bool sync) {
  want_save_ = true;
  want_sync_save_ = want_sync_save_ || sync;
}

Ready NodeCore::Impl::TakeReady() {
  meter_.counts().links_dialled += ready_.dials.size();
  meter_.counts().links_closed += ready_.hangups.size();
  if (want_save_) {
    ready_.save = SaveRequest{++last_save_, MakeState(), want_sync_save_};
    if (want_sync_save_) last_sync_save_ = last_save_;
    want_save_ = want_sync_save_ = false;
  }
  View();
  if (view_ != published_view_) {
    published_view_ = view_;
    ready_.view = view_;
  }
  return std::exchange(ready_, Ready{});
}

Instant NodeCore::Impl::NextDeadline() const {
  if (gone_) return Instant::InfiniteFuture();
  Instant next = std::min({next_cron_, links_.NextDial(), coordinator_.NextDeadline()});
  if (failover_) next = std::min(next, failover_->until);
  if (pause_) next = std::min(next, pause_->until);
  if (departing_) next = std::min(next, departing_->until);
  // A deadline that has passed without effect must not make the host spin.
  return std::max(next, now_ + absl::Milliseconds(1));
}

std::optional<NodeId> NodeCore::Impl::ShardHead() const {
  return IsPrimary() ? std::optional<NodeId>(table_.self_id()) : self().primary;
}

Epoch NodeCore::Impl::ShownConfigEpoch() const {
  std::optional<NodeId> head = ShardHead();
  return head ? table_.ConfigEpochOf(*head) : Epoch{};
}

void NodeCore::Impl::AdoptEpoch(Epoch epoch) { current_epoch_ = std::max(current_epoch_, epoch); }

bool NodeCore::Impl::Implausible(Epoch epoch) const {
  constexpr uint64_t kLeap = uint64_t{1} << 32;
  return epoch > current_epoch_ && epoch.value - current_epoch_.value > kLeap;
}

void NodeCore::Impl::AddNode(KnownNode node, NodeAdded::By by) {
  const NodeId id = node.id;
  const Endpoint bus = node.bus;
  table_.Add(std::move(node));
  detector_.Track(id, now_);
  gossip_.Track(id, now_);
  banned_.erase(id);
  // It may have greeted us before we knew it.
  if (const Link* link = links_.Any(id)) table_.facts(id).incarnation = link->incarnation;
  links_.WantDial(id, now_, /*at_once=*/true);
  // What gossip told us it will tell again; an operator introduces a node once.
  RequestSave(/*sync=*/by == NodeAdded::By::kMeet);
  Emit(NodeAdded{by, id, bus});
}

void NodeCore::Impl::RemoveNode(const NodeId& id, std::optional<NodeId> told_by) {
  for (LinkId link : links_.AllOf(id)) CloseLink(link);
  links_.StopDialing(id);
  detector_.Untrack(id);
  gossip_.Untrack(id);
  coordinator_.Untrack(id);
  introduced_.erase(id);
  touched_.erase(id);
  reports_.erase(id);
  leaving_.erase(id);
  forgotten_by_.erase(id);
  table_.Remove(id);
  RequestSave(/*sync=*/false);
  Emit(NodeRemoved{id, told_by});
}

CoreStatus NodeCore::Impl::Status(Instant now) const {
  CoreStatus status;
  status.role = self().role;
  status.current_epoch = current_epoch_;
  status.my_epoch = ShownConfigEpoch();
  status.last_vote_epoch = coordinator_.ledger().LastVoteEpoch();
  for (const auto& node : published_view_->nodes()) {
    NodeStatus entry;
    entry.view = *node;
    entry.self = node->id == table_.self_id();
    auto age = [now](std::optional<Instant> at) {
      return at ? std::optional<absl::Duration>(std::max(now - *at, absl::ZeroDuration()))
                : std::nullopt;
    };
    entry.ping_age = age(detector_.PingOutstandingSince(node->id));
    entry.pong_age = age(detector_.LastPong(node->id));
    entry.failure_reports =
        static_cast<int>(detector_.Reporters(*published_view_, node->id, now).size());
    if (entry.self) {
      entry.progress = replication_.progress;
    } else if (table_.Find(node->id) != nullptr) {
      entry.progress = table_.facts(node->id).progress;
    }
    entry.shown_epoch = node->role == Role::kReplica && node->primary
                            ? table_.ConfigEpochOf(*node->primary)
                            : node->config_epoch;
    status.nodes.push_back(std::move(entry));
  }
  links_.ForEachReady([&](const Link& link) {
    if (table_.Find(*link.peer) == nullptr) return;
    status.links.push_back(
        {link.id, *link.peer, link.outbound, std::max(now - link.since, absl::ZeroDuration()), 0});
  });
  for (const PendingMeet& meet : meets_) {
    NodeStatus entry;
    entry.handshake = true;
    // A handshake has no id yet.
    for (size_t i = 0; i < 8; ++i) {
      entry.view.id.bytes[NodeId::kSize - 1 - i] =
          static_cast<uint8_t>(static_cast<uint64_t>(meet.name) >> (8 * i));
    }
    entry.view.bus = meet.bus;
    status.nodes.push_back(std::move(entry));
  }
  return status;
}

// --- The public shell ------------------------------------------------------------------------

NodeCore::NodeCore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NodeCore::~NodeCore() = default;

absl::StatusOr<std::unique_ptr<NodeCore>> NodeCore::Create(const Options& options,
                                                           std::optional<PersistentState> state,
                                                           uint64_t seed, Instant now) {
  absl::StatusOr<std::unique_ptr<Impl>> impl = Impl::Create(options, std::move(state), seed, now);
  if (!impl.ok()) return impl.status();
  return std::unique_ptr<NodeCore>(new NodeCore(*std::move(impl)));
}

void NodeCore::OnTick(Instant now) { impl_->OnTick(now); }
LinkId NodeCore::OnAccept(const std::string& peer_host, Instant now) {
  return impl_->OnAccept(peer_host, now);
}
void NodeCore::OnLinkUp(LinkId link, Instant now) { impl_->OnLinkUp(link, now); }
void NodeCore::OnLinkDown(LinkId link, LinkDownCause cause, Instant now) {
  impl_->OnLinkDown(link, cause, now);
}
void NodeCore::OnFrame(LinkId link, const Frame& frame, Instant now) {
  impl_->OnFrame(link, frame, now);
}
void NodeCore::OnBadFrame(LinkId link, const absl::Status& error, Instant now) {
  impl_->OnBadFrame(link, error, now);
}
void NodeCore::OnSaved(uint64_t number, Instant now) { impl_->OnSaved(number, now); }
void NodeCore::ReportReplication(const ReplicationStatus& status, Instant now) {
  impl_->ReportReplication(status, now);
}
void NodeCore::ReportHostAlive(Instant now) { impl_->ReportHostAlive(now); }
void NodeCore::ReportDataPresent(bool present, Instant now) {
  impl_->ReportDataPresent(present, now);
}
void NodeCore::ReportSlotsTransferred(uint64_t number, const SlotSet& slots, Instant now) {
  impl_->ReportSlotsTransferred(number, slots, now);
}
absl::Status NodeCore::Meet(const Endpoint& bus, Instant now) { return impl_->Meet(bus, now); }
absl::Status NodeCore::AddSlots(const SlotSet& slots, Instant now) {
  return impl_->AddSlots(slots, now);
}
absl::Status NodeCore::RemoveSlots(const SlotSet& slots, Instant now) {
  return impl_->RemoveSlots(slots, now);
}
absl::Status NodeCore::CompleteImport(const SlotSet& slots, Instant now) {
  return impl_->CompleteImport(slots, now);
}
absl::Status NodeCore::Replicate(const NodeId& primary, Instant now) {
  return impl_->Replicate(primary, now);
}
absl::Status NodeCore::Forget(const NodeId& node, Instant now) { return impl_->Forget(node, now); }
absl::Status NodeCore::Reset(ResetMode mode, Instant now) { return impl_->Reset(mode, now); }
absl::Status NodeCore::SetConfigEpoch(Epoch epoch, Instant now) {
  return impl_->SetConfigEpoch(epoch, now);
}
absl::Status NodeCore::OverruleDataGuard(Instant now) { return impl_->OverruleDataGuard(now); }
absl::Status NodeCore::Reconfigure(const Options& options, Instant now) {
  return impl_->Reconfigure(options, now);
}
bool NodeCore::BumpEpoch(Instant now) { return impl_->BumpEpoch(now); }
absl::Status NodeCore::BeginExport(const SlotSet& slots, const NodeId& to, Instant now) {
  return impl_->BeginExport(slots, to, now);
}
absl::Status NodeCore::BeginImport(const SlotSet& slots, const NodeId& from, Instant now) {
  return impl_->BeginImport(slots, from, now);
}
absl::Status NodeCore::EndMigration(const SlotSet& slots, Instant now) {
  return impl_->EndMigration(slots, now);
}
absl::Status NodeCore::BindSlots(const SlotSet& slots, const NodeId& owner, Instant now) {
  return impl_->BindSlots(slots, owner, now);
}
absl::Status NodeCore::MoveSlots(const SlotSet& slots, const NodeId& to, Instant now) {
  return impl_->MoveSlots(slots, to, now);
}
absl::Status NodeCore::CancelMove(Instant now) { return impl_->CancelMove(now); }
absl::Status NodeCore::Failover(FailoverMode mode, Instant now) {
  return impl_->Failover(mode, now);
}
absl::Status NodeCore::Depart(Departure kind, absl::Duration at_most, Instant now) {
  return impl_->Depart(kind, at_most, now);
}
void NodeCore::InjectFaults(const FaultInjection& faults) { impl_->InjectFaults(faults); }
const FaultInjection& NodeCore::injected_faults() const { return impl_->injected_faults(); }
absl::Status NodeCore::KillLinks(const NodeId& peer, LinksWith which, Instant now) {
  return impl_->KillLinks(peer, which, now);
}
void NodeCore::EndAuthority() { impl_->EndAuthority(); }
Ready NodeCore::TakeReady() { return impl_->TakeReady(); }
Instant NodeCore::NextDeadline() const { return impl_->NextDeadline(); }
const ClusterView& NodeCore::view() const { return impl_->PublishedView(); }
CoreStatus NodeCore::Status(Instant now) const { return impl_->Status(now); }
Metrics NodeCore::Measure(Instant now) const { return impl_->Measure(now); }
void NodeCore::ForEachLink(absl::FunctionRef<void(LinkId)> fn) const { impl_->ForEachLink(fn); }
void NodeCore::SetTracing(bool on) { impl_->SetTracing(on); }
const Options& NodeCore::options() const { return impl_->options(); }

}  // namespace clusterkit
