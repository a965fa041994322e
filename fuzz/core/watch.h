// What must hold in any run, with and without liars.

#ifndef CLUSTERKIT_FUZZ_CORE_WATCH_H_
#define CLUSTERKIT_FUZZ_CORE_WATCH_H_

#include <optional>
#include <vector>

#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/sim/checkers.h"
#include "clusterkit/time.h"

namespace clusterkit::fuzz {

// The checkers of the simulator that need no more than what nodes send, save and say. Stops the
// process at the first violation.
class Watch {
 public:
  void OnDurable(const PersistentState& state);
  // `to`: who the receiver said it was, if it said anything.
  void OnSent(const Message& message, const std::optional<NodeId>& to);

  // --- Only what honest nodes promise each other ----------------------------------------------
  void OnElected(const ClusterView& view, Epoch epoch);
  void OnServers(Instant now, const std::vector<sim::OneServer::Server>& servers);

 private:
  static void Require(const sim::Checker& checker);

  sim::OneVotePerEpoch one_vote_;
  sim::EpochsNeverGoBack epochs_;
  sim::DurableBeforeSent durable_;
  sim::OneWinner one_winner_;
  sim::OneServer one_server_;
};

}  // namespace clusterkit::fuzz

#endif  // CLUSTERKIT_FUZZ_CORE_WATCH_H_
