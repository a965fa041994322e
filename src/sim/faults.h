// Which bytes pass between two simulated hosts, and how.

#ifndef CLUSTERKIT_SRC_SIM_FAULTS_H_
#define CLUSTERKIT_SRC_SIM_FAULTS_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "clusterkit/sim/cluster.h"

namespace clusterkit::sim {

// A machine on the simulated network, numbered from 0 in the order added.
enum class HostId : uint32_t {};

class FaultTable {
 public:
  void SetDefault(const LinkFaults& faults) { default_ = faults; }
  const LinkFaults& usual() const { return default_; }
  void Set(HostId from, HostId to, const LinkFaults& faults) { pairs_[{from, to}] = faults; }
  // Hosts in none of the groups form one more.
  void Partition(const std::vector<std::vector<HostId>>& groups);
  // Ends partitions and what was set for pairs.
  void Heal();
  // Without power: nothing comes in or out, and nobody says so.
  void SetGone(HostId host, bool gone);

  const LinkFaults& Between(HostId from, HostId to) const {
    if (pairs_.empty()) return default_;
    auto found = pairs_.find({from, to});
    return found == pairs_.end() ? default_ : found->second;
  }
  bool Cut(HostId from, HostId to) const {
    return GroupOf(from) != GroupOf(to) || IsGone(from) || IsGone(to) || Between(from, to).cut;
  }
  bool Stalled(HostId from, HostId to) const { return Between(from, to).stalled; }

 private:
  uint32_t GroupOf(HostId host) const { return At(group_, host); }
  bool IsGone(HostId host) const { return At(gone_, host) != 0; }
  // Zero beyond the end: hosts may be added after a partition began.
  static uint32_t At(const std::vector<uint32_t>& values, HostId host) {
    const size_t index = static_cast<size_t>(host);
    return index < values.size() ? values[index] : 0;
  }
  static void Put(std::vector<uint32_t>& values, HostId host, uint32_t value);

  LinkFaults default_;
  std::map<std::pair<HostId, HostId>, LinkFaults> pairs_;
  std::vector<uint32_t> group_;  // By host; 0 is the group of all that were not named.
  std::vector<uint32_t> gone_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_FAULTS_H_
