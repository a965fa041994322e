// Where the simulated machines are.

#ifndef CLUSTERKIT_SRC_SIM_ADDRESSES_H_
#define CLUSTERKIT_SRC_SIM_ADDRESSES_H_

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "clusterkit/types.h"

namespace clusterkit::sim {

// Of the machine added as number `index`, from 0. For up to 2^24 - 1 machines.
inline std::string HostAddress(size_t index) {
  const size_t n = index + 1;
  return absl::StrCat("10.", n >> 16, ".", n >> 8 & 255, ".", n & 255);
}
inline Endpoint BusEndpoint(size_t index) { return {HostAddress(index), 16379}; }
inline Endpoint ClientEndpoint(size_t index) { return {HostAddress(index), 6379}; }

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SRC_SIM_ADDRESSES_H_
