// The input of a fuzzer as a source of choices.

#ifndef CLUSTERKIT_FUZZ_CORE_BYTES_H_
#define CLUSTERKIT_FUZZ_CORE_BYTES_H_

#include <cstddef>
#include <cstdint>

namespace clusterkit::fuzz {

// Behind the end everything is zero.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), end_(data + size) {}

  bool empty() const { return data_ == end_; }
  uint8_t Next() { return data_ == end_ ? uint8_t{0} : *data_++; }
  // In [0, bound). REQUIRES: 0 < bound <= 256.
  size_t Below(size_t bound) { return Next() % bound; }

 private:
  const uint8_t* data_;
  const uint8_t* end_;
};

}  // namespace clusterkit::fuzz

#endif  // CLUSTERKIT_FUZZ_CORE_BYTES_H_
