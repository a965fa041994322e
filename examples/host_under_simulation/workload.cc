#include "host_under_simulation/workload.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace host_under_simulation {

using clusterkit::Instant;
using clusterkit::sim::Cluster;
using sharded_counter::Data;
using sharded_counter::Mistake;
using sharded_counter::Service;

// For a cluster that is whole and idle.
constexpr absl::Duration kSoon = absl::Seconds(5);

const std::vector<std::string>& FaultKinds() {
  static const auto* kinds = new std::vector<std::string>{
      "partition", "one-way-cut", "partial-partition", "latency",  "stall",     "refuse",
      "reset",     "pause",       "suspend",           "crash",    "power-cut", "slow-disk",
      "clock",     "at-election", "failing-disk",      "handover", "stop",      "meet"};
  return *kinds;
}

clusterkit::sim::RunOptions RunWith(Mistake mistake) {
  clusterkit::sim::RunOptions run;
  run.workload = [mistake](Cluster& cluster) {
    return std::make_unique<Workload>(cluster, mistake);
  };
  return run;
}

// One process: what main.cc of the service does with sockets and files, with those of the
// simulator.
class Workload::Process : public clusterkit::Observer {
 public:
  Process(Workload* workload, const Name& name, Machine* machine)
      : cluster_(workload->cluster_),
        name_(name),
        service_({cluster_.NewTransport(name), [this] { return cluster_.LocalNow(name_); },
                  [machine](const Data& data) { machine->data = data; },
                  [=](const std::string& key) { workload->OnAcknowledging(name, key); }},
                 machine->data, workload->mistake_),
        client_(cluster_, name, &machine->tally,
                [=](uint64_t value) { workload->OnTold(name, value); }) {
    cluster_.After(name, absl::ZeroDuration(), [this] {
      // If the port is taken nobody reaches us; there is nobody to tell.
      (void)service_.Begin(&cluster_.node(name_));
      TickLater();
    });
  }

  void OnEvent(const clusterkit::Event& event, Instant now) override {
    service_.OnEvent(event, now);
  }

 private:
  void TickLater() {
    cluster_.After(name_, sharded_counter::kTick, [this] {
      service_.Tick();
      TickLater();
    });
  }

  Cluster& cluster_;
  const Name name_;
  Service service_;
  Client client_;
};

Workload::Workload(Cluster& cluster, Mistake mistake) : cluster_(cluster), mistake_(mistake) {
  cluster.SetHostFactory([this](const Name& name, Cluster&) {
    return std::make_unique<Process>(this, name, &machines_[name]);
  });
}

std::optional<clusterkit::Progress> Workload::ProgressOf(const Name& name) const {
  const auto machine = machines_.find(name);
  return machine == machines_.end() ? clusterkit::Progress() : machine->second.data.progress();
}

// --- Promises ------------------------------------------------------------------------------------

void Workload::Broken(const std::string& rule, const std::string& text) {
  constexpr size_t kMostKept = 20;
  if (violations_.size() < kMostKept) violations_.push_back({rule, text});
}

void Workload::OnAcknowledging(const Name& name, const std::string& key) {
  const clusterkit::Epoch epoch = cluster_.node(name).view()->self().config_epoch;
  const auto [last, first] = last_acknowledged_.try_emplace(key, Acknowledged{epoch, name});
  const Acknowledged before = std::exchange(last->second, Acknowledged{epoch, name});
  if (first || epoch > before.epoch || (epoch == before.epoch && name == before.by)) return;
  Broken("fenced-says-nothing",
         absl::StrCat(name, " acknowledges ", key, " under epoch ", epoch.value, " after ",
                      before.by, " did under epoch ", before.epoch.value));
}

void Workload::OnTold(const Name& name, uint64_t value) {
  Machine& machine = machines_[name];
  const auto say = [&](const char* what, uint64_t bound) {
    return absl::StrCat("the counter of ", name, " is at ", value, "; ", what, " ", bound);
  };
  if (value > machine.tally.sent) {
    Broken("counted-once", say("increments that may have been counted:", machine.tally.sent));
  }
  if (value <= machine.last) {
    Broken("nothing-lost", say("acknowledged before:", machine.last));
    writes_.lost += machine.last + 1 - value;
  }
  ++writes_.acknowledged;
  machine.last = std::max(machine.last, value);
  machine.last_at = cluster_.now();
}

void Workload::AtRest() {
  const Instant calm = cluster_.now();
  const auto behind = [&]() -> const Name* {
    for (const auto& [name, machine] : machines_) {
      if (machine.last_at <= calm) return &name;
    }
    return nullptr;
  };
  if (!cluster_.AdvanceUntil([&] { return behind() == nullptr; }, kSoon)) {
    Broken("serves-again",
           absl::StrCat("nothing is counted for ", *behind(), " when the faults are over"));
  }
  for (auto& [name, machine] : machines_) machine.tally.stopped = true;
  cluster_.Advance(kSoon);
  for (const auto& [name, machine] : machines_) {
    const auto view = cluster_.node(name).view();
    if (!view->self().primary) continue;
    const Name primary = cluster_.NameOf(*view->self().primary);
    const Data& theirs = machines_[primary].data;
    if (machine.data.offset == theirs.offset && machine.data.counters == theirs.counters) continue;
    Broken("copies-agree", absl::StrCat(name, " has ", Format(machine.data), "; ", primary,
                                        ", its primary, has ", Format(theirs)));
  }
}

}  // namespace host_under_simulation
