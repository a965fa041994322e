#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "sim/network.h"

namespace clusterkit::sim {

NetTransport::NetTransport(Network* network, HostId host, const Options& limits, FrameTap* tap)
    : network_(network),
      host_(host),
      max_frame_bytes_(limits.max_frame_bytes),
      max_link_queue_bytes_(limits.max_link_queue_bytes),
      dial_timeout_(limits.HandshakeTimeout()),
      tap_(tap) {
  network_->TransportsOf(host_).push_back(this);
}

NetTransport::~NetTransport() {
  Die(false);
  auto& transports = network_->TransportsOf(host_);
  transports.erase(std::find(transports.begin(), transports.end(), this));
}

absl::Status NetTransport::Listen(const Endpoint& bus, Handler* handler) {
  if (dead_ || handler_ != nullptr) return absl::FailedPreconditionError("listens already");
  if (bus.port == 0) return absl::InvalidArgumentError("a port is required to listen");
  // An unset host stands for every address of the machine; it has one.
  const Endpoint at{network_->AddressOf(host_), bus.port};
  if (!bus.host.empty() && bus.host != at.host) {
    return absl::InvalidArgumentError(
        absl::StrCat(Describe(bus), " is not an address of host ", at.host));
  }
  if (!network_->listeners_.emplace(at, this).second) {
    return absl::UnavailableError(absl::StrCat(Describe(at), " is in use"));
  }
  listening_ = at;
  handler_ = handler;
  return absl::OkStatus();
}

void NetTransport::Dial(LinkId link, const Endpoint& to) {
  if (!dead_) network_->Dial(*this, link, to);
}

void NetTransport::Send(LinkId link, std::string frame) {
  if (!dead_) network_->Send(*this, link, std::move(frame));
}

void NetTransport::Close(LinkId link) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  const auto [id, side] = found->second;
  links_.erase(found);
  network_->CloseEnd(id, side, false);
}

void NetTransport::Shutdown() { Die(false); }

void NetTransport::Die(bool silently) {
  if (dead_) return;
  dead_ = true;
  if (listening_) network_->listeners_.erase(*listening_);
  for (const auto& [link, end] : std::exchange(links_, {})) {
    network_->CloseEnd(end.first, end.second, silently);
  }
  // Bytes that waited for the process must meet its closed end.
  ReleaseHeld();
}

void NetTransport::SetPaused(bool paused) {
  paused_ = paused;
  if (!paused) ReleaseHeld();
}

void NetTransport::ReleaseHeld() {
  backlog_ = 0;
  for (const auto& [action, id] : std::exchange(held_, {})) {
    network_->Schedule(network_->scheduler_->now_ns(), static_cast<Network::Action>(action), id);
  }
}

}  // namespace clusterkit::sim
