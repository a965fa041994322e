// Strikes at the moments at which a vote or a lease hangs in the balance.

#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "sim/campaign/draft.h"

namespace clusterkit::sim {
namespace {

// The moments at which a vote or a lease hangs in the balance are too short to be hit by chance.
void AtElection(Draft& d) {
  static const char* const kOccasions[] = {"vote", "vote", "election", "win"};
  const std::string back = Draft::Ms(d.rng.Between(absl::Milliseconds(1), absl::Milliseconds(400)));
  std::string strike;
  switch (d.rng.Below(6)) {
    case 0:
    case 1:
      strike = absl::StrCat("crash $node lose ; ", back, " restart $node");
      break;
    case 2:
      strike = absl::StrCat("pause $node ; ", back, " resume $node");
      break;
    case 3:
      strike = absl::StrCat("heal ; ", back, " crash $node ; 2s restart $node");
      break;
    case 4:
      strike = absl::StrCat("reset-links $node ", d.Any(), " ; ", back, " heal");
      break;
    default:
      strike = absl::StrCat("partition {$node ", d.Any(), " | ", d.Any(), "} ; ", back, " heal");
  }
  // An election needs a reason.
  const std::string victim = d.AnyPrimary();
  d.Now(absl::StrCat("arm ", kOccasions[d.rng.Below(std::size(kOccasions))], " ", strike));
  if (d.rng.Chance(500)) {
    d.Now("crash " + victim);
    d.After(d.rng.Between(absl::Milliseconds(100), absl::Seconds(4)), "restart " + victim);
  } else {
    d.Now("pause " + victim);
    d.After(d.rng.Between(d.node_timeout, 3 * d.node_timeout), "resume " + victim);
  }
}

}  // namespace

std::vector<DrawnFault> FaultsOfElections() {
  return {
      {{"at-election", "a voter, candidate or winner is struck at that very moment"}, AtElection},
  };
}

}  // namespace clusterkit::sim
