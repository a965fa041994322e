// What the hosts say of their data.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

using Output = absl::StatusOr<std::string>;

absl::StatusOr<sim::Name> FirstName(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string word, c.Word(0, "a node"));
  return world->Known(word);
}

// replication r1 history=0 offset=100 synced=yes link=down io=2s; replication r1 auto
Output Replication(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, FirstName(world, c));
  if (c.HasWord("auto")) {
    world->hosts().OverrideReplication(name, std::nullopt);
    return "ok\n";
  }
  const Progress real = *world->hosts().ProgressOf(name);
  ReplicationStatus status;
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t history,
                              c.Number("history", static_cast<int64_t>(real.history.value)));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t offset,
                              c.Number("offset", static_cast<int64_t>(real.offset)));
  status.progress.history = Epoch{static_cast<uint64_t>(history)};
  status.progress.offset = static_cast<uint64_t>(offset);
  CLUSTERKIT_ASSIGN_OR_RETURN(status.progress.synced, c.Switch("synced", true));
  CLUSTERKIT_ASSIGN_OR_RETURN(status.link_up, c.Switch("link", true));
  CLUSTERKIT_ASSIGN_OR_RETURN(status.since_last_io, c.Time("io", absl::ZeroDuration()));
  world->hosts().OverrideReplication(name, status);
  return "ok\n";
}

// writes p1: whether it took any since the last question.
Output Writes(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, FirstName(world, c));
  const uint64_t before = world->hosts().WritesTaken(name);
  world->cluster().Advance(absl::Milliseconds(250));
  return world->hosts().WritesTaken(name) > before ? "takes writes\n" : "takes no writes\n";
}

// progress p1 r1
Output ShowProgress(WorldPtr& world, const sim::Command& c) {
  std::string text;
  for (const std::string& word : c.words()) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(word));
    absl::StrAppend(&text, name, " ", Describe(*world->hosts().ProgressOf(name)), "\n");
  }
  return text;
}

}  // namespace

void AddHostCommands(Handlers& handlers) {
  handlers["replication"] = {Replication};
  handlers["writes"] = {Writes, false};
  handlers["progress"] = {ShowProgress, false};
}

}  // namespace clusterkit::scenario
