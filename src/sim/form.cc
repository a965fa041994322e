#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/data_plane.h"
#include "sim/addresses.h"

namespace clusterkit::sim {
namespace {

constexpr absl::Duration kFormLimit = absl::Minutes(5);

Name PrimaryName(int index) { return absl::StrCat("p", index + 1); }
Name ReplicaName(int index) { return absl::StrCat("r", index + 1); }
Name WitnessName(int index) { return absl::StrCat("w", index + 1); }
void MakeWitness(Options& options) { options.voting = Voting::kWitness; }

int ReplicasIn(const Topology& topology) {
  return topology.replicas.value_or(topology.primaries * topology.replicas_per_primary);
}

// What each primary gets, and whom each replica follows.
struct Plan {
  std::vector<SlotSet> shares;
  std::vector<int> primary_of;
};

Plan DrawPlan(const Topology& topology, uint64_t seed) {
  Rng rng(seed ^ 0x706c616e);
  const int primaries = topology.primaries;
  // Where each share begins; rounded, as redis-cli does it.
  std::set<int> bounds;
  for (int i = 0; i < primaries && !topology.uneven; ++i) {
    bounds.insert((int{kSlotCount} * i + primaries / 2) / primaries);
  }
  bounds.insert(0);
  while (static_cast<int>(bounds.size()) < primaries) {
    bounds.insert(static_cast<int>(rng.Below(kSlotCount)));
  }
  bounds.insert(kSlotCount);
  Plan plan;
  for (auto from = bounds.begin(), to = std::next(from); to != bounds.end(); ++from, ++to) {
    plan.shares.push_back(SlotSet::Of(
        {SlotId{static_cast<uint16_t>(*from)}, SlotId{static_cast<uint16_t>(*to - 1)}}));
  }
  for (int i = 0; i < ReplicasIn(topology); ++i) {
    plan.primary_of.push_back(topology.uneven
                                  ? static_cast<int>(rng.Below(static_cast<uint64_t>(primaries)))
                                  : i % primaries);
  }
  return plan;
}

// Ids ascend in the order of the nodes: ties that ids break can then be told from names.
std::vector<NodeId> DrawIds(const Topology& topology, Rng& rng) {
  std::vector<NodeId> ids;
  const int count = topology.primaries + ReplicasIn(topology) + topology.witnesses;
  for (int i = 0; i < count; ++i) ids.push_back(NodeId::Random(rng));
  std::sort(ids.begin(), ids.end());
  return ids;
}

// --- By disk ---------------------------------------------------------------------------------

std::vector<NodeRecord> DrawRecords(const Topology& topology, const Plan& plan, Voting voting,
                                    Rng& rng) {
  const std::vector<NodeId> ids = DrawIds(topology, rng);
  std::vector<NodeRecord> records;
  for (int i = 0; i < topology.primaries; ++i) {
    NodeRecord record;
    record.id = ids[records.size()];
    record.shard = ShardId::Random(rng);
    record.config_epoch = Epoch{static_cast<uint64_t>(i) + 1};
    record.voting = voting;
    records.push_back(record);
  }
  for (const int of : plan.primary_of) {
    const NodeRecord primary = records[static_cast<size_t>(of)];
    NodeRecord record;
    record.id = ids[records.size()];
    record.shard = primary.shard;
    record.role = Role::kReplica;
    record.primary = primary.id;
    record.voting = voting;
    records.push_back(record);
  }
  for (int i = 0; i < topology.witnesses; ++i) {
    NodeRecord record;
    record.id = ids[records.size()];
    record.shard = ShardId::Random(rng);
    record.config_epoch = Epoch{static_cast<uint64_t>(topology.primaries + i) + 1};
    record.voting = Voting::kWitness;
    records.push_back(record);
  }
  return records;
}

absl::Status StartPreloaded(Cluster& cluster, const Topology& topology) {
  Rng rng(cluster.seed());
  const Plan plan = DrawPlan(topology, cluster.seed());
  std::vector<NodeRecord> records = DrawRecords(topology, plan, cluster.base_options().voting, rng);
  PersistentState state;
  state.current_epoch = Epoch{static_cast<uint64_t>(topology.primaries + topology.witnesses)};
  state.ledger.emplace();
  for (int i = 0; i < topology.primaries; ++i) {
    const size_t index = static_cast<size_t>(i);
    state.slots.Bind(plan.shares[index], records[index].id);
  }
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].bus = BusEndpoint(i);
    records[i].client = ClientEndpoint(i);
  }
  state.nodes = records;
  std::sort(state.nodes.begin(), state.nodes.end(),
            [](const NodeRecord& a, const NodeRecord& b) { return a.id < b.id; });
  for (size_t i = 0; i < records.size(); ++i) {
    const int index = static_cast<int>(i), replica = index - topology.primaries,
              witness = replica - ReplicasIn(topology);
    state.self = records[i].id;
    state.ledger->settled = replica < 0 || records[i].voting != Voting::kWithSlots;
    if (witness >= 0) {
      CLUSTERKIT_RETURN_IF_ERROR(cluster.AddNode(WitnessName(witness), {MakeWitness, state}));
    } else {
      CLUSTERKIT_RETURN_IF_ERROR(cluster.AddNode(
          replica < 0 ? PrimaryName(index) : ReplicaName(replica), {nullptr, state}));
    }
  }
  return absl::OkStatus();
}

// --- By commands -----------------------------------------------------------------------------

bool AllAcquainted(Cluster& cluster, size_t count) {
  for (const Name& name : cluster.names()) {
    if (cluster.node(name).view()->nodes().size() < count) return false;
  }
  return true;
}

absl::Status StartByCommands(Cluster& cluster, const Topology& topology) {
  const int replicas = ReplicasIn(topology);
  const Plan plan = DrawPlan(topology, cluster.seed());
  Rng rng(cluster.seed());
  const std::vector<NodeId> ids = DrawIds(topology, rng);
  size_t next = 0;
  const auto add = [&](const Name& name, const std::function<void(Options&)>& adjust = nullptr) {
    return cluster.AddNode(name, {adjust, FreshState(ids[next++])});
  };
  for (int i = 0; i < topology.primaries; ++i) {
    CLUSTERKIT_RETURN_IF_ERROR(add(PrimaryName(i)));
    Node& node = cluster.node(PrimaryName(i));
    CLUSTERKIT_RETURN_IF_ERROR(node.SetConfigEpoch(Epoch{static_cast<uint64_t>(i) + 1}));
    CLUSTERKIT_RETURN_IF_ERROR(node.AddSlots(plan.shares[static_cast<size_t>(i)]));
  }
  for (int i = 0; i < replicas; ++i) CLUSTERKIT_RETURN_IF_ERROR(add(ReplicaName(i)));
  for (int i = 0; i < topology.witnesses; ++i) {
    CLUSTERKIT_RETURN_IF_ERROR(add(WitnessName(i), MakeWitness));
    const Epoch epoch{static_cast<uint64_t>(topology.primaries + i) + 1};
    CLUSTERKIT_RETURN_IF_ERROR(cluster.node(WitnessName(i)).SetConfigEpoch(epoch));
  }
  const std::vector<Name> names = cluster.names();
  Node& first = cluster.node(names.front());
  for (size_t i = 1; i < names.size(); ++i) {
    CLUSTERKIT_RETURN_IF_ERROR(first.Meet(cluster.BusOf(names[i])));
  }
  if (!cluster.AdvanceUntil([&] { return AllAcquainted(cluster, names.size()); }, kFormLimit)) {
    return absl::DeadlineExceededError("the nodes did not all get to know each other");
  }
  for (int i = 0; i < replicas; ++i) {
    const NodeId primary = cluster.IdOf(PrimaryName(plan.primary_of[static_cast<size_t>(i)]));
    CLUSTERKIT_RETURN_IF_ERROR(cluster.node(ReplicaName(i)).Replicate(primary));
  }
  return absl::OkStatus();
}

// --- What has to come of it ------------------------------------------------------------------

absl::Status CheckReplicas(Cluster& cluster, const Topology& topology) {
  for (int i = 0; i < ReplicasIn(topology); ++i) {
    const NodeView self = cluster.node(ReplicaName(i)).view()->self();
    if (self.role != Role::kReplica) {
      return absl::FailedPreconditionError(absl::StrCat(ReplicaName(i), " is no replica"));
    }
  }
  return absl::OkStatus();
}

absl::Status Differs(const Name& observer, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(observer, ": ", what));
}

// What `view` says of `subject` against what `reference` says.
absl::Status CompareNode(Cluster& cluster, const Name& observer, const ClusterView& view,
                         const ClusterView& reference, const Name& subject) {
  const NodeView* node = view.Find(cluster.IdOf(subject));
  const NodeView* expected = reference.Find(cluster.IdOf(subject));
  if (node == nullptr || expected == nullptr) {
    return Differs(observer, absl::StrCat(subject, " is not known everywhere"));
  }
  if (node->health != Health::kOnline) {
    return Differs(observer, absl::StrCat(subject, " is ", Av(Describe(node->health))));
  }
  if (node->role != expected->role || node->primary != expected->primary) {
    return Differs(observer, absl::StrCat("another role of ", subject));
  }
  if (node->role == Role::kPrimary && node->config_epoch != expected->config_epoch) {
    return Differs(observer, absl::StrCat("config epoch ", node->config_epoch.value, " of ",
                                          subject, ", not ", expected->config_epoch.value));
  }
  if (node->details != expected->details) {
    return Differs(observer, absl::StrCat("other names or tags of ", subject));
  }
  return absl::OkStatus();
}

absl::Status CheckOwnersRun(Cluster& cluster, const Name& observer, const ClusterView& view) {
  for (const NodeId& owner : view.slots().Owners()) {
    const Name name = cluster.NameOf(owner);
    const std::vector<Name> names = cluster.names();
    const bool runs = std::find(names.begin(), names.end(), name) != names.end() &&
                      cluster.Running(name) && !cluster.Paused(name);
    if (!runs) return Differs(observer, absl::StrCat("slots belong to ", name, ", which is down"));
  }
  return absl::OkStatus();
}

absl::Status CompareSlots(Cluster& cluster, const Name& observer, const ClusterView& view,
                          const ClusterView& reference) {
  const NodeId* last_owner = nullptr;
  const NodeId* last_expected = nullptr;
  for (uint16_t slot = 0; slot < kSlotCount; ++slot) {
    const NodeId* owner = view.slots().OwnerOf(SlotId{slot});
    const NodeId* expected = reference.slots().OwnerOf(SlotId{slot});
    // Slots come in runs, and ids are longer than pointers.
    if (owner == last_owner && expected == last_expected) continue;
    last_owner = owner;
    last_expected = expected;
    if (owner == expected || (owner != nullptr && expected != nullptr && *owner == *expected)) {
      continue;
    }
    const auto name = [&](const NodeId* id) {
      return id == nullptr ? std::string("nobody") : cluster.NameOf(*id);
    };
    return Differs(observer, absl::StrCat("slot ", slot, " belongs to ", name(owner), ", not ",
                                          name(expected)));
  }
  return absl::OkStatus();
}

}  // namespace

PersistentState FreshState(const NodeId& id) {
  uint64_t seed = 0;
  for (uint8_t byte : id.bytes) seed = seed * 257 + byte;
  Rng rng(seed);
  PersistentState state;
  state.self = id;
  state.ledger.emplace();
  NodeRecord self;
  self.id = id;
  self.shard = ShardId::Random(rng);
  state.nodes.push_back(self);
  return state;
}

absl::Status CheckAgreement(Cluster& cluster) {
  std::vector<Name> running;
  for (const Name& name : cluster.names()) {
    if (cluster.Running(name) && !cluster.Paused(name)) running.push_back(name);
  }
  std::shared_ptr<const ClusterView> reference;
  for (const Name& observer : running) {
    const std::shared_ptr<const ClusterView> view = cluster.node(observer).view();
    if (view->state() != ClusterState::kOk) {
      return Differs(observer, absl::StrCat("state fail, ", Av(Describe(view->down_reason()))));
    }
    if (reference == nullptr) reference = view;
    for (const Name& subject : running) {
      CLUSTERKIT_RETURN_IF_ERROR(CompareNode(cluster, observer, *view, *reference, subject));
    }
  }
  if (reference != nullptr) {
    CLUSTERKIT_RETURN_IF_ERROR(CheckOwnersRun(cluster, running.front(), *reference));
  }
  for (const Name& observer : running) {
    CLUSTERKIT_RETURN_IF_ERROR(
        CompareSlots(cluster, observer, *cluster.node(observer).view(), *reference));
  }
  return absl::OkStatus();
}

absl::Status Form(Cluster& cluster, const Topology& topology) {
  if (!cluster.names().empty()) return absl::FailedPreconditionError("there are nodes already");
  if (!cluster.has_host_factory()) DataPlane plane(cluster);
  CLUSTERKIT_RETURN_IF_ERROR(topology.preloaded ? StartPreloaded(cluster, topology)
                                                : StartByCommands(cluster, topology));
  const auto formed = [&] {
    absl::Status status = CheckReplicas(cluster, topology);
    return status.ok() ? CheckAgreement(cluster) : status;
  };
  const auto give_up = [&](const absl::Status& why) {
    return absl::DeadlineExceededError(absl::StrCat("the cluster did not form: ", why.message()));
  };
  if (!cluster.AdvanceUntil([&] { return formed().ok(); }, kFormLimit)) return give_up(formed());
  // Whoever has just become a voter abstains for the longest round, and until it has heard a
  // majority; replicas have to synchronise. Nodes from disks have done most of their waiting.
  const absl::Duration node_timeout = cluster.node(PrimaryName(0)).options().node_timeout;
  cluster.Advance(topology.preloaded ? kLongestRound / 2 : kLongestRound + node_timeout);
  // A replica may just be moving to a primary that has none, and not everybody has heard of it.
  const bool settled =
      formed().ok() || cluster.AdvanceUntil([&] { return formed().ok(); }, node_timeout);
  return settled ? absl::OkStatus() : give_up(formed());
}

}  // namespace clusterkit::sim
