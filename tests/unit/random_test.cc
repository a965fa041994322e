#include "clusterkit/random.h"

#include <array>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

TEST_CASE("the generator repeats its sequence for the same seed") {
  Rng a(42);
  Rng b(42);
  Rng c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t draw = a.Next();
    REQUIRE(draw == b.Next());
    differs |= draw != c.Next();
  }
  REQUIRE(differs);
}

TEST_CASE("the sequence of a seed never changes, so that recorded seeds stay valid") {
  // Computed with the authors' C code of splitmix64 and xoshiro256**.
  Rng rng(0);
  REQUIRE(rng.Next() == 0x99ec5f36cb75f2b4);
  REQUIRE(rng.Next() == 0xbf6e1f784956452a);
  REQUIRE(rng.Next() == 0x1a5f849d4933e6e0);
  REQUIRE(rng.Next() == 0x6aa594f1262d2d2c);
}

TEST_CASE("Below stays below its bound and reaches each value about equally often") {
  Rng rng(7);
  REQUIRE(rng.Below(0) == 0);
  REQUIRE(rng.Below(1) == 0);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100000; ++i) {
    const uint64_t draw = rng.Below(seen.size());
    REQUIRE(draw < seen.size());
    ++seen[draw];
  }
  for (int count : seen) {
    REQUIRE(count > 9500);
    REQUIRE(count < 10500);
  }
}

TEST_CASE("Below is uniform even for bounds that do not fit into the generator's range") {
  // With a bound of 3/4 of the range, a plain remainder would hit the lower third twice as often.
  Rng rng(7);
  const uint64_t bound = uint64_t{3} << 62;
  int lower_third = 0;
  for (int i = 0; i < 30000; ++i) {
    const uint64_t draw = rng.Below(bound);
    REQUIRE(draw < bound);
    if (draw < bound / 3) ++lower_third;
  }
  REQUIRE(lower_third > 9500);
  REQUIRE(lower_third < 10500);
}

TEST_CASE("Between includes both ends and moves in steps of a millisecond") {
  Rng rng(3);
  const absl::Duration low = absl::Milliseconds(20);
  std::array<int, 4> seen{};
  for (int i = 0; i < 1000; ++i) {
    const int64_t step =
        (rng.Between(low, low + absl::Milliseconds(3)) - low) / absl::Milliseconds(1);
    REQUIRE(step >= 0);
    REQUIRE(step <= 3);
    ++seen[static_cast<size_t>(step)];
  }
  for (int count : seen) REQUIRE(count > 150);
}

TEST_CASE("Between answers the lower end when the interval is empty") {
  Rng rng(3);
  REQUIRE(rng.Between(absl::Seconds(2), absl::Seconds(2)) == absl::Seconds(2));
  REQUIRE(rng.Between(absl::Seconds(2), absl::Seconds(1)) == absl::Seconds(2));
}

TEST_CASE("Chance is never at zero and always at a thousand") {
  Rng rng(5);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    REQUIRE_FALSE(rng.Chance(0));
    REQUIRE(rng.Chance(1000));
    if (rng.Chance(250)) ++hits;
  }
  REQUIRE(hits > 2300);
  REQUIRE(hits < 2700);
}

}  // namespace
}  // namespace clusterkit
