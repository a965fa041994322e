#include "wire/field_path.h"

#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace clusterkit::wire {

std::string FieldPath::ToString() const {
  std::string text = parent_ == nullptr ? "" : absl::StrCat(parent_->ToString(), ".");
  text += name_;
  if (indexed_) absl::StrAppend(&text, "[", index_, "]");
  return text;
}

absl::Status FieldPath::Invalid(std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(ToString(), ": ", Av(what)));
}

absl::Status FieldPath::OverLimit(size_t count, std::string_view unit, size_t limit) const {
  return absl::ResourceExhaustedError(
      absl::StrCat(ToString(), ": ", count, " ", Av(unit), ", the limit is ", limit));
}

}  // namespace clusterkit::wire
