#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {

void Checker::SetNames(NameOf name_of, TimeNow time_now) {
  name_of_ = std::move(name_of);
  time_now_ = std::move(time_now);
}

std::string Checker::Who(const NodeId& id) const { return name_of_ ? name_of_(id) : ShortName(id); }

void Checker::Report(std::string text) {
  if (excused_ || violations_.size() == kMostKept) return;
  if (time_now_) text = absl::StrCat(time_now_(), " ", text);
  violations_.push_back({rule_, std::move(text)});
}

}  // namespace clusterkit::sim
