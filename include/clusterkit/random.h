// The library's only source of randomness: a seeded generator that is passed around.
//
// Abseil's and the standard library's distributions may change between versions; this one gives
// the same sequence for the same seed everywhere, so a simulation is repeated by its seed.

#ifndef CLUSTERKIT_RANDOM_H_
#define CLUSTERKIT_RANDOM_H_

#include <cstdint>

#include "absl/time/time.h"

namespace clusterkit {

// xoshiro256** seeded by SplitMix64. Not for secrets. Not thread-safe.
class Rng {
 public:
  explicit Rng(uint64_t seed);

  uint64_t Next();
  // Uniform in [0, bound). Zero if bound is zero.
  uint64_t Below(uint64_t bound);
  // Uniform in [low, high], in steps of 1 ms; low if high <= low.
  absl::Duration Between(absl::Duration low, absl::Duration high);
  // True with a chance of per_mille / 1000.
  bool Chance(uint32_t per_mille) { return Below(1000) < per_mille; }

 private:
  uint64_t state_[4];
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_RANDOM_H_
