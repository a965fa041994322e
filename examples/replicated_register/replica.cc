// What a host does as a replica: keeps a copy of whatever its node's primary has.

#include <algorithm>

#include "replicated_register/host.h"

namespace replicated_register {

using clusterkit::ClusterView;
using clusterkit::LinkId;

// A primary is heard every 100 ms.
constexpr absl::Duration kLinkTimeout = absl::Seconds(1);

void Host::FollowPrimary(const ClusterView& view) {
  const auto& id = view.self().primary;
  const clusterkit::NodeView* primary = id ? view.Find(*id) : nullptr;
  const clusterkit::Endpoint to = primary == nullptr ? clusterkit::Endpoint() : primary->client;
  const bool silent = around_.now() - std::max(last_io_, last_try_) > kLinkTimeout;
  if (upstream_ && (silent || id != following_ || to != upstream_address_)) Leave();
  following_ = id;
  if (upstream_ || to.host.empty()) return;
  upstream_ = LinkId{next_link_++};
  upstream_address_ = to;
  last_try_ = around_.now();
  transport_->Dial(*upstream_, to);
}

void Host::On(LinkId link, const Copy& copy) {
  if (link != upstream_) return;
  // From a primary that was replaced: ours is from its successor.
  if (copy.generation == disk_.copy.generation && copy.epoch < disk_.copy.epoch) {
    Leave();
    return;
  }
  last_io_ = around_.now();
  disk_.copy = copy;
  disk_.own = false;
  if (!disk_.present) {
    disk_.present = true;
    node().ReportDataPresent(true);
  }
  watcher_.saved();
  transport_->Send(link, Encode(Confirm{copy.generation, copy.history, copy.offset}));
  if (!link_up_) {
    link_up_ = true;
    Report();
  }
}

void Host::Leave() {
  if (upstream_) transport_->Close(*upstream_);
  upstream_.reset();
  link_up_ = false;
}

}  // namespace replicated_register
