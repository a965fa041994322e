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
// The slot is moving and the keys are not here (any more): ask the other side, for this request
// only. It serves who says that it was sent (RouteQuery::asking).
struct Ask {
  SlotId slot;
  NodeId target;
  Endpoint to;  // As in Moved.
  friend bool operator==(const Ask&, const Ask&) = default;
};
// The slot is moving and the keys are on both sides: try again when they have met.
struct TryAgain {
  SlotId slot;
  friend bool operator==(const TryAgain&, const TryAgain&) = default;
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

using RouteDecision = std::variant<Serve, Moved, Ask, TryAgain, CrossSlot, ClusterDown>;

// Which of a request's keys this node holds.
struct KeyPresence {
  bool some_present = false;
  bool some_missing = false;
  bool several_keys = false;  // Different ones.
};

struct RouteQuery {
  absl::Span<const SlotId> slots;  // One per key. Empty: a command without keys, always served.
  bool write = false;
  bool readonly = false;  // The client accepts stale reads from a replica.
  bool asking = false;    // The client was sent here by Ask.
  // This is what moves keys: it runs at either end of an open slot, whatever is there.
  bool migrates = false;
  // Only looked at if the slot is open in the view; look there first, it is seldom.
  KeyPresence keys = {};
};

// Decides in the order of the reference: unbound slot, keys across slots, cluster state, open slot,
// owner. What the owner of an open slot does not hold is to be asked for at the other end, which
// serves only who asks.
// `now` is compared with serve_until. Ask again right before the reply leaves, see MayAcknowledge.
RouteDecision Route(const ClusterView& view, const RouteQuery& query, Instant now);

// Whether a primary may still acknowledge what it executed for its slots. A process that was
// stopped in between must not. (What a primary without slots received for a slot on its way to it
// needs no such permission: nobody can replace it.)
inline bool MayAcknowledge(const ClusterView& view, Instant now) {
  return now < view.serve_until();
}

}  // namespace clusterkit

#endif  // CLUSTERKIT_ROUTING_H_
