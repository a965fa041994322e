#include "replicated_register/service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/node.h"
#include "clusterkit/slot.h"
#include "replicated_register/client.h"

namespace replicated_register {

using clusterkit::Instant;
using clusterkit::Progress;
using clusterkit::Role;
using clusterkit::sim::Cluster;
using clusterkit::sim::FaultKind;

// For a cluster that is whole and idle.
constexpr absl::Duration kSoon = absl::Seconds(5);

Promises PromisesUnder(const std::vector<FaultKind>& kinds, const HostOptions& options) {
  const std::set<std::string> old_files = {"damaged-file", "old-file"};
  const std::set<std::string> repaired = {"empty-disk", "addresses",   "slots",      "import",
                                          "replicate",  "forget",      "reset-node", "leave",
                                          "failover",   "move-by-hand"};
  const std::set<std::string> losing = {"lose-data", "epochs"};
  Promises promises;
  promises.nothing_lost = options.synchronous;
  for (const FaultKind& kind : kinds) {
    const bool old_file = old_files.contains(kind.name);
    const bool repair = old_file || repaired.contains(kind.name);
    if (old_file) promises.copies_agree = false;
    // The target answers under its own epoch before it owns the slot.
    if (kind.name == "move") promises.one_primary_answers = false;
    if (repair) promises.one_primary_answers = false;
    if (repair || losing.contains(kind.name)) promises.nothing_lost = false;
  }
  return promises;
}

clusterkit::sim::RunOptions RunWith(const clusterkit::sim::FaultScript& script,
                                    const HostOptions& options) {
  const auto kinds = clusterkit::sim::KindsOf(script);
  const Promises promises =
      PromisesUnder(kinds.ok() ? *kinds : clusterkit::sim::FaultKinds(), options);
  clusterkit::sim::RunOptions run;
  run.workload = [=](Cluster& cluster) {
    return std::make_unique<Service>(cluster, options, promises);
  };
  return run;
}

// --- One process ---------------------------------------------------------------------------------

class Service::Process : public clusterkit::Observer {
 public:
  Process(Service* service, const Name& name, Machine* machine)
      : host_(service->SurroundingsOf(name), &machine->disk, service->options_,
              {[=](const Written& written) { service->OnAcknowledged(name, written); },
               [=] { service->OnSaved(name); }}),
        client_(service->SurroundingsOf(name), machine->slot, &machine->next,
                [=](const Written& written) { service->OnTold(name, written); }) {}

  void OnEvent(const clusterkit::Event& event, Instant now) override { host_.OnEvent(event, now); }

 private:
  Host host_;
  Client client_;
};

Surroundings Service::SurroundingsOf(const Name& name) {
  return {[this, name]() -> clusterkit::Node& { return cluster_.node(name); },
          [this, name] { return cluster_.LocalNow(name); },
          [this, name](absl::Duration delay, std::function<void()> fn) {
            cluster_.After(name, delay, std::move(fn));
          },
          [this, name] { return cluster_.NewTransport(name); },
          [this] { return rng_.Next(); },
          [this, name] { return machines_[name].hangs; }};
}

Service::Service(Cluster& cluster, const HostOptions& options, const Promises& promises)
    : cluster_(cluster), options_(options), promises_(promises), rng_(cluster.seed()) {
  cluster.SetHostFactory([this](const Name& name, Cluster&) {
    Machine& machine = machines_[name];
    machine.hangs = false;  // Whatever hung, ended with its process.
    machine.slot = clusterkit::SlotForKey(name);
    return std::make_unique<Process>(this, name, &machine);
  });
}

Service::~Service() = default;

// --- Faults and questions ------------------------------------------------------------------------

void Service::SetHostAlive(const Name& name, bool alive) { machines_[name].hangs = !alive; }

bool Service::HostAlive(const Name& name) const {
  const auto machine = machines_.find(name);
  return machine == machines_.end() || !machine->second.hangs;
}

void Service::SetDataPresent(const Name& name, bool present) {
  Disk& disk = machines_[name].disk;
  if (!present) disk = {disk.owner, Copy(), false, false};
  if (present) disk.present = true;
  if (cluster_.Running(name) && !cluster_.Paused(name)) {
    cluster_.node(name).ReportDataPresent(present);
  }
}

std::optional<Progress> Service::ProgressOf(const Name& name) const {
  const auto machine = machines_.find(name);
  return machine == machines_.end() ? Progress()
                                    : replicated_register::ProgressOf(machine->second.disk);
}

// --- Promises ------------------------------------------------------------------------------------

void Service::Broken(const std::string& rule, const std::string& text) {
  constexpr size_t kMostKept = 20;
  if (violations_.size() < kMostKept) violations_.push_back({rule, text});
}

void Service::OnAcknowledged(const Name& name, const Written& written) {
  const clusterkit::Epoch epoch = cluster_.node(name).view()->self().config_epoch;
  const auto [last, first] = last_answered_.try_emplace(written.slot, Answered{epoch, name});
  const Answered before = std::exchange(last->second, Answered{epoch, name});
  if (first || !promises_.one_primary_answers) return;
  if (epoch > before.epoch || (epoch == before.epoch && name == before.by)) return;
  Broken("one-primary-answers",
         absl::StrCat(name, " acknowledges ", written.value, " in slot ", written.slot.value,
                      " under epoch ", epoch.value, " after ", before.by, " under epoch ",
                      before.epoch.value));
}

void Service::OnSaved(const Name& name) {
  if (!promises_.copies_agree) return;
  const Copy& copy = machines_[name].disk.copy;
  const auto [known, first] = copies_.try_emplace({copy.generation, copy.history, copy.offset},
                                                  std::make_pair(name, Describe(copy)));
  const auto& [other, theirs] = known->second;
  if (first || theirs == Describe(copy)) return;
  Broken("copies-agree", absl::StrCat(name, " has ", Describe(copy), "; ", other, " had ", theirs));
}

// Values grow, so that what the register held before tells which of the acknowledged ones it lost.
void Service::OnTold(const Name& name, const Written& written) {
  auto& answered = machines_[name].answered;
  const auto lost = answered.upper_bound(written.former);
  if (lost != answered.end() && lost->first < written.value) {
    if (promises_.nothing_lost) {
      Broken("nothing-lost", absl::StrCat("slot ", written.slot.value, " held ", written.former,
                                          " when ", name, " wrote ", written.value, "; ",
                                          answered.rbegin()->first, " had been acknowledged"));
    }
    writes_.lost += static_cast<uint64_t>(std::distance(lost, answered.end()));
  }
  ++writes_.acknowledged;
  answered = {{written.value, cluster_.now()}};
}

void Service::AtRest() {
  const Instant calm = cluster_.now();
  const auto missing = [&]() -> const Machine* {
    for (const auto& [name, machine] : machines_) {
      const bool owned = cluster_.node(name).view()->OwnerOf(machine.slot) != nullptr;
      const auto& answered = machine.answered;
      if (owned && (answered.empty() || answered.rbegin()->second <= calm)) return &machine;
    }
    return nullptr;
  };
  if (!cluster_.AdvanceUntil([&] { return missing() == nullptr; }, kSoon)) {
    Broken("serves-again", absl::StrCat("slot ", missing()->slot.value,
                                        " cannot be written when the faults are over"));
  }
  for (auto& [name, machine] : machines_) machine.next = 0;
  cluster_.Advance(kSoon);
  if (!promises_.copies_agree) return;
  for (const auto& [name, machine] : machines_) {
    const auto view = cluster_.node(name).view();
    if (view->self().role != Role::kReplica || !view->self().primary) continue;
    const Name primary = cluster_.NameOf(*view->self().primary);
    const Copy& theirs = machines_[primary].disk.copy;
    const Copy& ours = machine.disk.copy;
    if (Encode(ours) == Encode(theirs)) continue;
    Broken("copies-agree", absl::StrCat("at rest ", name, " has ", Describe(ours), "; ", primary,
                                        ", its primary, has ", Describe(theirs)));
  }
}

}  // namespace replicated_register
