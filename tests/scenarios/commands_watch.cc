// Time, and what is seen.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "scenarios/conditions.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

using Output = absl::StatusOr<std::string>;

std::string OrNothing(const std::string& timeline) {
  return timeline.empty() ? "nothing\n" : timeline;
}

// advance 3.5s show=health,election by=p2,r1 frames=auth-req,auth-ack
Output Advance(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string text, c.Word(0, "a time"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const absl::Duration time, sim::ParseTime(text));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Shown shown, ParseShown(c));
  world->cluster().Advance(time);
  world->RememberShards();
  const bool shows = !shown.events.empty() || !shown.frames.empty();
  const std::string timeline = world->Timeline(shown);
  return shows ? OrNothing(timeline) : "ok\n";
}

// until agreed limit=10s show=role: conditions.h has what can be waited for.
Output Until(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const absl::Duration limit, c.Time("limit", absl::Seconds(30)));
  CLUSTERKIT_ASSIGN_OR_RETURN(const Shown shown, ParseShown(c));
  std::vector<Condition> conditions;
  for (const std::string& word : c.words()) {
    CLUSTERKIT_ASSIGN_OR_RETURN(Condition condition, ParseCondition(*world, word));
    conditions.push_back(std::move(condition));
  }
  const auto missing = [&]() -> absl::Status {
    for (const Condition& condition : conditions) CLUSTERKIT_RETURN_IF_ERROR(condition());
    return absl::OkStatus();
  };
  const bool held = world->cluster().AdvanceUntil([&] { return missing().ok(); }, limit);
  world->RememberShards();
  std::string text = world->Timeline(shown);
  if (held) {
    absl::StrAppend(&text, world->Clock(world->cluster().now()), " ", absl::StrJoin(c.words(), " "),
                    "\n");
  } else {
    absl::StrAppend(&text, "not within ", absl::FormatDuration(limit), ": ", missing().message(),
                    "\n");
  }
  return text;
}

std::string RoleText(World& world, const NodeView& node) {
  if (node.role == Role::kPrimary) return absl::StrCat("primary  epoch ", node.config_epoch.value);
  return absl::StrCat("replica  of ",
                      node.primary ? world.cluster().NameOf(*node.primary) : "nobody");
}

// What one node knows, one line for each node.
std::string ViewOf(World& world, const sim::Name& observer) {
  const auto view = world.cluster().node(observer).view();
  std::string text = absl::StrCat("state ", Av(Describe(view->state())));
  if (view->state() != ClusterState::kOk) {
    absl::StrAppend(&text, " (", Av(Describe(view->down_reason())), ")");
  }
  absl::StrAppend(&text, view->data_missing() ? ", data missing\n" : "\n");
  std::vector<std::string> lines;
  for (const auto& node : view->nodes()) {
    const SlotSet slots = view->slots().SlotsOf(node->id);
    lines.push_back(absl::StrFormat("%-4s %-18s %-7s %s", world.cluster().NameOf(node->id),
                                    RoleText(world, *node), std::string(Describe(node->health)),
                                    slots.Empty() ? std::string() : Describe(slots)));
    while (lines.back().back() == ' ') lines.back().pop_back();
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrCat(text, absl::StrJoin(lines, "\n"), "\n");
}

// view p1 p2; without a node: of all that run. Equal views are told once.
Output View(WorldPtr& world, const sim::Command& c) {
  std::vector<sim::Name> observers = c.words();
  if (observers.empty()) observers = world->AwakeNames();
  std::vector<std::pair<std::string, std::vector<sim::Name>>> views;
  for (const sim::Name& observer : observers) {
    CLUSTERKIT_RETURN_IF_ERROR(world->Awake(observer).status());
    const std::string text = ViewOf(*world, observer);
    const auto same = std::find_if(views.begin(), views.end(),
                                   [&](const auto& view) { return view.first == text; });
    if (same == views.end()) {
      views.push_back({text, {observer}});
    } else {
      same->second.push_back(observer);
    }
  }
  std::string text;
  for (const auto& [view, names] : views) {
    absl::StrAppend(&text, absl::StrJoin(names, " "), ": ", view);
  }
  return text;
}

// The last votes that a node has on its disk.
Output Votes(WorldPtr& world, const sim::Command& c) {
  std::string text;
  for (const std::string& word : c.words()) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(word));
    const std::optional<PersistentState> disk = world->cluster().DiskOf(name);
    std::vector<std::string> votes;
    if (disk && disk->ledger) {
      for (const VoteRecord& vote : disk->ledger->votes) {
        votes.push_back(absl::StrCat(", shard of ", world->ShardName(vote.shard), ": epoch ",
                                     vote.epoch.value, " for ",
                                     world->cluster().NameOf(vote.candidate)));
      }
    }
    std::sort(votes.begin(), votes.end());
    absl::StrAppend(&text, name, ": ",
                    disk && disk->ledger ? absl::StrCat("floor ", disk->ledger->floor.value)
                                         : std::string("no ledger"),
                    votes.empty() ? ", no votes" : absl::StrJoin(votes, ""), "\n");
  }
  return text;
}

// Config epochs of the primaries that run, and the current epoch, if they agree on one.
Output Epochs(WorldPtr& world, const sim::Command&) {
  std::string configs, currents;
  std::set<uint64_t> values;
  for (const sim::Name& name : world->AwakeNames()) {
    const Node& node = world->cluster().node(name);
    const CoreStatus status = node.Status();
    if (node.view()->self().role == Role::kPrimary) {
      absl::StrAppend(&configs, configs.empty() ? "" : ", ", name, " ", status.my_epoch.value);
    }
    absl::StrAppend(&currents, currents.empty() ? "" : ", ", name, " ", status.current_epoch.value);
    values.insert(status.current_epoch.value);
  }
  return absl::StrCat("config epochs: ", configs, "\ncurrent epoch: ",
                      values.size() == 1 ? absl::StrCat(*values.begin()) : currents, "\n");
}

// status p1: what an operator sees beside the view.
Output Status(WorldPtr& world, const sim::Command& c) {
  std::string text;
  for (const std::string& name : c.words()) {
    CLUSTERKIT_ASSIGN_OR_RETURN(Node* const node, world->Awake(name));
    const CoreStatus status = node->Status();
    const Metrics metrics = node->Measure();
    const uint64_t won = metrics.elections_ended[ElectionEnded::How::kWon];
    absl::StrAppend(&text, name, ": elections won ", won, ", lost ",
                    metrics.elections_ended.Total() - won, "; votes granted ",
                    metrics.votes_granted, ", refused ", metrics.votes_refused.Total(),
                    "; last vote epoch ", status.last_vote_epoch.value, "\n");
    for (const NodeStatus& known : status.nodes) {
      if (known.failure_reports == 0) continue;
      absl::StrAppend(&text, "  ", world->cluster().NameOf(known.view.id), ": ",
                      known.failure_reports, " reports\n");
    }
  }
  return text;
}

// story r1 slots: what led to the last event of this kind, as the node's own events tell.
Output Story(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string word, c.Word(0, "a node"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name node, world->Known(word));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string kind, c.Word(1, "a kind of event"));
  return OrNothing(world->Story(node, kind));
}

// lease p1: until when it may serve, as it knew it last; also of a node that is stopped.
Output Lease(WorldPtr& world, const sim::Command& c) {
  std::string text;
  for (const std::string& word : c.words()) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world->Known(word));
    if (!world->cluster().Running(name)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " does not run"));
    }
    const Instant until = world->cluster().node(name).view()->serve_until();
    absl::StrAppend(&text, name, ": ",
                    until <= world->cluster().now() - absl::Hours(1)
                        ? std::string("none")
                        : absl::StrCat("until ", world->Clock(until)),
                    "\n");
  }
  return text;
}

// now: of the clock that + counts on.
Output Now(WorldPtr& world, const sim::Command&) {
  return absl::StrCat(world->Clock(world->cluster().now()), "\n");
}

}  // namespace

void AddWatchCommands(Handlers& handlers) {
  handlers["advance"] = {Advance, false};
  handlers["until"] = {Until, false};
  handlers["view"] = {View, false};
  handlers["votes"] = {Votes, false};
  handlers["epochs"] = {Epochs, false};
  handlers["status"] = {Status, false};
  handlers["lease"] = {Lease, false};
  handlers["story"] = {Story, false};
  handlers["now"] = {Now, false};
}

}  // namespace clusterkit::scenario
