#include "clusterkit/sim/cluster.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "clusterkit/describe.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "sim/addresses.h"
#include "sim/machine.h"
#include "sim/watched_codec.h"

namespace clusterkit::sim {
namespace {

constexpr absl::Duration kAskEvery = absl::Milliseconds(10);

}  // namespace

class Cluster::Impl final : public Machine::World, public FrameTap {
 public:
  Impl(Cluster* cluster, uint64_t seed, Options base)
      : cluster_(cluster), seed_(seed), base_(std::move(base)), rng_(seed) {
    network = std::make_unique<Network>(&scheduler, rng_.Next());
    auto watched = std::make_unique<WatchedCodec>(std::make_unique<ProtobufCodec>());
    codec_ = watched.get();
    codec = std::move(watched);
    tap = this;
  }
  ~Impl() override { graveyard_.clear(); }

  Machine& Find(const Name& name) const {
    auto found = machines_by_name_.find(name);
    CLUSTERKIT_CHECK(found != machines_by_name_.end());
    return *found->second;
  }
  HostId HostOf(const Name& name) const { return Find(name).host(); }

  absl::Status Add(const Name& name, const NodeSetup& setup) {
    if (machines_by_name_.contains(name)) return absl::AlreadyExistsError(name);
    Options options = base_;
    options.bus = BusEndpoint(addresses_);
    options.client = ClientEndpoint(addresses_);
    ++addresses_;
    const HostId host = network->AddHost(options.bus.host);
    if (setup.adjust) setup.adjust(options);
    machines_.push_back(
        std::make_unique<Machine>(this, name, host, std::move(options), rng_.Next()));
    Machine& machine = *machines_.back();
    machines_by_name_[name] = &machine;
    machine.disk().Format(setup.disk);
    return StartMachine(machine);
  }

  void Readdress(Machine& machine) {
    const size_t index = addresses_++;
    network->Readdress(machine.host(), HostAddress(index));
    machine.SetAddress(BusEndpoint(index), ClientEndpoint(index));
  }

  void RotateAddresses(const std::vector<Name>& names) {
    std::vector<std::pair<Endpoint, Endpoint>> addresses;
    for (const Name& name : names) {
      const Options& options = Find(name).options();
      addresses.emplace_back(options.bus, options.client);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      const auto& [bus, client] = addresses[(i + 1) % names.size()];
      Machine& machine = Find(names[i]);
      network->Readdress(machine.host(), bus.host);
      machine.SetAddress(bus, client);
    }
  }

  absl::Status StartMachine(Machine& machine) {
    absl::Status status = machine.Start();
    if (!status.ok()) return status;
    RememberId(machine);
    for (const StartSink& sink : start_sinks_) sink(machine.name());
    return status;
  }

  void RememberId(Machine& machine) {
    if (machine.RefreshId()) names_by_id_[machine.id()] = machine.name();
  }

  void Advance(int64_t until_ns) {
    CLUSTERKIT_CHECK(!advancing_);
    advancing_ = true;
    graveyard_.clear();
    while (scheduler.RunNext(until_ns)) {
      if (!graveyard_.empty()) graveyard_.clear();
    }
    scheduler.RunUntil(until_ns);
    advancing_ = false;
  }

  // --- Machine::World ------------------------------------------------------------------------
  std::unique_ptr<Observer> MakeHost(const Name& name) override {
    return host_factory_ ? host_factory_(name, *cluster_) : nullptr;
  }
  void OnEvent(Machine& machine, const StampedEvent& stamped) override {
    RememberId(machine);
    const TracedEvent traced{scheduler.now(), machine.name(), stamped.event, stamped.number,
                             stamped.cause};
    for (const EventSink& sink : event_sinks_) sink(traced);
  }
  void OnTrace(Machine& machine, const TraceRecord& record) override {
    for (const auto& sink : trace_sinks_) sink(scheduler.now(), machine.name(), record);
  }
  bool Traces() const override { return !trace_sinks_.empty(); }
  void OnDurable(Machine& machine, const PersistentState& state) override {
    for (const SaveSink& sink : save_sinks_) sink(scheduler.now(), machine.name(), state);
  }
  void Bury(std::shared_ptr<void> process) override { graveyard_.push_back(std::move(process)); }

  // --- FrameTap ------------------------------------------------------------------------------
  bool OnFrameSent(HostId from, HostId to, const std::string& bytes) override {
    ++frames_sent_;
    bytes_sent_ += bytes.size();
    if (frame_sinks_.empty()) return true;
    const TracedFrame traced{scheduler.now(), NameAt(from), NameAt(to), &codec_->last_encoded(),
                             bytes.size()};
    bool passes = true;
    for (const FrameSink& sink : frame_sinks_) passes &= sink(traced);
    return passes;
  }
  void OnFrameReceived(HostId from, HostId to, const std::string& bytes) override {
    if (delivery_sinks_.empty()) return;
    const absl::StatusOr<Frame>& frame = codec_->Peek(bytes);
    // What a node sends, a node must understand.
    CLUSTERKIT_CHECK(frame.ok() || injected_);
    if (!frame.ok()) return;
    const TracedFrame traced{scheduler.now(), NameAt(from), NameAt(to), &*frame, bytes.size()};
    for (const DeliverySink& sink : delivery_sinks_) sink(traced);
  }
  const Name& NameAt(HostId host) const { return machines_[static_cast<size_t>(host)]->name(); }

  Cluster* cluster_;
  WatchedCodec* codec_;  // The one of Machine::World.
  const uint64_t seed_;
  const Options base_;
  Rng rng_;
  bool advancing_ = false;
  bool injected_ = false;  // Any frame that no node sent.
  HostFactory host_factory_;
  std::vector<EventSink> event_sinks_;
  std::vector<TraceRecordSink> trace_sinks_;
  std::vector<FrameSink> frame_sinks_;
  std::vector<DeliverySink> delivery_sinks_;
  std::vector<StartSink> start_sinks_;
  std::vector<SaveSink> save_sinks_;
  uint64_t frames_sent_ = 0, bytes_sent_ = 0;
  size_t addresses_ = 0;  // Given out so far.
  std::map<NodeId, Name> names_by_id_;
  std::map<Name, Machine*> machines_by_name_;
  std::vector<std::unique_ptr<Machine>> machines_;  // By HostId.
  std::vector<std::shared_ptr<void>> graveyard_;
};

Cluster::Cluster(uint64_t seed, Options base)
    : impl_(std::make_unique<Impl>(this, seed, std::move(base))) {}
Cluster::~Cluster() = default;

uint64_t Cluster::seed() const { return impl_->seed_; }
const Options& Cluster::base_options() const { return impl_->base_; }

// --- Nodes -----------------------------------------------------------------------------------

absl::Status Cluster::AddNode(const Name& name, const NodeSetup& setup) {
  return impl_->Add(name, setup);
}

void Cluster::SetHostFactory(HostFactory factory) { impl_->host_factory_ = std::move(factory); }
bool Cluster::has_host_factory() const { return impl_->host_factory_ != nullptr; }

std::vector<Name> Cluster::names() const {
  std::vector<Name> names;
  for (const auto& machine : impl_->machines_) names.push_back(machine->name());
  return names;
}

bool Cluster::Running(const Name& name) const {
  const auto found = impl_->machines_by_name_.find(name);
  return found != impl_->machines_by_name_.end() && found->second->node() != nullptr;
}
bool Cluster::Paused(const Name& name) const {
  const auto found = impl_->machines_by_name_.find(name);
  return found != impl_->machines_by_name_.end() && found->second->paused();
}

Node& Cluster::node(const Name& name) const {
  Node* node = impl_->Find(name).node();
  CLUSTERKIT_CHECK(node != nullptr);
  return *node;
}

NodeId Cluster::IdOf(const Name& name) const { return impl_->Find(name).id(); }

Name Cluster::NameOf(const NodeId& id) const {
  auto found = impl_->names_by_id_.find(id);
  return found == impl_->names_by_id_.end() ? ShortName(id) : found->second;
}

Endpoint Cluster::BusOf(const Name& name) const { return impl_->Find(name).options().bus; }

std::optional<PersistentState> Cluster::DiskOf(const Name& name) const {
  return impl_->Find(name).disk().durable();
}

// --- For hosts -------------------------------------------------------------------------------

void Cluster::After(const Name& name, absl::Duration delay, std::function<void()> fn) {
  impl_->Find(name).After(delay, std::move(fn));
}

std::unique_ptr<Transport> Cluster::NewTransport(const Name& name) {
  return impl_->Find(name).NewTransport(nullptr);
}

Instant Cluster::LocalNow(const Name& name) const { return impl_->Find(name).clock().Now(); }

// --- Faults ----------------------------------------------------------------------------------

void Cluster::Partition(const std::vector<std::vector<Name>>& groups) {
  std::vector<std::vector<HostId>> hosts;
  for (const std::vector<Name>& group : groups) {
    hosts.emplace_back();
    for (const Name& name : group) hosts.back().push_back(impl_->HostOf(name));
  }
  impl_->network->ChangeFaults([&](FaultTable& faults) { faults.Partition(hosts); });
}

void Cluster::Heal() {
  impl_->network->ChangeFaults([](FaultTable& faults) { faults.Heal(); });
}

void Cluster::SetFaults(const Name& from, const Name& to, const LinkFaults& faults) {
  impl_->network->ChangeFaults(
      [&](FaultTable& table) { table.Set(impl_->HostOf(from), impl_->HostOf(to), faults); });
}

void Cluster::SetDefaultFaults(const LinkFaults& faults) {
  impl_->network->ChangeFaults([&](FaultTable& table) { table.SetDefault(faults); });
}

const LinkFaults& Cluster::default_faults() const { return impl_->network->faults().usual(); }

LinkFaults Cluster::FaultsBetween(const Name& from, const Name& to) const {
  const HostId a = impl_->HostOf(from), b = impl_->HostOf(to);
  const FaultTable& table = impl_->network->faults();
  LinkFaults faults = table.Between(a, b);
  faults.cut = table.Cut(a, b);
  return faults;
}

void Cluster::SetDiskFaults(const Name& name, const DiskFaults& faults) {
  impl_->Find(name).disk().SetFaults(faults);
}

const DiskFaults& Cluster::DiskFaultsOf(const Name& name) const {
  return impl_->Find(name).disk().faults();
}

void Cluster::ResetLinks(const Name& a, const Name& b) {
  impl_->network->ResetLinks(impl_->HostOf(a), impl_->HostOf(b));
}

void Cluster::Crash(const Name& name, bool lose_unsynced, bool host_gone) {
  impl_->Find(name).Crash(lose_unsynced, host_gone);
}

absl::Status Cluster::Restart(const Name& name) { return impl_->StartMachine(impl_->Find(name)); }

void Cluster::SetDisk(const Name& name, std::optional<PersistentState> content) {
  CLUSTERKIT_CHECK(!Running(name));
  impl_->Find(name).disk().Format(std::move(content));
}

void Cluster::DamageDisk(const Name& name) {
  CLUSTERKIT_CHECK(!Running(name));
  impl_->Find(name).disk().Damage();
}

void Cluster::Readdress(const Name& name) {
  CLUSTERKIT_CHECK(!Running(name));
  impl_->Readdress(impl_->Find(name));
}

void Cluster::RotateAddresses(const std::vector<Name>& names) {
  for (const Name& name : names) CLUSTERKIT_CHECK(!Running(name));
  impl_->RotateAddresses(names);
}

void Cluster::Pause(const Name& name) { impl_->Find(name).Pause(); }
void Cluster::Suspend(const Name& name) { impl_->Find(name).Suspend(); }
void Cluster::Resume(const Name& name) { impl_->Find(name).Resume(); }

void Cluster::SetClock(const Name& name, absl::Duration ahead, int64_t drift_ppm) {
  impl_->Find(name).SetClock(ahead, drift_ppm);
}

absl::Status Cluster::Inject(const Name& from, const Name& to, const Frame& frame) {
  impl_->injected_ = true;
  return impl_->Find(from).Inject(impl_->HostOf(to), impl_->codec->Encode(frame));
}

// --- Time and watching -----------------------------------------------------------------------

Instant Cluster::now() const { return impl_->scheduler.now(); }

void Cluster::Advance(absl::Duration virtual_time) {
  impl_->Advance(impl_->scheduler.now_ns() + absl::ToInt64Nanoseconds(virtual_time));
}

bool Cluster::AdvanceUntil(const std::function<bool()>& done, absl::Duration limit) {
  const Instant end = now() + limit;
  for (;;) {
    if (done()) return true;
    if (now() >= end) return false;
    Advance(std::min(kAskEvery, end - now()));
  }
}

void Cluster::AddTraceSink(TraceRecordSink sink) { impl_->trace_sinks_.push_back(std::move(sink)); }
void Cluster::AddEventSink(EventSink sink) { impl_->event_sinks_.push_back(std::move(sink)); }
void Cluster::AddFrameSink(FrameSink sink) { impl_->frame_sinks_.push_back(std::move(sink)); }
void Cluster::AddDeliverySink(DeliverySink sink) {
  impl_->delivery_sinks_.push_back(std::move(sink));
}
void Cluster::AddStartSink(StartSink sink) { impl_->start_sinks_.push_back(std::move(sink)); }
void Cluster::AddSaveSink(SaveSink sink) { impl_->save_sinks_.push_back(std::move(sink)); }

uint64_t Cluster::frames_sent() const { return impl_->frames_sent_; }
uint64_t Cluster::bytes_sent() const { return impl_->bytes_sent_; }
uint64_t Cluster::steps_run() const { return impl_->scheduler.events_run(); }

}  // namespace clusterkit::sim
