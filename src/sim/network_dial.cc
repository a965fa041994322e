#include <algorithm>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "sim/network.h"

namespace clusterkit::sim {
namespace {

// Connections a kernel completes for a process that does not accept them.
constexpr int kBacklog = 128;

constexpr int64_t kSynRetryNs = 1'000'000'000;
constexpr int kMostSynDoublings = 6;

}  // namespace

std::optional<HostId> Network::HostAt(const std::string& address) const {
  auto found = host_by_address_.find(address);
  if (found == host_by_address_.end()) return std::nullopt;
  return found->second;
}

NetTransport* Network::ListenerAt(const Endpoint& at) const {
  auto found = listeners_.find(at);
  return found == listeners_.end() ? nullptr : found->second;
}

void Network::Dial(NetTransport& from, LinkId link, const Endpoint& to) {
  const ConnId id = Open();
  Connection& c = *Find(id);
  c.to = to;
  c.ends[0].state = End::State::kDialing;
  c.ends[0].owner = &from;
  c.ends[0].host = from.host_;
  c.ends[0].link = link;
  from.links_[link] = {id, 0};
  if (to.host.empty() || to.port == 0) {
    Fail(id, c, 0, LinkDownCause::kLocal);
    return;
  }
  c.dial_deadline_ns = scheduler_->now_ns() + absl::ToInt64Nanoseconds(from.dial_timeout_);
  Schedule(c.dial_deadline_ns, Action::kDialDeadline, id);
  // An address nobody has is like a machine without power: the dial times out.
  const std::optional<HostId> host = HostAt(to.host);
  if (!host) return;
  c.ends[1].host = *host;
  TrySyn(id, c);
}

void Network::TrySyn(ConnId id, Connection& c) {
  const HostId from = c.ends[0].host, to = c.ends[1].host;
  // Both directions: the answer has to come back as well.
  if (faults_.Cut(from, to) || faults_.Cut(to, from) || faults_.Stalled(from, to) ||
      faults_.Stalled(to, from)) {
    RetrySyn(id, c);
    return;
  }
  Schedule(scheduler_->now_ns() + DelayNs(from, to), Action::kSynArrives, id);
}

void Network::RetrySyn(ConnId id, Connection& c) {
  const int64_t wait = kSynRetryNs << std::min(c.syn_attempts++, kMostSynDoublings);
  Schedule(scheduler_->now_ns() + wait, Action::kTrySyn, id);
}

void Network::SynArrives(ConnId id, Connection& c) {
  const HostId from = c.ends[0].host, to = c.ends[1].host;
  if (faults_.Cut(from, to)) {
    RetrySyn(id, c);
    return;
  }
  const int64_t answered = scheduler_->now_ns() + DelayNs(to, from);
  NetTransport* listener = ListenerAt(c.to);
  if (listener == nullptr || faults_.Between(from, to).refused) {
    Schedule(answered, Action::kRefused, id);
    return;
  }
  if (listener->paused_) {
    if (listener->backlog_ >= kBacklog) {
      RetrySyn(id, c);
      return;
    }
    ++listener->backlog_;
  }
  Schedule(answered, Action::kEstablished, id);
}

// The kernels have agreed, and both processes hear of it.
void Network::Establish(ConnId id, Connection& c) {
  c.established = true;
  Pipe& pipe = c.pipes[0];
  const std::vector<Segment> early = std::exchange(pipe.queue, {});
  pipe.bytes = 0;
  Push(id, c, 0, Segment::Kind::kAccept, {});
  for (const Segment& s : early) Push(id, c, 0, s.kind, s.bytes);
  NotifyUp(id, c);
}

void Network::NotifyUp(ConnId id, Connection& c) {
  End& end = c.ends[0];
  if (HoldIfPaused(*end.owner, Action::kNotifyUp, id)) return;
  end.state = End::State::kOpen;
  end.owner->handler_->OnLinkUp(end.link);
}

}  // namespace clusterkit::sim
