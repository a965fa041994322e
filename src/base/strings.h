// Bridges between the standard string_view and Abseil's, which are distinct types in some builds.

#ifndef CLUSTERKIT_SRC_BASE_STRINGS_H_
#define CLUSTERKIT_SRC_BASE_STRINGS_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace clusterkit {

// For arguments of absl::StrCat, absl::StrAppend and the status constructors.
inline absl::string_view Av(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// For what Abseil hands out.
inline std::string_view Sv(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

}  // namespace clusterkit

#endif  // CLUSTERKIT_SRC_BASE_STRINGS_H_
