// A script in the making: the cluster that was drawn, and the words of which steps are made.

#ifndef CLUSTERKIT_SRC_SIM_CAMPAIGN_DRAFT_H_
#define CLUSTERKIT_SRC_SIM_CAMPAIGN_DRAFT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/fault_script.h"

namespace clusterkit::sim {

struct Draft {
  explicit Draft(uint64_t seed) : rng(seed) {}

  // --- What to draw ---
  std::vector<std::string> Everybody() const;
  std::string Any();
  std::pair<std::string, std::string> Pair();  // two nodes, of several hardly ever the same
  std::string AnyPrimary();                    // one that is a primary at the beginning
  std::string Slots();
  // From a blink to as long as it takes, with as many short ones as long ones.
  absl::Duration Length();

  // --- Steps: at the moment that the draft has come to, or later ---
  void Now(std::string line) { After(absl::ZeroDuration(), std::move(line)); }
  void After(absl::Duration delay, std::string line);
  // The end of a fault; one in eight has none, and goes on until the calm, which ends everything.
  void Later(std::string line);

  static uint64_t Size(int n) { return static_cast<uint64_t>(n); }
  static std::string Ms(absl::Duration d);

  Rng rng;
  int primaries = 3, replicas = 3, witnesses = 0;
  bool large = false, vote_always = false;
  bool voting_changed = false;
  absl::Duration node_timeout, at;
  FaultScript script;
};

// A kind of fault, and what draws one together with its end.
struct DrawnFault {
  FaultKind kind;
  void (*strike)(Draft&);
};

std::vector<DrawnFault> FaultsOfLinks();
std::vector<DrawnFault> FaultsOfMachines();
std::vector<DrawnFault> FaultsOfElections();
std::vector<DrawnFault> ActionsOfOperators();

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_CAMPAIGN_DRAFT_H_
