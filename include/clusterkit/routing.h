// Where a request belongs: a pure function of the view.

#ifndef CLUSTERKIT_ROUTING_H_
#define CLUSTERKIT_ROUTING_H_

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/slot.h"
#include "clusterkit/time.h"

namespace clusterkit {

struct Serve {
  friend bool operator==(const Serve&, const Serve&) = default;
};
// Keys of more than one slot.
struct CrossSlot {
  friend bool operator==(const CrossSlot&, const CrossSlot&) = default;
};
struct Moved {
  SlotId slot;
  NodeId owner;
  Endpoint to;  // The owner's client endpoint. The host may be empty: same host as here.
  friend bool operator==(const Moved&, const Moved&) = default;
};
struct ClusterDown {
  enum class Why : uint8_t {
    kSlotUnbound,    // Nobody owns this slot.
    kState,          // The cluster is in state kFail.
    kWritesRefused,  // State kFail with reads allowed, and this is a write.
    kLeaseLapsed,    // We own the slot but have not heard a majority recently enough.
    kDataMissing,    // We own the slot but came back without its data.
  } why = Why::kState;
  SlotId slot;
  friend bool operator==(const ClusterDown&, const ClusterDown&) = default;
};

using RouteDecision = std::variant<Serve, Moved, CrossSlot, ClusterDown>;

struct RouteQuery {
  absl::Span<const SlotId> slots;  // One per key. Empty: a command without keys, always served.
  bool write = false;
  bool readonly = false;  // The client accepts stale reads from a replica.
};

// Decides in the order of the reference: unbound slot, keys across slots, cluster state, owner.
// `now` is compared with serve_until. Ask again right before the reply leaves, see MayAcknowledge.
RouteDecision Route(const ClusterView& view, const RouteQuery& query, Instant now);

// Whether a primary may still acknowledge what it executed for its slots. A process that was
// stopped in between must not.
inline bool MayAcknowledge(const ClusterView& view, Instant now) {
  return now < view.serve_until();
}

}  // namespace clusterkit

#endif  // CLUSTERKIT_ROUTING_H_
