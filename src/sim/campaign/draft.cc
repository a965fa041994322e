#include "sim/campaign/draft.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "clusterkit/slot.h"

namespace clusterkit::sim {

std::vector<std::string> Draft::Everybody() const {
  std::vector<std::string> names;
  for (int i = 1; i <= primaries; ++i) names.push_back(absl::StrCat("p", i));
  for (int i = 1; i <= replicas; ++i) names.push_back(absl::StrCat("r", i));
  for (int i = 1; i <= witnesses; ++i) names.push_back(absl::StrCat("w", i));
  return names;
}

std::string Draft::Any() {
  const std::vector<std::string> names = Everybody();
  return names[rng.Below(names.size())];
}

std::pair<std::string, std::string> Draft::Pair() {
  const std::string a = Any();
  std::string b = Any();
  for (int i = 0; i < 8 && a == b; ++i) b = Any();
  return {a, b};
}

std::string Draft::AnyPrimary() { return absl::StrCat("p", 1 + rng.Below(Size(primaries))); }

std::string Draft::Slots() {
  const int first = static_cast<int>(rng.Below(kSlotCount));
  const int length = rng.Chance(500) ? 1 : 1 + static_cast<int>(rng.Below(2000));
  return absl::StrCat(first, "-", std::min(first + length, int{kSlotCount}) - 1);
}

absl::Duration Draft::Length() {
  const absl::Duration scale = absl::Milliseconds(10) * (int64_t{1} << rng.Below(11));
  return rng.Between(scale / 2, scale);
}

void Draft::After(absl::Duration delay, std::string line) {
  script.steps.push_back({absl::Trunc(at + delay, absl::Microseconds(1)), std::move(line)});
}

void Draft::Later(std::string line) {
  if (!rng.Chance(125)) After(Length(), std::move(line));
}

std::string Draft::Ms(absl::Duration d) { return absl::StrCat(absl::ToInt64Milliseconds(d), "ms"); }

}  // namespace clusterkit::sim
