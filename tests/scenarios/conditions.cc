#include "scenarios/conditions.h"

#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "clusterkit/describe.h"

namespace clusterkit::scenario {
namespace {

using ViewCheck = std::function<absl::Status(const ClusterView&)>;

absl::Status Holds(bool holds, const std::string& instead) {
  return holds ? absl::OkStatus() : absl::FailedPreconditionError(instead);
}

// Asks the view of a node, when it runs.
Condition OnView(World& world, const sim::Name& name, ViewCheck check) {
  return [&world, name, check = std::move(check)] {
    const absl::StatusOr<Node*> node = world.Awake(name);
    return node.ok() ? check(*(*node)->view()) : node.status();
  };
}

ViewCheck RoleIs(const sim::Name& name, Role role) {
  return [name, role](const ClusterView& view) {
    return Holds(view.self().role == role,
                 absl::StrCat(name, " is ", Av(Describe(view.self().role))));
  };
}

ViewCheck StateIs(const sim::Name& name, ClusterState state) {
  return [name, state](const ClusterView& view) {
    return Holds(view.state() == state,
                 absl::StrCat(name, " is in state ", Av(Describe(view.state()))));
  };
}

ViewCheck HealthIs(const sim::Name& subject, const NodeId& id, Health health) {
  return [subject, id, health](const ClusterView& view) {
    const NodeView* node = view.Find(id);
    if (node == nullptr) return absl::NotFoundError(absl::StrCat(subject, " is not known"));
    return Holds(node->health == health,
                 absl::StrCat(subject, " is ", Av(Describe(node->health))));
  };
}

absl::StatusOr<Condition> ThreePart(World& world, const std::vector<std::string>& parts) {
  const sim::Name& name = parts[0];
  int64_t number = 0;
  if (parts[1] == "knows" && absl::SimpleAtoi(parts[2], &number)) {
    return OnView(world, name, [number](const ClusterView& view) {
      const int64_t known = static_cast<int64_t>(view.nodes().size());
      return Holds(known == number, absl::StrCat("it knows ", known));
    });
  }
  if (parts[1] == "epoch" && absl::SimpleAtoi(parts[2], &number)) {
    return OnView(world, name, [number](const ClusterView& view) {
      const uint64_t epoch = view.self().config_epoch.value;
      return Holds(epoch == static_cast<uint64_t>(number), absl::StrCat("it has epoch ", epoch));
    });
  }
  static const auto* healths = new std::map<std::string, Health>{
      {"online", Health::kOnline}, {"pfail", Health::kPfail}, {"fail", Health::kFail}};
  const auto health = healths->find(parts[2]);
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name subject, world.Known(parts[1]));
  if (health == healths->end()) {
    return absl::InvalidArgumentError(absl::StrCat(parts[2], " is no health"));
  }
  return OnView(world, name, HealthIs(subject, world.cluster().IdOf(subject), health->second));
}

}  // namespace

absl::StatusOr<Condition> ParseCondition(World& world, const std::string& text) {
  if (text == "agreed") {
    return Condition([&world] { return sim::CheckAgreement(world.cluster()); });
  }
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name name, world.Known(parts[0]));
  if (parts.size() == 3) return ThreePart(world, parts);
  if (parts.size() == 2) {
    if (parts[1] == "primary") return OnView(world, name, RoleIs(name, Role::kPrimary));
    if (parts[1] == "replica") return OnView(world, name, RoleIs(name, Role::kReplica));
    if (parts[1] == "ok") return OnView(world, name, StateIs(name, ClusterState::kOk));
    if (parts[1] == "down") return OnView(world, name, StateIs(name, ClusterState::kFail));
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown condition ", text));
}

}  // namespace clusterkit::scenario
