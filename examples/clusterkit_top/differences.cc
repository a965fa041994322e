#include "clusterkit_top/differences.h"

#include <array>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit_top/words.h"

namespace clusterkit_top {
namespace {

using clusterkit::kSlotCount;

// A view with its place among those that were given.
struct Witness {
  size_t view = 0;
  const Status* status = nullptr;
};
using Witnesses = std::vector<Witness>;
using Said = std::map<std::string, std::vector<size_t>>;

class Differences {
 public:
  void Add(std::string about, Said said) {
    if (said.size() > 1) found_.push_back({std::move(about), std::move(said)});
  }
  void Ask(std::string about, const Witnesses& witnesses,
           const std::function<std::string(const Status&)>& answer) {
    Said said;
    for (const Witness& witness : witnesses) {
      said[answer(*witness.status)].push_back(witness.view);
    }
    Add(std::move(about), std::move(said));
  }
  std::vector<Difference> Take() { return std::move(found_); }

 private:
  std::vector<Difference> found_;
};

// By id, one for each, so that a node that is reached in several ways is still the same to all.
using Names = std::map<std::string, std::string>;

Names NamesIn(const Witnesses& witnesses) {
  Names names;
  for (const Witness& witness : witnesses) {
    for (const Node& node : witness.status->nodes) {
      // Ids of nodes that have not answered yet are provisional.
      if (!node.handshake) names.try_emplace(node.id, NameOf(node));
    }
  }
  return names;
}

std::string Describe(const Node* node, const Names& names) {
  if (node == nullptr || node->handshake) return "unknown";
  std::string text = absl::StrCat("primary, epoch ", node->config_epoch);
  if (node->replica) {
    const auto primary = names.find(node->primary.value_or(""));
    text = absl::StrCat("replica of ", primary == names.end() ? "nobody" : primary->second);
  }
  if (node->health != Health::kOnline) absl::StrAppend(&text, ", ", Word(node->health));
  return text;
}

void CompareNodes(const Witnesses& witnesses, const Names& names, Differences& differences) {
  std::vector<std::map<std::string, const Node*>> nodes(witnesses.size());
  for (size_t i = 0; i < witnesses.size(); ++i) {
    for (const Node& node : witnesses[i].status->nodes) nodes[i][node.id] = &node;
  }
  for (const auto& [id, name] : names) {
    Said said;
    for (size_t i = 0; i < witnesses.size(); ++i) {
      const auto found = nodes[i].find(id);
      const Node* node = found == nodes[i].end() ? nullptr : found->second;
      said[Describe(node, names)].push_back(witnesses[i].view);
    }
    differences.Add(name, std::move(said));
  }
}

using Owners = std::array<const Node*, kSlotCount>;

Owners OwnersIn(const Status& status) {
  Owners owners{};
  for (const Node& node : status.nodes) {
    if (node.handshake) continue;
    for (const clusterkit::SlotRange& range : node.slots) {
      for (int slot = range.first.value; slot <= range.last.value; ++slot) {
        owners[static_cast<size_t>(slot)] = &node;
      }
    }
  }
  return owners;
}

// Runs of slots about which all witnesses say the same as about the slot before.
void CompareSlots(const Witnesses& witnesses, const Names& names, Differences& differences) {
  std::vector<Owners> owners;
  for (const Witness& witness : witnesses) owners.push_back(OwnersIn(*witness.status));
  const auto same_as_before = [&owners](size_t slot) {
    for (const Owners& of : owners) {
      if (of[slot] != of[slot - 1]) return false;
    }
    return true;
  };
  const auto agreed = [&owners](size_t slot) {
    const auto id = [slot](const Owners& of) { return of[slot] ? of[slot]->id : ""; };
    for (const Owners& of : owners) {
      if (id(of) != id(owners.front())) return false;
    }
    return true;
  };
  for (size_t first = 0; first < kSlotCount;) {
    size_t end = first + 1;
    while (end < kSlotCount && same_as_before(end)) ++end;
    if (!agreed(first)) {
      Said said;
      for (size_t i = 0; i < owners.size(); ++i) {
        const Node* owner = owners[i][first];
        said[owner ? names.at(owner->id) : "nobody's"].push_back(witnesses[i].view);
      }
      const std::string last = end - 1 == first ? "" : absl::StrCat("-", end - 1);
      differences.Add(absl::StrCat("slot ", first, last), std::move(said));
    }
    first = end;
  }
}

}  // namespace

std::vector<Difference> Compare(const std::vector<View>& views) {
  Witnesses witnesses;
  for (size_t i = 0; i < views.size(); ++i) {
    const View& view = views[i];
    if (view.Answers() && view.status.has_value() && view.status->cluster.has_value()) {
      witnesses.push_back({i, &*view.status});
    }
  }
  Differences differences;
  if (witnesses.size() < 2) return {};
  differences.Ask("cluster", witnesses, [](const Status& status) {
    return status.cluster->ok ? "ok" : absl::StrCat("fail: ", status.cluster->reason);
  });
  differences.Ask("current epoch", witnesses,
                  [](const Status& status) { return absl::StrCat(status.cluster->current_epoch); });
  const Names names = NamesIn(witnesses);
  CompareNodes(witnesses, names, differences);
  CompareSlots(witnesses, names, differences);
  return differences.Take();
}

}  // namespace clusterkit_top
