// What a command of an operator came to, as scripts compare it.

#ifndef CLUSTERKIT_SRC_SIM_CAMPAIGN_ANSWER_H_
#define CLUSTERKIT_SRC_SIM_CAMPAIGN_ANSWER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace clusterkit::sim {

inline std::string Answer(const absl::Status& status) {
  return status.ok() ? "ok\n" : absl::StrCat("refused: ", status.message(), "\n");
}

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_CAMPAIGN_ANSWER_H_
