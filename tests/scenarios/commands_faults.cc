// What goes wrong, and what ends it.

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

using Output = absl::StatusOr<std::string>;

// Applies `act` to each word that is not in `flags`.
absl::Status ForEachNode(World& world, const Command& c, const std::set<std::string>& flags,
                         const std::function<absl::Status(const sim::Name&)>& act) {
  for (const std::string& word : c.words()) {
    if (flags.contains(word)) continue;
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world.Known(word));
    CLUSTERKIT_RETURN_IF_ERROR(act(name));
  }
  return absl::OkStatus();
}

// partition {p1 p2 | p3}
Output Partition(WorldPtr& world, const Command& c) {
  std::vector<std::vector<sim::Name>> groups(1);
  for (std::string word : c.words()) {
    std::erase_if(word, [](char ch) { return ch == '{' || ch == '}'; });
    if (word == "|") {
      groups.emplace_back();
    } else if (!word.empty()) {
      CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(word));
      groups.back().push_back(name);
    }
  }
  world->cluster().Partition(groups);
  return "ok\n";
}

Output Heal(WorldPtr& world, const Command&) {
  world->cluster().Heal();
  return "ok\n";
}

absl::StatusOr<sim::LinkFaults> ParseFaults(const Command& c) {
  sim::LinkFaults faults;
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.latency, c.Time("latency", absl::Milliseconds(1)));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.jitter, c.Time("jitter", absl::ZeroDuration()));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.cut, c.Switch("cut", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.stalled, c.Switch("stalled", false));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t reset, c.Number("reset-per-mille", 0));
  faults.reset_per_mille = static_cast<uint32_t>(reset);
  return faults;
}

absl::Status SetFaults(World& world, const Command& c, const sim::LinkFaults& faults) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string first, c.Word(0, "the sending node"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string second, c.Word(1, "the receiving node"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name from, world.Known(first));
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name to, world.Known(second));
  world.cluster().SetFaults(from, to, faults);
  return absl::OkStatus();
}

// faults p1 p2 latency=5ms jitter=2ms stalled=on: from p1 to p2 only.
Output Faults(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::LinkFaults faults, ParseFaults(c));
  CLUSTERKIT_RETURN_IF_ERROR(SetFaults(*world, c, faults));
  return "ok\n";
}

// cut p1 p2: from p1 to p2 only.
Output Cut(WorldPtr& world, const Command& c) {
  sim::LinkFaults faults;
  faults.cut = true;
  CLUSTERKIT_RETURN_IF_ERROR(SetFaults(*world, c, faults));
  return "ok\n";
}

Output ResetLinks(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string a, c.Word(0, "a node"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string b, c.Word(1, "another node"));
  CLUSTERKIT_RETURN_IF_ERROR(world->Known(a).status());
  CLUSTERKIT_RETURN_IF_ERROR(world->Known(b).status());
  world->cluster().ResetLinks(a, b);
  return "ok\n";
}

// crash p1 p2 [lose] [host-gone]
Output Crash(WorldPtr& world, const Command& c) {
  const bool lose = c.HasWord("lose"), host_gone = c.HasWord("host-gone");
  CLUSTERKIT_RETURN_IF_ERROR(
      ForEachNode(*world, c, {"lose", "host-gone"}, [&](const sim::Name& name) {
        if (!world->cluster().Running(name)) {
          return absl::InvalidArgumentError(absl::StrCat(name, " does not run"));
        }
        world->cluster().Crash(name, lose, host_gone);
        return absl::OkStatus();
      }));
  return "ok\n";
}

Output Restart(WorldPtr& world, const Command& c) {
  CLUSTERKIT_RETURN_IF_ERROR(ForEachNode(
      *world, c, {}, [&](const sim::Name& name) { return world->cluster().Restart(name); }));
  return "ok\n";
}

Output Wipe(WorldPtr& world, const Command& c) {
  CLUSTERKIT_RETURN_IF_ERROR(ForEachNode(*world, c, {}, [&](const sim::Name& name) {
    if (world->cluster().Running(name)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " runs"));
    }
    world->cluster().WipeDisk(name);
    return absl::OkStatus();
  }));
  return "ok\n";
}

Output Pause(WorldPtr& world, const Command& c) {
  CLUSTERKIT_RETURN_IF_ERROR(ForEachNode(*world, c, {}, [&](const sim::Name& name) {
    world->cluster().Pause(name);
    return absl::OkStatus();
  }));
  return "ok\n";
}

Output Resume(WorldPtr& world, const Command& c) {
  CLUSTERKIT_RETURN_IF_ERROR(ForEachNode(*world, c, {}, [&](const sim::Name& name) {
    world->cluster().Resume(name);
    return absl::OkStatus();
  }));
  return "ok\n";
}

// disk p1 sync=50ms fail=on
Output Disk(WorldPtr& world, const Command& c) {
  sim::DiskFaults faults;
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.sync_latency, c.Time("sync", faults.sync_latency));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.fail, c.Switch("fail", false));
  CLUSTERKIT_RETURN_IF_ERROR(ForEachNode(*world, c, {}, [&](const sim::Name& name) {
    world->cluster().SetDiskFaults(name, faults);
    return absl::OkStatus();
  }));
  return "ok\n";
}

// lie p2 p1 fail subject=p3 reporters=p2: p2 tells p1 what it does not believe.
Output Lie(WorldPtr& world, const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string from, c.Word(0, "the liar"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string to, c.Word(1, "the listener"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string what, c.Word(2, "the kind of message"));
  if (what != "fail") return absl::InvalidArgumentError("only lies of kind fail are known");
  const std::optional<Header> header = world->LastHeader(from, to);
  if (!header) return absl::InvalidArgumentError(absl::StrCat(from, " never wrote to ", to));
  FailNotice notice;
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name subject, world->Known(c.Named("subject", "")));
  notice.subject = world->cluster().IdOf(subject);
  for (const std::string& word :
       std::vector<std::string>(absl::StrSplit(c.Named("reporters", ""), ','))) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name reporter, world->Known(word));
    notice.reporters.push_back(world->cluster().IdOf(reporter));
  }
  std::sort(notice.reporters.begin(), notice.reporters.end());
  CLUSTERKIT_RETURN_IF_ERROR(world->cluster().Inject(from, to, Message{*header, notice}));
  return "ok\n";
}

}  // namespace

void AddFaultCommands(Handlers& handlers) {
  handlers["partition"] = {Partition};
  handlers["heal"] = {Heal};
  handlers["faults"] = {Faults};
  handlers["cut"] = {Cut};
  handlers["reset-links"] = {ResetLinks};
  handlers["crash"] = {Crash};
  handlers["restart"] = {Restart};
  handlers["wipe"] = {Wipe};
  handlers["pause"] = {Pause};
  handlers["resume"] = {Resume};
  handlers["disk"] = {Disk};
  handlers["lie"] = {Lie};
}

}  // namespace clusterkit::scenario
