// Counts what the program allocates. Replaces operator new for the whole test program.

#ifndef CLUSTERKIT_TESTS_WIRE_ALLOCATION_METER_H_
#define CLUSTERKIT_TESTS_WIRE_ALLOCATION_METER_H_

#include <cstddef>

namespace clusterkit::testing {

// Bytes held now, and the most that was held at once, since construction. One at a time.
class AllocationMeter {
 public:
  AllocationMeter();
  size_t held() const;
  size_t peak() const;

 private:
  ptrdiff_t start_;
};

}  // namespace clusterkit::testing

#endif  // CLUSTERKIT_TESTS_WIRE_ALLOCATION_METER_H_
