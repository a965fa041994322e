// Early return on errors, for functions that return absl::Status or absl::StatusOr.

#ifndef CLUSTERKIT_SRC_BASE_STATUS_MACROS_H_
#define CLUSTERKIT_SRC_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// CLUSTERKIT_RETURN_IF_ERROR(DoThis());
#define CLUSTERKIT_RETURN_IF_ERROR(expr)                                    \
  do {                                                                      \
    if (absl::Status clusterkit_status_ = (expr); !clusterkit_status_.ok()) \
      return clusterkit_status_;                                            \
  } while (false)

// CLUSTERKIT_ASSIGN_OR_RETURN(NodeId id, NodeId::FromHex(text)); More than one statement: not for
// the body of an if without braces.
#define CLUSTERKIT_ASSIGN_OR_RETURN(lhs, expr) \
  CLUSTERKIT_ASSIGN_OR_RETURN_IMPL_(CLUSTERKIT_CONCAT_(clusterkit_or_, __LINE__), lhs, expr)

#define CLUSTERKIT_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                      \
  if (!result.ok()) return std::move(result).status();       \
  lhs = *std::move(result)

#define CLUSTERKIT_CONCAT_(a, b) CLUSTERKIT_CONCAT_IMPL_(a, b)
#define CLUSTERKIT_CONCAT_IMPL_(a, b) a##b

#endif  // CLUSTERKIT_SRC_BASE_STATUS_MACROS_H_
