// cluster, node: what there is.

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

// "p1 0-5460, p2 5461-10922; r1 of p1"
std::string Shape(World& world) {
  std::string primaries, replicas;
  for (const sim::Name& name : world.cluster().names()) {
    const auto view = world.cluster().node(name).view();
    const NodeView& self = view->self();
    if (self.role == Role::kReplica && self.primary) {
      absl::StrAppend(&replicas, replicas.empty() ? "; " : ", ", name, " of ",
                      world.cluster().NameOf(*self.primary));
    } else {
      absl::StrAppend(&primaries, primaries.empty() ? "" : ", ", name, " ",
                      Describe(view->slots().SlotsOf(self.id)));
    }
  }
  return primaries + replicas;
}

// cluster primaries=3 replicas=1 witnesses=0 node-timeout=2s seed=1 latency=100us <options>
// With primaries=0 it is empty: add nodes one by one.
absl::StatusOr<std::string> MakeCluster(WorldPtr& world, const sim::Command& c) {
  Options options;
  options.node_timeout = absl::Seconds(2);
  CLUSTERKIT_RETURN_IF_ERROR(sim::ApplyOptions(c, options));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t seed, c.Number("seed", 1));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t primaries, c.Number("primaries", 3));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t replicas, c.Number("replicas", 1));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t witnesses, c.Number("witnesses", 0));
  sim::LinkFaults usual;
  CLUSTERKIT_ASSIGN_OR_RETURN(usual.latency, c.Time("latency", absl::Milliseconds(1)));
  world = std::make_unique<World>(static_cast<uint64_t>(seed), options);
  world->cluster().SetDefaultFaults(usual);
  if (primaries > 0) {
    sim::Topology topology{static_cast<int>(primaries), static_cast<int>(replicas)};
    topology.witnesses = static_cast<int>(witnesses);
    CLUSTERKIT_RETURN_IF_ERROR(sim::Form(world->cluster(), topology));
  }
  world->RememberShards();
  (void)world->Timeline({});
  world->StartClock();
  return absl::StrCat(primaries > 0 ? Shape(*world) : "empty", "\n");
}

// "smallest", "largest", or leading hex digits.
absl::StatusOr<NodeId> ParseId(const std::string& text) {
  std::string hex = text == "smallest" ? std::string(39, '0') + "1" : text;
  hex.resize(2 * NodeId::kSize, text == "largest" ? 'f' : '0');
  if (text == "largest") hex.assign(2 * NodeId::kSize, 'f');
  return NodeId::FromHex(hex);
}

// node a b c <options>; node d id=smallest
absl::StatusOr<std::string> AddNodes(WorldPtr& world, const sim::Command& c) {
  for (const std::string& name : c.words()) {
    sim::NodeSetup setup;
    absl::Status parsed;
    setup.adjust = [&](Options& options) { parsed = sim::ApplyOptions(c, options); };
    if (const std::string id = c.Named("id", ""); !id.empty()) {
      CLUSTERKIT_ASSIGN_OR_RETURN(const NodeId node_id, ParseId(id));
      setup.disk = sim::FreshState(node_id);
    }
    CLUSTERKIT_RETURN_IF_ERROR(world->cluster().AddNode(name, setup));
    CLUSTERKIT_RETURN_IF_ERROR(parsed);
  }
  world->RememberShards();
  return "ok\n";
}

}  // namespace

void AddTopologyCommands(Handlers& handlers) {
  handlers["cluster"] = {MakeCluster, true, false};
  handlers["node"] = {AddNodes};
}

}  // namespace clusterkit::scenario
