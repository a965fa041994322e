// Whether this program runs several times slower than usual, and long tests should do less.

#ifndef CLUSTERKIT_TESTS_SUPPORT_SANITIZED_H_
#define CLUSTERKIT_TESTS_SUPPORT_SANITIZED_H_

namespace clusterkit {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_SUPPORT_SANITIZED_H_
