#include "clusterkit/node.h"

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "node/pump.h"

namespace clusterkit {
namespace {

uint64_t SeedFromSystem() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

absl::Status CheckDeps(const Node::Deps& deps) {
  if (deps.loop == nullptr || deps.transport == nullptr || deps.codec == nullptr ||
      deps.store == nullptr) {
    return absl::InvalidArgumentError("Node::Deps: loop, transport, codec and store must be given");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<PersistentState>> LoadState(StateStore& store) {
  absl::StatusOr<PersistentState> loaded = store.Load();
  if (loaded.ok()) return std::optional<PersistentState>(*std::move(loaded));
  if (absl::IsNotFound(loaded.status())) return std::optional<PersistentState>();
  return loaded.status();
}

}  // namespace

// Turns what arrives into inputs of the core, each at one moment, and pumps after each. An
// observer may destroy the Node from within Run(): nothing of this object is used after it.
class Node::Impl final : public Transport::Handler, public Pump::Source {
 public:
  Impl(const Deps& deps, std::unique_ptr<NodeCore> core, std::shared_ptr<const ClusterView> view)
      : deps_(deps), core_(std::move(core)), views_(std::move(view)) {
    pump_ =
        std::make_shared<Pump>(this, Pump::Ports{deps.loop, deps.transport, deps.codec, deps.store,
                                                 deps.observer, &views_, deps.trace});
  }
  ~Impl() override { pump_->Close(); }

  absl::Status Start(Ready first) {
    // First, because nobody may be dialled before there is somebody to hear the answer.
    CLUSTERKIT_RETURN_IF_ERROR(deps_.transport->Listen(core_->options().bus, this));
    return pump_->Begin(std::move(first));
  }

  // --- Commands and reports ----------------------------------------------------------------
  template <typename Fn>  // absl::Status(NodeCore&, Instant now)
  absl::Status Command(Fn fn) {
    if (!pump_->halted().ok()) return pump_->halted();
    absl::Status result = fn(*core_, deps_.loop->Now());
    pump_->Run();
    return result;
  }

  template <typename Fn>  // void(NodeCore&, Instant now)
  void Report(Fn fn) {
    if (!pump_->halted().ok()) return;
    fn(*core_, deps_.loop->Now());
    pump_->Run();
  }

  absl::Status Depart(Departure kind, absl::Duration at_most) {
    return Command([&](NodeCore& core, Instant now) { return core.Depart(kind, at_most, now); });
  }

  const ViewPublisher& views() const { return views_; }
  CoreStatus Status() const {
    CoreStatus status = core_->Status(deps_.loop->Now());
    for (LinkStatus& link : status.links) {
      link.queued_bytes = deps_.transport->QueuedBytes(link.link);
    }
    return status;
  }
  Metrics Measure() const {
    Metrics metrics = core_->Measure(deps_.loop->Now());
    pump_->AddTo(metrics);
    metrics.received = received_;
    metrics.bytes_unreadable = bytes_unreadable_;
    for (size_t i = 0; i < kFrameRefusals; ++i) {
      const auto reason = static_cast<FrameRefusal>(i);
      metrics.frames_refused[reason] += refused_[reason];
    }
    core_->ForEachLink(
        [&](LinkId link) { metrics.now.queued_bytes += deps_.transport->QueuedBytes(link); });
    return metrics;
  }
  const Options& options() const { return core_->options(); }
  const FaultInjection& injected_faults() const { return core_->injected_faults(); }

  // --- Transport::Handler --------------------------------------------------------------------
  LinkId OnAccept(const std::string& peer_host) override {
    const LinkId link = core_->OnAccept(peer_host, deps_.loop->Now());
    // The transport knows the link by this name only once it has it.
    pump_->RunSoon();
    return link;
  }
  void OnLinkUp(LinkId link) override {
    Report([&](NodeCore& core, Instant now) { core.OnLinkUp(link, now); });
  }
  void OnLinkDown(LinkId link, LinkDownCause cause, const absl::Status&) override {
    Report([&](NodeCore& core, Instant now) { core.OnLinkDown(link, cause, now); });
  }
  void OnFrame(LinkId link, std::string_view bytes) override {
    const absl::StatusOr<Frame> frame = deps_.codec->Decode(bytes);
    if (!frame.ok()) {
      bytes_unreadable_ += bytes.size();
      return RefuseFrame(link, ReasonFor(frame.status()), frame.status());
    }
    Metrics::Traffic& traffic = received_[static_cast<size_t>(KindOf(*frame))];
    ++traffic.frames;
    traffic.bytes += bytes.size();
    Report([&](NodeCore& core, Instant now) { core.OnFrame(link, *frame, now); });
  }
  void OnBadFrame(LinkId link, const absl::Status& error) override {
    RefuseFrame(link, FrameRefusal::kFraming, error);
  }
  void RefuseFrame(LinkId link, FrameRefusal reason, const absl::Status& error) {
    ++refused_[reason];
    Report([&](NodeCore& core, Instant now) { core.OnBadFrame(link, error, now); });
  }

  // --- Pump::Source --------------------------------------------------------------------------
  Ready TakeReady() override { return core_->TakeReady(); }
  void OnSaved(uint64_t number, Instant now) override { core_->OnSaved(number, now); }
  void OnTick(Instant now) override { core_->OnTick(now); }
  Instant NextDeadline() const override { return core_->NextDeadline(); }
  void OnStopped() override { core_->EndAuthority(); }

 private:
  static FrameRefusal ReasonFor(const absl::Status& error) {
    if (absl::IsResourceExhausted(error)) return FrameRefusal::kOverLimit;
    return absl::IsUnimplemented(error) ? FrameRefusal::kUnknownKind : FrameRefusal::kMalformed;
  }

  const Deps deps_;
  const std::unique_ptr<NodeCore> core_;
  ViewPublisher views_;
  std::shared_ptr<Pump> pump_;
  std::array<Metrics::Traffic, kFrameKinds> received_{};
  CountBy<FrameRefusal, kFrameRefusals> refused_;
  uint64_t bytes_unreadable_ = 0;
};

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const Options& options, const Deps& deps) {
  CLUSTERKIT_RETURN_IF_ERROR(CheckDeps(deps));
  CLUSTERKIT_RETURN_IF_ERROR(options.Validate());
  CLUSTERKIT_ASSIGN_OR_RETURN(std::optional<PersistentState> state, LoadState(*deps.store));
  const uint64_t seed = options.seed ? *options.seed : SeedFromSystem();
  CLUSTERKIT_ASSIGN_OR_RETURN(std::unique_ptr<NodeCore> core,
                              NodeCore::Create(options, std::move(state), seed, deps.loop->Now()));
  core->SetTracing(deps.trace != nullptr);
  Ready first = core->TakeReady();
  CLUSTERKIT_CHECK(first.view != nullptr);
  auto impl = std::make_unique<Impl>(deps, std::move(core), first.view);
  CLUSTERKIT_RETURN_IF_ERROR(impl->Start(std::move(first)));
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

std::shared_ptr<const ClusterView> Node::view() const { return impl_->views().Latest(); }
const ViewPublisher& Node::views() const { return impl_->views(); }

void Node::ReportReplication(const ReplicationStatus& status) {
  impl_->Report([&](NodeCore& core, Instant now) { core.ReportReplication(status, now); });
}
void Node::ReportHostAlive() {
  impl_->Report([](NodeCore& core, Instant now) { core.ReportHostAlive(now); });
}
void Node::ReportDataPresent(bool present) {
  impl_->Report([&](NodeCore& core, Instant now) { core.ReportDataPresent(present, now); });
}

void Node::ReportSlotsTransferred(uint64_t number, const SlotSet& slots) {
  impl_->Report(
      [&](NodeCore& core, Instant now) { core.ReportSlotsTransferred(number, slots, now); });
}

absl::Status Node::Meet(const Endpoint& bus) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.Meet(bus, now); });
}
absl::Status Node::AddSlots(const SlotSet& slots) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.AddSlots(slots, now); });
}
absl::Status Node::RemoveSlots(const SlotSet& slots) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.RemoveSlots(slots, now); });
}
absl::Status Node::CompleteImport(const SlotSet& slots) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.CompleteImport(slots, now); });
}
absl::Status Node::Replicate(const NodeId& primary) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.Replicate(primary, now); });
}
absl::Status Node::Forget(const NodeId& node) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.Forget(node, now); });
}
absl::Status Node::Reset(ResetMode mode) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.Reset(mode, now); });
}
absl::Status Node::SetConfigEpoch(Epoch epoch) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.SetConfigEpoch(epoch, now); });
}
bool Node::BumpEpoch() {
  bool grew = false;
  impl_->Report([&](NodeCore& core, Instant now) { grew = core.BumpEpoch(now); });
  return grew;
}
absl::Status Node::MoveSlots(const SlotSet& slots, const NodeId& to) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.MoveSlots(slots, to, now); });
}
absl::Status Node::CancelMove() {
  return impl_->Command([](NodeCore& core, Instant now) { return core.CancelMove(now); });
}
absl::Status Node::BeginExport(const SlotSet& slots, const NodeId& to) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.BeginExport(slots, to, now); });
}
absl::Status Node::BeginImport(const SlotSet& slots, const NodeId& from) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.BeginImport(slots, from, now); });
}
absl::Status Node::EndMigration(const SlotSet& slots) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.EndMigration(slots, now); });
}
absl::Status Node::BindSlots(const SlotSet& slots, const NodeId& owner) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.BindSlots(slots, owner, now); });
}
absl::Status Node::Failover(FailoverMode mode) {
  return impl_->Command([&](NodeCore& core, Instant now) { return core.Failover(mode, now); });
}
absl::Status Node::HandOver(absl::Duration at_most) {
  return impl_->Depart(Departure::kHandOver, at_most);
}
absl::Status Node::Stop(absl::Duration at_most) { return impl_->Depart(Departure::kStop, at_most); }
absl::Status Node::Leave(absl::Duration at_most) {
  return impl_->Depart(Departure::kLeave, at_most);
}
absl::Status Node::OverruleDataGuard() {
  return impl_->Command([](NodeCore& core, Instant now) { return core.OverruleDataGuard(now); });
}
absl::Status Node::Reconfigure(const Options& options) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.Reconfigure(options, now); });
}

void Node::InjectFaults(const FaultInjection& faults) {
  impl_->Report([&](NodeCore& core, Instant) { core.InjectFaults(faults); });
}
const FaultInjection& Node::injected_faults() const { return impl_->injected_faults(); }
absl::Status Node::KillLinks(const NodeId& peer, LinksWith which) {
  return impl_->Command(
      [&](NodeCore& core, Instant now) { return core.KillLinks(peer, which, now); });
}
CoreStatus Node::Status() const { return impl_->Status(); }
Metrics Node::Measure() const { return impl_->Measure(); }
const Options& Node::options() const { return impl_->options(); }

}  // namespace clusterkit
