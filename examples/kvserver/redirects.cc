#include "kvserver/redirects.h"

#include <variant>

#include "absl/strings/str_cat.h"

namespace kv {
namespace {

using clusterkit::ClusterDown;

std::string Text(const clusterkit::Serve&) { return {}; }

std::string Text(const clusterkit::CrossSlot&) {
  return "CROSSSLOT Keys in request don't hash to the same slot";
}

// An empty host tells the client to stay with the host that it is connected to.
std::string Text(const clusterkit::Moved& moved) {
  return absl::StrCat("MOVED ", moved.slot.value, " ", moved.to.host, ":", moved.to.port);
}

std::string Text(const clusterkit::Ask& ask) {
  return absl::StrCat("ASK ", ask.slot.value, " ", ask.to.host, ":", ask.to.port);
}

std::string Text(const clusterkit::TryAgain&) {
  return "TRYAGAIN Multiple keys request during rehashing of slot";
}

// Clients know three texts, and try again on each. What is special about a node without lease or
// data goes to its log, not to them.
std::string Text(const ClusterDown& down) {
  switch (down.why) {
    case ClusterDown::Why::kSlotUnbound:
      return "CLUSTERDOWN Hash slot not served";
    case ClusterDown::Why::kWritesRefused:
      return "CLUSTERDOWN The cluster is down and only accepts read commands";
    case ClusterDown::Why::kState:
    case ClusterDown::Why::kLeaseLapsed:
    case ClusterDown::Why::kDataMissing:
      break;
  }
  return "CLUSTERDOWN The cluster is down";
}

}  // namespace

std::optional<std::string> PreferredEndpoint(const clusterkit::NodeView& node, EndpointType type) {
  switch (type) {
    case EndpointType::kIp:
      return node.client.host;
    case EndpointType::kHostname:
      return node.details.hostname.empty() ? "?" : node.details.hostname;
    case EndpointType::kUnknown:
      break;
  }
  return std::nullopt;
}

void UsePreferredEndpoint(const clusterkit::ClusterView& view, EndpointType type,
                          clusterkit::RouteDecision& decision) {
  if (type == EndpointType::kIp) return;
  const auto translate = [&](const clusterkit::NodeId& id, clusterkit::Endpoint& to) {
    const clusterkit::NodeView* node = view.Find(id);
    if (node != nullptr) to.host = PreferredEndpoint(*node, type).value_or("");
  };
  if (auto* moved = std::get_if<clusterkit::Moved>(&decision)) translate(moved->owner, moved->to);
  if (auto* ask = std::get_if<clusterkit::Ask>(&decision)) translate(ask->target, ask->to);
}

std::string RefusalText(const clusterkit::RouteDecision& decision) {
  return std::visit([](const auto& value) { return Text(value); }, decision);
}

}  // namespace kv
