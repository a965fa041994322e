#include "sim/network.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"

namespace clusterkit::sim {
namespace {

constexpr int64_t kRetransmitNs = 200'000'000;
constexpr int64_t kGiveUpNs = 60'000'000'000;

}  // namespace

// --- Connections -----------------------------------------------------------------------------

HostId Network::AddHost(const std::string& address) {
  const HostId id{static_cast<uint32_t>(hosts_.size())};
  hosts_.push_back({address, {}});
  host_by_address_[address] = id;
  return id;
}

void Network::Readdress(HostId host, const std::string& address) {
  // Another host may have got it in the meantime.
  const auto known = host_by_address_.find(AddressOf(host));
  if (known != host_by_address_.end() && known->second == host) host_by_address_.erase(known);
  hosts_[static_cast<size_t>(host)].address = address;
  host_by_address_[address] = host;
}

void Network::SetPaused(HostId host, bool paused) {
  for (NetTransport* transport : TransportsOf(host)) transport->SetPaused(paused);
}

void Network::Die(HostId host, bool silently) {
  for (NetTransport* transport : TransportsOf(host)) transport->Die(silently);
}

ConnId Network::Open() {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(connections_.size()));
    connections_.push_back(std::make_unique<Connection>());
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Connection& c = *connections_[index];
  const uint32_t generation = c.generation + 1;
  c = Connection();
  c.generation = generation;
  c.used = true;
  return ConnId{uint64_t{generation} << 32 | index};
}

Network::Connection* Network::Find(ConnId id) {
  const uint64_t value = static_cast<uint64_t>(id);
  Connection* c = connections_[value & 0xffffffff].get();
  return c->used && c->generation == value >> 32 ? c : nullptr;
}

void Network::FreeIfDone(ConnId id) {
  Connection* c = Find(id);
  if (c == nullptr || c->ends[0].state != End::State::kClosed) return;
  // Before it is established, only the dialler knows of a connection.
  const bool unseen = !c->established && c->ends[1].state == End::State::kNone;
  if (c->ends[1].state != End::State::kClosed && !unseen) return;
  c->used = false;
  for (Pipe& pipe : c->pipes) pipe = Pipe();
  free_.push_back(static_cast<uint32_t>(static_cast<uint64_t>(id) & 0xffffffff));
}

void Network::Schedule(int64_t at_ns, Action action, ConnId id) {
  scheduler_->At(at_ns, this, static_cast<uint64_t>(action), static_cast<uint64_t>(id));
}

bool Network::HoldIfPaused(NetTransport& process, Action action, ConnId id) {
  if (process.paused_) process.held_.emplace_back(static_cast<uint64_t>(action), id);
  return process.paused_;
}

int64_t Network::DelayNs(HostId from, HostId to) {
  const LinkFaults& faults = faults_.Between(from, to);
  const int64_t jitter = absl::ToInt64Nanoseconds(faults.jitter);
  const int64_t extra =
      jitter > 0 ? static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(jitter) + 1)) : 0;
  return absl::ToInt64Nanoseconds(faults.latency) + extra;
}

void Network::OnScheduled(uint64_t what, uint64_t which) {
  const Action action = static_cast<Action>(what);
  const ConnId id{which};
  Connection* c = Find(id);
  if (c == nullptr) return;
  const bool dialing = c->ends[0].state == End::State::kDialing;
  switch (action) {
    case Action::kTrySyn:
      if (dialing) TrySyn(id, *c);
      break;
    case Action::kSynArrives:
      if (dialing) SynArrives(id, *c);
      break;
    case Action::kRefused:
      if (dialing) Fail(id, *c, 0, LinkDownCause::kRefused);
      break;
    case Action::kEstablished:
      if (dialing) Establish(id, *c);
      break;
    case Action::kNotifyUp:
      if (dialing) NotifyUp(id, *c);
      break;
    case Action::kDialDeadline:
      if (dialing && !c->established) Fail(id, *c, 0, LinkDownCause::kTimeout);
      break;
    case Action::kDeliver:
      Deliver(id, 0);
      break;
    case Action::kDeliver1:
      Deliver(id, 1);
      break;
    case Action::kReset:
      Fail(id, *c, 0, LinkDownCause::kReset);
      break;
    case Action::kReset1:
      Fail(id, *c, 1, LinkDownCause::kReset);
      break;
    case Action::kDown:
      NotifyDown(id, *c, 0);
      break;
    case Action::kDown1:
      NotifyDown(id, *c, 1);
      break;
  }
}

// --- Carrying --------------------------------------------------------------------------------

void Network::Pipe::Clear() {
  queue.clear();
  head = bytes = 0;
  blocked_since_ns = -1;
  retries = 0;
}

Network::Segment Network::Pipe::Pop() {
  Segment segment = std::move(queue[head++]);
  bytes -= segment.bytes.size();
  if (head == queue.size()) {
    queue.clear();
    head = 0;
  }
  return segment;
}

void Network::Send(NetTransport& from, LinkId link, std::string frame) {
  auto found = from.links_.find(link);
  if (found == from.links_.end()) return;
  const auto [id, side] = found->second;
  Connection& c = *Find(id);
  End& end = c.ends[side];
  if (end.state == End::State::kFailing) return;
  const HostId to = c.ends[1 - side].host;
  if (from.tap_ != nullptr && !from.tap_->OnFrameSent(from.host_, to, frame)) {
    Break(id, c, side);
    return;
  }
  const uint32_t reset_per_mille = faults_.Between(from.host_, to).reset_per_mille;
  if (reset_per_mille > 0 && rng_.Chance(reset_per_mille)) {
    Break(id, c, side);
    return;
  }
  if (frame.empty() || frame.size() > from.max_frame_bytes_) {
    Fail(id, c, side, LinkDownCause::kLocal);
    return;
  }
  if (c.pipes[side].bytes + frame.size() > from.max_link_queue_bytes_) {
    Fail(id, c, side, LinkDownCause::kOverflow);
    return;
  }
  Push(id, c, side, Segment::Kind::kFrame, std::move(frame));
}

void Network::Push(ConnId id, Connection& c, int side, Segment::Kind kind, std::string bytes) {
  Pipe& pipe = c.pipes[side];
  const int64_t delay = kind == Segment::Kind::kAccept
                            ? 0  // The kernels agreed a moment ago.
                            : DelayNs(c.ends[side].host, c.ends[1 - side].host);
  const int64_t arrives = std::max(pipe.last_arrival_ns, scheduler_->now_ns() + delay);
  pipe.last_arrival_ns = arrives;
  pipe.bytes += bytes.size();
  pipe.queue.push_back({kind, arrives, std::move(bytes)});
  if (!c.established || pipe.awaited) return;
  pipe.awaited = true;
  Schedule(arrives, SideOf(Action::kDeliver, side), id);
}

void Network::Deliver(ConnId id, int side) {
  Find(id)->pipes[side].awaited = false;
  // A handler may end the connection, so it is looked up anew after each segment.
  for (Connection* c = Find(id); c != nullptr && !c->pipes[side].empty(); c = Find(id)) {
    Pipe& pipe = c->pipes[side];
    if (pipe.awaited) return;
    const int64_t arrives = pipe.queue[pipe.head].arrives_ns;
    if (arrives > scheduler_->now_ns()) {
      pipe.awaited = true;
      Schedule(arrives, SideOf(Action::kDeliver, side), id);
      return;
    }
    if (!Passes(id, *c, side) || !Hand(id, *c, side)) return;
  }
}

bool Network::Passes(ConnId id, Connection& c, int side) {
  const HostId from = c.ends[side].host, to = c.ends[1 - side].host;
  Pipe& pipe = c.pipes[side];
  if (faults_.Cut(from, to)) {
    Retransmit(id, c, side);
    return false;
  }
  if (faults_.Stalled(from, to)) {
    pipe.awaited = true;
    stalled_.emplace_back(id, side);
    return false;
  }
  pipe.blocked_since_ns = -1;
  pipe.retries = 0;
  return true;
}

void Network::Retransmit(ConnId id, Connection& c, int side) {
  Pipe& pipe = c.pipes[side];
  const int64_t now = scheduler_->now_ns();
  if (pipe.blocked_since_ns < 0) pipe.blocked_since_ns = now;
  const int64_t give_up = pipe.blocked_since_ns + kGiveUpNs;
  if (now < give_up) {
    pipe.awaited = true;
    Schedule(std::min(give_up, now + (kRetransmitNs << pipe.retries++)),
             SideOf(Action::kDeliver, side), id);
    return;
  }
  pipe.Clear();
  if (c.ends[1].state == End::State::kNone) c.ends[1].state = End::State::kClosed;
  Fail(id, c, side, LinkDownCause::kTimeout);
  FreeIfDone(id);
}

bool Network::Hand(ConnId id, Connection& c, int side) {
  End& to = c.ends[1 - side];
  Pipe& pipe = c.pipes[side];
  const Segment::Kind kind = pipe.queue[pipe.head].kind;
  if (kind == Segment::Kind::kAccept) to.owner = ListenerAt(c.to);
  if (to.owner == nullptr || to.state == End::State::kClosed || to.state == End::State::kFailing) {
    AnswerReset(id, c, side);
    return false;
  }
  if (HoldIfPaused(*to.owner, SideOf(Action::kDeliver, side), id)) {
    pipe.awaited = true;
    return false;
  }
  const Segment segment = pipe.Pop();
  switch (kind) {
    case Segment::Kind::kAccept:
      HandAccept(id, c, *to.owner);
      break;
    case Segment::Kind::kFrame:
      if (segment.bytes.empty()) {
        to.owner->handler_->OnBadFrame(to.link, absl::InvalidArgumentError("empty frame"));
      } else if (segment.bytes.size() > to.owner->max_frame_bytes_) {
        to.owner->handler_->OnBadFrame(
            to.link, absl::ResourceExhaustedError(
                         absl::StrCat("frame of ", segment.bytes.size(), " bytes, at most ",
                                      to.owner->max_frame_bytes_, " are allowed")));
      } else {
        if (to.owner->tap_ != nullptr) {
          to.owner->tap_->OnFrameReceived(c.ends[side].host, to.host, segment.bytes);
          // Who looked on may have ended the process.
          if (Find(id) == nullptr || to.owner == nullptr) return true;
        }
        to.owner->handler_->OnFrame(to.link, segment.bytes);
      }
      break;
    case Segment::Kind::kClose:
      c.pipes[1 - side].Clear();
      Fail(id, c, 1 - side, LinkDownCause::kReset);
      break;
  }
  return true;
}

void Network::HandAccept(ConnId id, Connection& c, NetTransport& listener) {
  End& end = c.ends[1];
  end.state = End::State::kOpen;
  end.owner = &listener;
  const LinkId link = listener.handler_->OnAccept(AddressOf(c.ends[0].host));
  if (listener.dead_) {
    CloseEnd(id, 1, false);
    return;
  }
  end.link = link;
  listener.links_[link] = {id, 1};
}

void Network::ReleaseStalled() {
  for (const auto& [id, side] : std::exchange(stalled_, {})) {
    if (Find(id) != nullptr) {
      Schedule(scheduler_->now_ns(), SideOf(Action::kDeliver, side), id);
    }
  }
}

absl::Status Network::Inject(NetTransport& from, HostId to, std::string frame) {
  for (const auto& [link, end] : from.links_) {
    const auto& [id, side] = end;
    Connection& c = *Find(id);
    if (side != 0 || c.ends[1].host != to || c.ends[1].state != End::State::kOpen) continue;
    Push(id, c, side, Segment::Kind::kFrame, std::move(frame));
    return absl::OkStatus();
  }
  return absl::NotFoundError("no link between the two");
}

// --- Ending ----------------------------------------------------------------------------------

// The owner has forgotten the link. What it sent before goes ahead of the close.
void Network::CloseEnd(ConnId id, int side, bool silently) {
  Connection* c = Find(id);
  if (c == nullptr) return;
  c->ends[side].state = End::State::kClosed;
  c->ends[side].owner = nullptr;
  if (silently) {
    c->pipes[side].Clear();
    if (c->ends[1].state == End::State::kNone) c->ends[1].state = End::State::kClosed;
  } else if (c->established) {
    Push(id, *c, side, Segment::Kind::kClose, {});
  }
  FreeIfDone(id);
}

void Network::Fail(ConnId id, Connection& c, int side, LinkDownCause cause) {
  End& end = c.ends[side];
  if (end.state != End::State::kOpen && end.state != End::State::kDialing) return;
  end.state = End::State::kFailing;
  end.cause = cause;
  Schedule(scheduler_->now_ns(), SideOf(Action::kDown, side), id);
}

// A reset is on its way to this end.
void Network::SendReset(ConnId id, Connection& c, int side) {
  const int64_t delay = DelayNs(c.ends[1 - side].host, c.ends[side].host);
  Schedule(scheduler_->now_ns() + delay, SideOf(Action::kReset, side), id);
}

// Tears the whole connection.
void Network::Break(ConnId id, Connection& c, int first_side) {
  for (Pipe& pipe : c.pipes) pipe.Clear();
  End& far = c.ends[1 - first_side];
  if (far.state == End::State::kNone) far.state = End::State::kClosed;
  Fail(id, c, first_side, LinkDownCause::kReset);
  SendReset(id, c, 1 - first_side);
}

// Bytes reached a closed end: its kernel answers with a reset, if the answer can get through.
void Network::AnswerReset(ConnId id, Connection& c, int side) {
  const HostId sender = c.ends[side].host, receiver = c.ends[1 - side].host;
  if (faults_.Cut(receiver, sender)) {
    Retransmit(id, c, side);
    return;
  }
  c.pipes[side].Clear();
  if (c.ends[1 - side].state == End::State::kNone) c.ends[1 - side].state = End::State::kClosed;
  SendReset(id, c, side);
  FreeIfDone(id);
}

void Network::NotifyDown(ConnId id, Connection& c, int side) {
  End& end = c.ends[side];
  if (end.state != End::State::kFailing) return;
  if (HoldIfPaused(*end.owner, SideOf(Action::kDown, side), id)) return;
  NetTransport& owner = *end.owner;
  const LinkId link = end.link;
  const LinkDownCause cause = end.cause;
  owner.links_.erase(link);
  end.state = End::State::kClosed;
  end.owner = nullptr;
  // After a timeout the other end is left waiting: its next bytes meet a reset.
  const bool tells = cause == LinkDownCause::kOverflow || cause == LinkDownCause::kLocal;
  if (tells && c.established) Push(id, c, side, Segment::Kind::kClose, {});
  FreeIfDone(id);
  owner.handler_->OnLinkDown(link, cause, absl::UnavailableError("the link ended"));
}

void Network::ResetLinks(HostId a, HostId b) {
  for (size_t i = 0; i < connections_.size(); ++i) {
    Connection& c = *connections_[i];
    if (!c.used || !c.established) continue;
    const HostId x = c.ends[0].host, y = c.ends[1].host;
    if ((x != a || y != b) && (x != b || y != a)) continue;
    const ConnId id{uint64_t{c.generation} << 32 | i};
    Break(id, c, 0);
    FreeIfDone(id);
  }
}

}  // namespace clusterkit::sim
