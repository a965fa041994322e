// Broken invariants end the process, in every build: going on would spread wrong state to peers
// and to the disk.

#ifndef CLUSTERKIT_SRC_BASE_CHECK_H_
#define CLUSTERKIT_SRC_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace clusterkit::internal {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace clusterkit::internal

// Only for what no peer, disk or caller who keeps the contract can cause; expected trouble is an
// absl::Status.
#define CLUSTERKIT_CHECK(condition) \
  (static_cast<bool>(condition)     \
       ? void(0)                    \
       : ::clusterkit::internal::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // CLUSTERKIT_SRC_BASE_CHECK_H_
