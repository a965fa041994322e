// What `until` waits for.

#ifndef CLUSTERKIT_TESTS_SCENARIOS_CONDITIONS_H_
#define CLUSTERKIT_TESTS_SCENARIOS_CONDITIONS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scenarios/world.h"

namespace clusterkit::scenario {

// OK when it holds, else what is missing.
using Condition = std::function<absl::Status()>;

// One of
//   agreed             all running nodes agree on a healthy cluster
//   p1:primary         p1 has this role (or: replica)
//   p1:ok              p1 is in this state (or: down)
//   p1:p2:fail         p1 holds p2 to be in this health (or: pfail, online)
//   p1:knows:6         p1 knows so many nodes
//   p1:epoch:7         p1 has this config epoch
absl::StatusOr<Condition> ParseCondition(World& world, const std::string& text);

}  // namespace clusterkit::scenario

#endif  // CLUSTERKIT_TESTS_SCENARIOS_CONDITIONS_H_
