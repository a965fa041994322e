// Commands of operators, at any time and perhaps not to the end.

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/slot.h"
#include "sim/campaign/draft.h"

namespace clusterkit::sim {
namespace {

void Slot(Draft& d) {
  d.Now(absl::StrCat(d.rng.Chance(500) ? "delslots " : "addslots ", d.Any(), " ", d.Slots()));
}

void Import(Draft& d) { d.Now(absl::StrCat("import ", d.Any(), " ", d.Slots())); }

// Two primaries, as at the beginning, and slots that the first probably owns.
struct Journey {
  std::string from, to, slots;
};

Journey BetweenShards(Draft& d) {
  const uint64_t from = d.rng.Below(Draft::Size(d.primaries)),
                 to = d.rng.Below(Draft::Size(d.primaries));
  const uint64_t share = kSlotCount / Draft::Size(d.primaries);
  const uint64_t first = from * share + d.rng.Below(share);
  const uint64_t length = d.rng.Chance(500) ? 1 : 1 + d.rng.Below(share);
  return {absl::StrCat("p", from + 1), absl::StrCat("p", to + 1),
          absl::StrCat(first, "-", std::min(first + length, (from + 1) * share) - 1)};
}

void Move(Draft& d) {
  const auto [a, b, slots] = BetweenShards(d);
  d.Now(absl::StrCat("move ", a, " ", slots, " ", b));
  if (d.rng.Chance(200)) d.After(d.Length(), "cancel-move " + a);
}

// As redis-cli does it, and stops anywhere on the way.
void MoveByHand(Draft& d) {
  const auto [a, b, slots] = BetweenShards(d);
  const std::vector<std::string> steps = {absl::StrCat("receive ", b, " ", slots, " ", a),
                                          absl::StrCat("export ", a, " ", slots, " ", b),
                                          absl::StrCat("bind ", b, " ", slots, " ", b),
                                          absl::StrCat("bind ", a, " ", slots, " ", b)};
  absl::Duration at;
  for (const std::string& step : steps) {
    if (d.rng.Chance(50)) break;
    d.After(at, step);
    at += d.rng.Between(absl::Milliseconds(1), absl::Milliseconds(200));
  }
  if (d.rng.Chance(200)) d.After(at, absl::StrCat("stable ", a, " ", slots));
}

void Failover(Draft& d) {
  static const char* const kModes[] = {"", "", "", " force", " takeover"};
  d.Now(absl::StrCat("failover ", d.Any(), kModes[d.rng.Below(std::size(kModes))]));
}

void HandOver(Draft& d) { d.Now("handover " + d.Any()); }

void Stop(Draft& d) {
  const std::string name = d.Any();
  const absl::Duration within = d.Length();
  d.Now(absl::StrCat("stop ", name, " within=", Draft::Ms(within)));
  d.After(within + d.Length(), "crash " + name);
  d.After(within + d.Length() * 2, "restart " + name);
}

void Leave(Draft& d) { d.Now("leave " + d.Any()); }

void Replicate(Draft& d) {
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("replicate ", a, " ", b));
}

void Forget(Draft& d) {
  const auto [a, b] = d.Pair();
  if (d.rng.Chance(500)) {
    d.Now(absl::StrCat("forget ", a, " ", b));
    return;
  }
  for (const std::string& name : d.Everybody()) d.Now(absl::StrCat("forget ", name, " ", b));
}

void Meet(Draft& d) {
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("meet ", a, " ", b));
}

void Reset(Draft& d) { d.Now(absl::StrCat("reset ", d.Any(), d.rng.Chance(500) ? " hard" : "")); }

void Epochs(Draft& d) {
  d.Now(d.rng.Chance(800)
            ? "bump " + d.Any()
            : absl::StrCat("set-config-epoch ", d.Any(), " epoch=", 1 + d.rng.Below(9)));
}

void Overrule(Draft& d) { d.Now("overrule " + d.Any()); }

// These changes need no undoing.
void ReconfigureNumber(Draft& d, const std::string& name) {
  // Of several nodes at about the same time this is not safe.
  if (!std::exchange(d.voting_changed, true) && !name.starts_with("w")) {
    const bool always = d.rng.Chance(d.vote_always ? 200 : 800);
    return d.Now(absl::StrCat("reconfigure ", name, " voting=", always ? "always" : "with-slots"));
  }
  switch (d.rng.Below(5)) {
    case 0:
      return d.Now(absl::StrCat("reconfigure ", name, " priority=", d.rng.Below(200)));
    case 1:
      return d.Now(absl::StrCat("reconfigure ", name, " hostname=",
                                d.rng.Chance(300) ? "" : absl::StrCat("h", d.rng.Below(100))));
    case 2:
      return d.Now(absl::StrCat("reconfigure ", name, " name=n", d.rng.Below(100), " tag=t",
                                d.rng.Below(4), ":", d.rng.Below(1000)));
    case 3:
      return d.Now(absl::StrCat("reconfigure ", name, " client-port=", 20000 + d.rng.Below(1000)));
    default:
      return d.Now(absl::StrCat("reconfigure ", name, " ping-interval=",
                                Draft::Ms(d.rng.Between(d.node_timeout / 10, d.node_timeout / 2))));
  }
}

void Reconfigure(Draft& d) {
  static const char* const kOptions[] = {"full-coverage", "crash-evidence", "migration", "guard",
                                         "no-failover"};
  const std::string name = d.Any();
  if (d.rng.Chance(300)) return ReconfigureNumber(d, name);
  const char* option = kOptions[d.rng.Below(std::size(kOptions))];
  const bool on = d.rng.Chance(500);
  d.Now(absl::StrCat("reconfigure ", name, " ", option, on ? "=on" : "=off"));
  d.After(d.Length(), absl::StrCat("reconfigure ", name, " ", option, on ? "=off" : "=on"));
}

}  // namespace

std::vector<DrawnFault> ActionsOfOperators() {
  return {
      {{"slots", "ADDSLOTS, DELSLOTS"}, Slot},
      {{"import", "slots are taken over under a new epoch"}, Import},
      {{"move", "slots move to another shard by themselves"}, Move},
      {{"move-by-hand", "slots move step by step, and perhaps not to the end"}, MoveByHand},
      {{"failover", "a replica is told to replace its primary"}, Failover},
      {{"handover", "a primary hands over to a replica"}, HandOver},
      {{"stop", "a node hands over, stops and comes back"}, Stop},
      {{"leave", "a node hands over and leaves for good"}, Leave},
      {{"replicate", "a node is told to follow another"}, Replicate},
      {{"forget", "a node is forgotten, by one or by all"}, Forget},
      {{"meet", "nodes are introduced again"}, Meet},
      {{"reset-node", "a node forgets the cluster, and itself"}, Reset},
      {{"epochs", "BUMPEPOCH, SET-CONFIG-EPOCH"}, Epochs},
      {{"overrule", "the guard of missing data is overruled"}, Overrule},
      {{"reconfigure", "options change at run time and back"}, Reconfigure},
  };
}

}  // namespace clusterkit::sim
