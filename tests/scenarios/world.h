// What the commands of a scenario act on: a simulated cluster and a record of what happens in it.

#ifndef CLUSTERKIT_TESTS_SCENARIOS_WORLD_H_
#define CLUSTERKIT_TESTS_SCENARIOS_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/message.h"
#include "clusterkit/sim/actions.h"
#include "clusterkit/sim/checkers.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/command.h"
#include "clusterkit/sim/data_plane.h"
#include "scenarios/script.h"

namespace clusterkit::scenario {

// What `show=` and `frames=` select.
struct Shown {
  std::set<std::string> events;  // Kinds, see KindOfEvent.
  std::set<std::string> frames;  // Message kinds, or "all".
  std::set<sim::Name> by;        // At these nodes only; empty: at all.
};

class World {
 public:
  World(uint64_t seed, const Options& base);

  sim::Cluster& cluster() { return *cluster_; }
  sim::DataPlane& hosts() { return *hosts_; }
  sim::Actions& actions() { return *actions_; }
  const Options& base() const { return base_; }

  absl::StatusOr<sim::Name> Known(const std::string& name);
  // FailedPrecondition if the node is down or stopped.
  absl::StatusOr<Node*> Awake(const std::string& name);
  std::vector<sim::Name> AwakeNames();

  // A name for a shard: its first node's, as seen at any time so far.
  sim::Name ShardName(const ShardId& shard);
  void RememberShards();

  // --- The record --------------------------------------------------------------------------
  // Times are told from here on.
  void StartClock() { clock_start_ = cluster_->now(); }
  std::string Clock(Instant at) const;  // "+2.600s"
  // What happened since the last call, as lines.
  std::string Timeline(const Shown& shown);
  // The causes of the last event of this kind at a node, each on a line, from what began it. Empty:
  // there was no such event.
  std::string Story(const sim::Name& node, const std::string& kind) const;
  // The last header seen from one node to another; for lies that look right.
  std::optional<Header> LastHeader(const sim::Name& from, const sim::Name& to) const;

  // Broken rules, whatever the scenario is about.
  sim::Violations violations() const { return checkers_.violations(); }

 private:
  struct Entry {
    Instant at;
    std::string kind;   // "frame" or an event kind.
    std::string frame;  // Message kind.
    sim::Name node;     // The sender of a frame.
    std::string text;
  };

  void OnEvent(const sim::Cluster::TracedEvent& traced);
  void OnFrame(const sim::Cluster::TracedFrame& traced);

  const Options base_;
  sim::Checkers checkers_;
  std::unique_ptr<sim::Cluster> cluster_;
  std::unique_ptr<sim::DataPlane> hosts_;
  std::unique_ptr<sim::Actions> actions_;
  Instant clock_start_;
  std::vector<Entry> entries_;
  // By number, of the process that runs or ran last.
  std::map<sim::Name, std::map<uint64_t, sim::Cluster::TracedEvent>> streams_;
  std::map<ShardId, sim::Name> shard_names_;
  std::map<std::pair<sim::Name, sim::Name>, Header> headers_;
};

// health, suspicion, election, vote, role, slots, state, epoch, membership, guard, halt, address,
// details.
std::string KindOfEvent(const Event& event);

// From show=, frames= and by=. InvalidArgument for an unknown kind.
absl::StatusOr<Shown> ParseShown(const sim::Command& command);

}  // namespace clusterkit::scenario

#endif  // CLUSTERKIT_TESTS_SCENARIOS_WORLD_H_
