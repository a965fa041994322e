#include "clusterkit/sim/workload.h"

namespace clusterkit::sim {

void Workload::SetHostAlive(const Name&, bool) {}
bool Workload::HostAlive(const Name&) const { return true; }
void Workload::SetDataPresent(const Name&, bool) {}
std::optional<Progress> Workload::ProgressOf(const Name&) const { return std::nullopt; }
void Workload::AtRest() {}
Violations Workload::violations() const { return {}; }
Workload::Writes Workload::CountWrites() const { return {}; }

}  // namespace clusterkit::sim
