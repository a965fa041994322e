#include "clusterkit/random.h"

#include <bit>

namespace clusterkit {

Rng::Rng(uint64_t seed) {
  // SplitMix64, as the generator's authors advise: it cannot yield the all-zero state, in which
  // xoshiro would stay for ever.
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

uint64_t Rng::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Rng::Below(uint64_t bound) {
  if (bound == 0) return 0;
  // Draws below 2^64 mod bound are rejected; what remains is a multiple of bound, so the
  // remainder is uniform.
  const uint64_t threshold = (0 - bound) % bound;
  uint64_t draw = Next();
  while (draw < threshold) draw = Next();
  return draw % bound;
}

absl::Duration Rng::Between(absl::Duration low, absl::Duration high) {
  if (high <= low) return low;
  const int64_t steps = (high - low) / absl::Milliseconds(1);
  return low +
         absl::Milliseconds(1) * static_cast<int64_t>(Below(static_cast<uint64_t>(steps) + 1));
}

}  // namespace clusterkit
