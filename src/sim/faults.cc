#include "sim/faults.h"

namespace clusterkit::sim {

void FaultTable::Put(std::vector<uint32_t>& values, HostId host, uint32_t value) {
  const size_t index = static_cast<size_t>(host);
  if (index >= values.size()) values.resize(index + 1, 0);
  values[index] = value;
}

void FaultTable::Partition(const std::vector<std::vector<HostId>>& groups) {
  group_.clear();
  for (size_t i = 0; i < groups.size(); ++i) {
    for (HostId host : groups[i]) Put(group_, host, static_cast<uint32_t>(i) + 1);
  }
}

void FaultTable::Heal() {
  group_.clear();
  pairs_.clear();
}

void FaultTable::SetGone(HostId host, bool gone) { Put(gone_, host, gone ? 1 : 0); }

}  // namespace clusterkit::sim
