#include "sim/campaign/healing.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"

namespace clusterkit::sim {
namespace {

// A replica whose disk takes longer cannot be expected to be elected in time.
constexpr absl::Duration kGoodDisk = absl::Milliseconds(20);

std::vector<Name> Awake(const Cluster& cluster) {
  std::vector<Name> awake;
  for (const Name& name : cluster.names()) {
    if (cluster.Running(name) && !cluster.Paused(name)) awake.push_back(name);
  }
  return awake;
}

bool GoodLink(const Cluster& cluster, const Name& from, const Name& to) {
  const LinkFaults faults = cluster.FaultsBetween(from, to);
  const LinkFaults& usual = cluster.default_faults();
  return !faults.cut && !faults.stalled && !faults.refused && faults.reset_per_mille == 0 &&
         faults.latency <= usual.latency && faults.jitter <= usual.jitter;
}

// A node that has moved is not found where it was.
bool KnowsAddress(const Cluster& cluster, const Name& from, const Name& to) {
  const auto view = cluster.node(from).view();
  const NodeView* known = view->Find(cluster.IdOf(to));
  return known != nullptr && known->bus == cluster.BusOf(to);
}

bool GoodPair(const Cluster& cluster, const Name& a, const Name& b) {
  return GoodLink(cluster, a, b) && GoodLink(cluster, b, a) && KnowsAddress(cluster, a, b) &&
         KnowsAddress(cluster, b, a);
}

// No frame of one arrives at the other.
bool Apart(const Cluster& cluster, const Name& a, const Name& b) {
  return cluster.FaultsBetween(a, b).cut && cluster.FaultsBetween(b, a).cut;
}

// As many as can be found, by beginning with `first`, that all reach each other.
std::set<Name> Clique(const Cluster& cluster, const std::vector<Name>& awake, const Name& first) {
  std::set<Name> clique = {first};
  for (const Name& name : awake) {
    const bool fits = std::all_of(clique.begin(), clique.end(), [&](const Name& member) {
      return name == member || GoodPair(cluster, name, member);
    });
    if (fits && cluster.DiskFaultsOf(name).sync_latency <= kGoodDisk &&
        !cluster.DiskFaultsOf(name).fail) {
      clique.insert(name);
    }
  }
  return clique;
}

// It came back with an old state file.
bool OthersKnowGreaterEpoch(const Cluster& cluster, const std::vector<Name>& awake,
                            const NodeView& self) {
  return std::any_of(awake.begin(), awake.end(), [&](const Name& name) {
    const auto view = cluster.node(name).view();
    const NodeView* known = view->Find(self.id);
    return known != nullptr && known->role == Role::kPrimary && self.role == Role::kPrimary &&
           known->config_epoch > self.config_epoch;
  });
}

absl::Status Wrong(const Name& observer, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(observer, ": ", what));
}

}  // namespace

absl::Status CheckWhole(Cluster& cluster) {
  for (const Name& name : cluster.names()) {
    if (!cluster.Running(name) || cluster.Paused(name)) return Wrong(name, "does not run");
  }
  CLUSTERKIT_RETURN_IF_ERROR(CheckAgreement(cluster));
  std::map<Epoch, Name> epochs;
  for (const Name& name : cluster.names()) {
    const auto view = cluster.node(name).view();
    for (const auto& node : view->nodes()) {
      if (node->health != Health::kOnline) {
        return Wrong(name,
                     absl::StrCat(cluster.NameOf(node->id), " is ", Av(Describe(node->health))));
      }
      const Name subject = cluster.NameOf(node->id);
      const std::vector<Name> names = cluster.names();
      if (std::find(names.begin(), names.end(), subject) == names.end() ||
          cluster.IdOf(subject) != node->id) {
        return Wrong(name, absl::StrCat("knows ", subject, ", which is no more"));
      }
    }
    const NodeView& self = view->self();
    if (self.role != Role::kPrimary || self.slot_count == 0) continue;
    const auto [other, unique] = epochs.try_emplace(self.config_epoch, name);
    if (!unique) {
      return Wrong(name, absl::StrCat("config epoch ", self.config_epoch.value, " is also ",
                                      other->second, "'s"));
    }
  }
  return absl::OkStatus();
}

void Repair(Cluster& cluster) {
  const std::vector<Name> awake = Awake(cluster);
  std::set<NodeId> alive;
  for (const Name& name : awake) alive.insert(cluster.IdOf(name));
  for (const Name& name : awake) {
    Node& node = cluster.node(name);
    const auto view = node.view();
    if (view->data_missing()) (void)node.OverruleDataGuard();
    if (OthersKnowGreaterEpoch(cluster, awake, view->self())) (void)node.BumpEpoch();
    for (const auto& known : view->nodes()) {
      if (alive.contains(known->id)) continue;
      if (node.Forget(known->id).ok()) continue;
      // The last of a shard whose primary is no more begins anew.
      (void)node.Reset(ResetMode::kSoft);
      break;
    }
    for (const Name& other : awake) {
      if (other == name) continue;
      const auto now = node.view();  // Commands changed it.
      const NodeView* known = now->Find(cluster.IdOf(other));
      // Known, but silent: at another address, perhaps.
      if (known == nullptr || known->health != Health::kOnline) {
        (void)node.Meet(cluster.BusOf(other));
      }
    }
  }
  SlotSet nobodys = SlotSet::Of({SlotId{0}, SlotId{kSlotCount - 1}});
  std::optional<Name> taker;
  for (const Name& name : awake) {
    const auto view = cluster.node(name).view();
    if (view->self().role != Role::kPrimary || view->self().voting == Voting::kWitness) continue;
    nobodys.Remove(view->slots().SlotsOf(view->self().id));
    if (!taker) taker = name;
  }
  if (nobodys.Empty() || awake.empty()) return;
  for (const Name& name : awake) {
    if (taker || cluster.node(name).view()->self().voting == Voting::kWitness) continue;
    taker = name;
    (void)cluster.node(name).Reset(ResetMode::kSoft);
  }
  if (!taker) return;
  (void)cluster.node(*taker).CompleteImport(nobodys);
}

absl::Status CheckHealedInSpite(Cluster& cluster, const Workload& workload,
                                const std::set<Name>& halted, const std::set<Name>& too_old) {
  std::vector<Name> awake = Awake(cluster);
  std::erase_if(
      awake, [&](const Name& name) { return halted.contains(name) || !workload.HostAlive(name); });
  for (const Name& replica : awake) {
    const auto view = cluster.node(replica).view();
    const NodeView& self = view->self();
    if (self.role != Role::kReplica || self.no_failover || !self.primary) continue;
    if (too_old.contains(replica)) continue;
    const std::optional<Progress> progress = workload.ProgressOf(replica);
    if (!progress || !progress->synced) continue;
    const NodeView* primary = view->Find(*self.primary);
    if (primary == nullptr || primary->slot_count == 0) continue;
    const std::set<Name> clique = Clique(cluster, awake, replica);
    // Dead, stopped, hanging, or out of reach of everybody here.
    const Name owner = cluster.NameOf(primary->id);
    const bool lost =
        !cluster.Running(owner) || cluster.Paused(owner) || !workload.HostAlive(owner) ||
        std::all_of(clique.begin(), clique.end(),
                    [&](const Name& member) { return Apart(cluster, owner, member); });
    if (!lost) continue;
    int voters = 0;
    bool agreed = true;
    for (const Name& member : clique) {
      const auto theirs = cluster.node(member).view();
      if (view->IsVoter(cluster.IdOf(member))) ++voters;
      agreed = agreed && theirs->voters() == view->voters() && !theirs->data_missing();
    }
    if (!agreed || voters < view->Quorum()) continue;
    return Wrong(replica, absl::StrCat("follows ", owner, ", which is lost, with ", voters, " of ",
                                       view->voters().size(), " voters at hand"));
  }
  return absl::OkStatus();
}

}  // namespace clusterkit::sim
