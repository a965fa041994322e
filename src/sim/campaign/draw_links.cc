// Faults of links.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/campaign/draft.h"

namespace clusterkit::sim {
namespace {

void Partition(Draft& d) {
  const uint64_t groups = d.rng.Chance(700) ? 2 : 3;
  std::vector<std::vector<std::string>> sides(groups);
  for (const std::string& name : d.Everybody()) sides[d.rng.Below(groups)].push_back(name);
  std::vector<std::string> texts;
  for (const auto& side : sides) texts.push_back(absl::StrJoin(side, " "));
  d.Now(absl::StrCat("partition {", absl::StrJoin(texts, " | "), "}"));
  d.Later("heal");
}

void OneWay(Draft& d) {
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("cut ", a, " ", b));
  d.Later(absl::StrCat("faults ", a, " ", b));
}

void Partial(Draft& d) {
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("split ", a, " ", b));
  const absl::Duration length = d.Length();
  d.After(length, absl::StrCat("faults ", a, " ", b));
  d.After(length, absl::StrCat("faults ", b, " ", a));
}

void LinkFault(Draft& d, const std::string& what) {
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("faults ", a, " ", b, " ", what));
  d.Later(absl::StrCat("faults ", a, " ", b));
}

void Latency(Draft& d) {
  const std::string latency = Draft::Ms(d.rng.Between(absl::ZeroDuration(), d.node_timeout));
  LinkFault(d, absl::StrCat("latency=", latency, " jitter=",
                            Draft::Ms(d.rng.Between(absl::ZeroDuration(), d.node_timeout / 2))));
}

void Stall(Draft& d) { LinkFault(d, "stalled=on"); }
void Refuse(Draft& d) { LinkFault(d, "refused=on"); }

void Resets(Draft& d) {
  if (d.rng.Chance(200)) {
    const auto [a, b] = d.Pair();
    static const char* const kDirections[] = {"", " to", " from"};
    return d.Now(absl::StrCat("kill-links ", a, " ", b, kDirections[d.rng.Below(3)]));
  }
  if (d.rng.Chance(500))
    return LinkFault(d, absl::StrCat("reset-per-mille=", 1 + d.rng.Below(300)));
  const auto [a, b] = d.Pair();
  d.Now(absl::StrCat("reset-links ", a, " ", b));
}

}  // namespace

std::vector<DrawnFault> FaultsOfLinks() {
  return {
      {{"partition", "groups of nodes that cannot reach each other"}, Partition},
      {{"one-way-cut", "nothing arrives from one node at another"}, OneWay},
      {{"partial-partition", "two nodes cannot reach each other, everybody else can"}, Partial},
      {{"latency", "a slow and uneven link"}, Latency},
      {{"stall", "bytes on a link wait"}, Stall},
      {{"refuse", "new links to a node are refused"}, Refuse},
      {{"reset", "links break"}, Resets},
  };
}

}  // namespace clusterkit::sim
