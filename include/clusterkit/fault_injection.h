// Faults that a host lets happen to its own node, for tests of the cluster around it.

#ifndef CLUSTERKIT_FAULT_INJECTION_H_
#define CLUSTERKIT_FAULT_INJECTION_H_

#include <bitset>
#include <cstdint>

#include "clusterkit/message.h"

namespace clusterkit {

// What arrives and is thrown away, as if it had been lost. Until it is set otherwise; not saved.
struct FaultInjection {
  // Indexed by MessageKind. Links are still greeted: only messages are lost.
  std::bitset<kMessageKinds> drop;
  // A message that is thrown away takes its link with it.
  bool close_link_on_drop = false;

  void Drop(MessageKind kind) { drop.set(static_cast<size_t>(kind)); }
  friend bool operator==(const FaultInjection&, const FaultInjection&) = default;
};

// Which links with a peer.
enum class LinksWith : uint8_t {
  kTo,    // That we dialled.
  kFrom,  // That it dialled.
  kAll,
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FAULT_INJECTION_H_
