// Enums on the wire, by table: neither side's numbers depend on the other's order.

#ifndef CLUSTERKIT_SRC_WIRE_ENUMS_H_
#define CLUSTERKIT_SRC_WIRE_ENUMS_H_

#include "clusterkit/message.h"
#include "clusterkit/types.h"
#include "clusterkit/v1/bus.pb.h"

namespace clusterkit::wire {

// REQUIRES: a value with a name.
v1::Role ToWire(Role value);
v1::Voting ToWire(Voting value);
v1::Health ToWire(Health value);
v1::ClusterState ToWire(ClusterState value);
v1::Goodbye::Reason ToWire(Goodbye::Reason value);
v1::Heartbeat::Kind ToWire(Heartbeat::Kind value);
v1::FailoverAuthRefusal::Reason ToWire(VoteRefusal value);
v1::SlotMoveStep::Step ToWire(SlotMoveStep::Step value);

// False, leaving `out` alone, for a number that has no meaning here.
bool FromWire(v1::Role value, Role& out);
bool FromWire(v1::Voting value, Voting& out);
bool FromWire(v1::Health value, Health& out);
bool FromWire(v1::ClusterState value, ClusterState& out);
bool FromWire(v1::Goodbye::Reason value, Goodbye::Reason& out);
bool FromWire(v1::Heartbeat::Kind value, Heartbeat::Kind& out);
bool FromWire(v1::FailoverAuthRefusal::Reason value, VoteRefusal& out);
bool FromWire(v1::SlotMoveStep::Step value, SlotMoveStep::Step& out);

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_ENUMS_H_
