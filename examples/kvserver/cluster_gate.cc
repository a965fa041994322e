// ClusterHost as the gate of requests: may they run here, may they be acknowledged?

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "kvserver/cluster_host.h"
#include "kvserver/redirects.h"
#include "kvserver/server.h"

namespace kv {
namespace {

using clusterkit::ClusterView;
using clusterkit::Role;
using clusterkit::SlotId;

// Which keys of a request are here. None expires for being asked for.
clusterkit::KeyPresence PresenceOf(const GateQuery& query, Keyspace& keyspace) {
  clusterkit::KeyPresence keys;
  std::optional<std::string_view> first;
  const ExpiryMode mode = keyspace.expiry_mode();
  keyspace.set_expiry_mode(ExpiryMode::kHide);
  for (const Request& request : query.requests) {
    if (request.spec->keys.are_channels()) continue;
    ForEachKey(*request.spec, request.args, [&](std::string_view key) {
      (keyspace.Find(key) != nullptr ? keys.some_present : keys.some_missing) = true;
      if (first.has_value() && *first != key) keys.several_keys = true;
      if (!first.has_value()) first = key;
    });
  }
  keyspace.set_expiry_mode(mode);
  return keys;
}

}  // namespace

// By voting for its successor this node has ceased to serve; in a moment it knows where to send its
// clients. And who waits for a key can wait until a lapsed lease is renewed, or the cluster fails.
bool ClusterHost::LapsedForNow(const GateQuery& query,
                               const clusterkit::RouteDecision& decision) const {
  const auto* down = std::get_if<clusterkit::ClusterDown>(&decision);
  return down != nullptr && down->why == clusterkit::ClusterDown::Why::kLeaseLapsed &&
         (query.waits || server_.pause().has(Pause::Reason::kManualFailover));
}

GateVerdict ClusterHost::Verdict(clusterkit::RouteDecision decision, std::string* refusal) {
  if (std::holds_alternative<clusterkit::Serve>(decision)) return GateVerdict::kExecute;
  UsePreferredEndpoint(view(), server_.config().cluster_preferred_endpoint_type, decision);
  *refusal = RefusalText(decision);
  return GateVerdict::kRedirect;
}

GateVerdict ClusterHost::Admit(const GateQuery& query, std::string* refusal) {
  const ClusterView& view = this->view();
  // A transaction that has to do with data too is judged by them.
  if ((query.flags & (kPubsub | kDataFlags)) == kPubsub) {
    return Verdict(RouteMessages(query), refusal);
  }
  // Any second slot stands for keys that do not share one.
  const SlotId slots[] = {query.slot, SlotId{static_cast<uint16_t>(query.slot.value ^ 1)}};
  clusterkit::RouteQuery route;
  route.slots = absl::MakeConstSpan(slots, query.same_slot ? 1 : 2);
  route.write = (query.flags & kWrite) != 0;
  route.readonly = query.client.readonly;
  if (!view.open_slots().Empty() && view.open_slots().Find(query.slot) != nullptr) {
    route.asking = query.asking();
    route.migrates = (query.spec.flags & kMigrates) != 0;
    if (!query.waits) route.keys = PresenceOf(query, server_.keyspace());
  }
  const clusterkit::RouteDecision decision = clusterkit::Route(view, route, Now());
  if (!std::holds_alternative<clusterkit::Serve>(decision)) {
    if (LapsedForNow(query, decision)) return GateVerdict::kHold;
    return Verdict(decision, refusal);
  }

  const bool owner = view.self().role == Role::kPrimary;
  if (owner && replication_.is_replica()) {
    // The view of our election is here before the event that tells of it.
    replication_.Promote(view.self().config_epoch.value);
  }
  if (owner) replication_.OnServing();
  if (replication_.loading()) {
    *refusal = "LOADING Redis is loading the dataset in memory";
    return GateVerdict::kRefuse;
  }
  // A read was true at some time between its request and its reply, and needs no lease any more.
  if (route.write && view.self().slot_count > 0) query.client.leased_replies = true;
  return GateVerdict::kExecute;
}

bool ClusterHost::MayAcknowledge(const Client& client) {
  if (client.kind == ClientKind::kReplica) return true;
  if (!client.leased_replies && !client.unacknowledged_writes) return true;
  // The replicas' sockets first: then the death of this process loses nothing acknowledged.
  replication_.FlushStream();
  const ClusterView& view = this->view();
  // Changes without keys, like FLUSHALL, of a primary that nobody relies on.
  const bool free = view.self().role == Role::kPrimary && view.self().slot_count == 0;
  if (free && !client.leased_replies) return true;
  // The clock is read again: this process may have been stopped since the request was admitted.
  return clusterkit::MayAcknowledge(view, Now());
}

}  // namespace kv
