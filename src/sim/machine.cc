#include "sim/machine.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace clusterkit::sim {

Machine::Process::Process(Machine* machine, uint64_t number)
    : machine(machine),
      number(number),
      loop(&machine->world_->scheduler, &machine->clock_, machine, kLoop, number) {}

void Machine::Process::OnStampedEvent(const StampedEvent& stamped, Instant now) {
  if (dead) return;
  if (host != nullptr) host->OnStampedEvent(stamped, now);
  machine->world_->OnEvent(*machine, stamped);
}

void Machine::Process::OnTrace(const TraceRecord& record) {
  if (!dead) machine->world_->OnTrace(*machine, record);
}

Machine::Machine(World* world, Name name, HostId host, Options options, uint64_t seed)
    : world_(world),
      name_(std::move(name)),
      host_(host),
      options_(std::move(options)),
      rng_(seed),
      clock_(&world->scheduler),
      disk_(&world->scheduler, rng_.Next(),
            [this](const PersistentState& state) { world_->OnDurable(*this, state); }) {}

Machine::~Machine() {
  if (process_ != nullptr) process_->dead = true;
}

bool Machine::RefreshId() {
  if (node() == nullptr) return false;
  const NodeId& id = node()->view()->self().id;
  if (id == id_) return false;
  id_ = id;
  return true;
}

absl::Status Machine::Start() {
  if (process_ != nullptr) return absl::FailedPreconditionError(absl::StrCat(name_, " runs"));
  world_->network->ChangeFaults([this](FaultTable& faults) { faults.SetGone(host_, false); });
  paused_ = false;
  options_.seed = rng_.Next();
  process_ = std::make_unique<Process>(this, ++processes_);
  process_->transport = NewTransport(world_->tap);
  process_->host = world_->MakeHost(name_);
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start(options_, {&process_->loop, process_->transport.get(), world_->codec.get(),
                             &disk_, process_.get(), world_->Traces() ? process_.get() : nullptr});
  if (!node.ok()) {
    Crash(false, false);
    return node.status();
  }
  process_->node = *std::move(node);
  return absl::OkStatus();
}

void Machine::Crash(bool lose_unsynced, bool host_gone) {
  if (process_ == nullptr) return;
  paused_ = suspended_ = false;
  process_->dead = true;
  process_->loop.Stop();
  if (host_gone) {
    world_->network->ChangeFaults([this](FaultTable& faults) { faults.SetGone(host_, true); });
  }
  world_->network->Die(host_, host_gone);
  disk_.Crash(lose_unsynced);
  world_->Bury(std::shared_ptr<Process>(std::move(process_)));
}

void Machine::Pause() {
  if (process_ == nullptr || paused_) return;
  paused_ = true;
  world_->network->SetPaused(host_, true);
  disk_.SetPaused(true);
}

void Machine::Suspend() {
  if (process_ == nullptr) return;
  Pause();
  if (suspended_) return;
  suspended_ = true;
  world_->network->ChangeFaults([this](FaultTable& faults) { faults.SetGone(host_, true); });
}

void Machine::SetAddress(const Endpoint& bus, const Endpoint& client) {
  CLUSTERKIT_CHECK(process_ == nullptr);
  options_.bus = bus;
  options_.client = client;
}

// A stopped process may have been anywhere in its loop: whether it sees its timers or its input
// first is left to chance.
void Machine::Resume() {
  if (!paused_) return;
  paused_ = false;
  if (std::exchange(suspended_, false)) {
    world_->network->ChangeFaults([this](FaultTable& faults) { faults.SetGone(host_, false); });
  }
  const bool timers_first = rng_.Chance(500);
  if (timers_first) ReleaseProcess();
  disk_.SetPaused(false);
  world_->network->SetPaused(host_, false);
  if (!timers_first) ReleaseProcess();
}

void Machine::ReleaseProcess() {
  const int64_t now = world_->scheduler.now_ns();
  if (std::exchange(process_->loop_due, false)) {
    world_->scheduler.At(now, this, kLoop, process_->number);
  }
  for (uint64_t timer : std::exchange(process_->timers_due, {})) {
    world_->scheduler.At(now, this, kTimer, timer);
  }
}

void Machine::SetClock(absl::Duration ahead, int64_t drift_ppm) {
  clock_.Set(ahead, drift_ppm);
  if (process_ != nullptr) process_->loop.Rearm();
}

void Machine::After(absl::Duration delay, std::function<void()> fn) {
  CLUSTERKIT_CHECK(process_ != nullptr);
  process_->timers.emplace(++timers_, std::move(fn));
  world_->scheduler.At(clock_.TrueNs(clock_.Now() + delay), this, kTimer, timers_);
}

std::unique_ptr<NetTransport> Machine::NewTransport(FrameTap* tap) {
  CLUSTERKIT_CHECK(process_ != nullptr);
  return std::make_unique<NetTransport>(world_->network.get(), host_, options_, tap);
}

absl::Status Machine::Inject(HostId to, std::string frame) {
  if (process_ == nullptr) return absl::NotFoundError(absl::StrCat(name_, " does not run"));
  return world_->network->Inject(*process_->transport, to, std::move(frame));
}

void Machine::OnScheduled(uint64_t what, uint64_t which) {
  if (process_ == nullptr) return;
  Process& process = *process_;
  if (what == kLoop) {
    if (which != process.number) return;
    if (paused_) {
      process.loop_due = true;
    } else {
      process.loop.Run();
    }
    return;
  }
  auto found = process.timers.find(which);
  if (found == process.timers.end()) return;
  if (paused_) {
    process.timers_due.push_back(which);
    return;
  }
  const std::function<void()> fn = std::move(found->second);
  process.timers.erase(found);
  fn();
}

}  // namespace clusterkit::sim
