// What a frame may hold at most. The codec refuses more, whatever the size of the frame; tests and
// docs/wire_format.md use the same figures.

#ifndef CLUSTERKIT_SRC_WIRE_LIMITS_H_
#define CLUSTERKIT_SRC_WIRE_LIMITS_H_

#include <cstddef>

#include "absl/time/time.h"

namespace clusterkit::wire {

inline constexpr size_t kMaxClusterNameBytes = 64;
inline constexpr size_t kMaxTextBytes = 1024;
inline constexpr size_t kMaxHostBytes = 255;  // As long as a DNS name may be.
inline constexpr size_t kMaxGossipEntries = 4096;
inline constexpr size_t kMaxForgotten = 64;
// Reporters of one failure, and subjects of one report: nobody knows more nodes than this
// (Options::max_nodes).
inline constexpr size_t kMaxNodes = 65536;
// Of ages, rounds and retry hints. Encoding cuts what is longer, decoding refuses it.
inline constexpr absl::Duration kMaxDuration = absl::Hours(1);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_LIMITS_H_
