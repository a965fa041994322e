#include "custom_transport/epoll_transport.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "custom_transport/address.h"

namespace custom_transport {
namespace {

using clusterkit::Endpoint;
using clusterkit::LinkDownCause;
using clusterkit::LinkId;

constexpr int kBacklog = 511;
constexpr absl::Duration kPauseWithoutDescriptors = absl::Milliseconds(100);

// clusterkit takes kRefused for evidence that a process is dead: nothing else may look like it.
LinkDownCause CauseOf(int error) {
  switch (error) {
    case ECONNREFUSED:
      return LinkDownCause::kRefused;
    case EPIPE:
    case ECONNRESET:
      return LinkDownCause::kReset;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return LinkDownCause::kTimeout;
    default:
      return LinkDownCause::kLocal;
  }
}

absl::Status Trouble(const char* doing, const Endpoint& endpoint, const char* why) {
  return absl::UnavailableError(
      absl::StrCat(doing, " ", clusterkit::Describe(endpoint), ": ", why));
}

int NewSocket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

void Set(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

}  // namespace

EpollTransport::EpollTransport(EpollLoop* loop, const clusterkit::Options& options)
    : loop_(loop), options_(options) {}

EpollTransport::~EpollTransport() { Shutdown(); }

// --- Links come ----------------------------------------------------------------------------------

absl::Status EpollTransport::Listen(const Endpoint& bus, Handler* handler) {
  Endpoint at = bus;
  if (at.host.empty()) at.host = "0.0.0.0";  // Every address of the machine.
  std::optional<Address> address = Address::Parse(at);
  if (!address) return absl::InvalidArgumentError(absl::StrCat(at.host, " is not an address"));
  const int fd = NewSocket(address->family());
  if (fd < 0) return Trouble("listen on", at, std::strerror(errno));
  Set(fd, SOL_SOCKET, SO_REUSEADDR);
  if (bind(fd, address->get(), address->size) != 0 || listen(fd, kBacklog) != 0) {
    const absl::Status status = Trouble("listen on", at, std::strerror(errno));
    close(fd);
    return status;
  }
  handler_ = handler;
  listener_ =
      std::make_unique<EpollLoop::Watch>(loop_, fd, EPOLLIN, [this](uint32_t) { OnConnectable(); });
  return absl::OkStatus();
}

uint16_t EpollTransport::port() const {
  Address address;
  if (listener_ == nullptr) return 0;
  return getsockname(listener_->fd(), address.get(), &address.size) == 0 ? address.Port() : 0;
}

void EpollTransport::OnConnectable() {
  Address peer;
  const int fd = accept4(listener_->fd(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    const LinkId link = handler_->OnAccept(peer.Host());
    if (handler_ == nullptr) {  // It has shut us down.
      close(fd);
    } else {
      Adopt(link, fd, true);
    }
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    // The connection stays, and epoll would tell of it without end.
    listener_->WaitFor(0);
    loop_->After(kPauseWithoutDescriptors, [this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired() && listener_ != nullptr) listener_->WaitFor(EPOLLIN);
    });
  }
}

void EpollTransport::Adopt(LinkId link, int fd, bool up) {
  Set(fd, IPPROTO_TCP, TCP_NODELAY);
  Set(fd, SOL_SOCKET, SO_KEEPALIVE);
  auto socket = std::make_unique<EpollLoop::Watch>(
      loop_, fd, up ? EPOLLIN : EPOLLOUT, [this, link](uint32_t events) { OnReady(link, events); });
  links_[link] = std::make_shared<Link>(Link{
      std::move(socket), up, false, false, clusterkit::FrameReader(options_.max_frame_bytes), {}});
}

void EpollTransport::Dial(LinkId link, const Endpoint& to) {
  if (handler_ == nullptr) return;
  links_[link] =
      std::make_shared<Link>(Link{nullptr, false, false, false, clusterkit::FrameReader(0), {}});
  std::optional<Address> address = Address::Parse(to);
  if (!address || to.port == 0) {
    return EndSoon(link, LinkDownCause::kLocal, Trouble("dial", to, "not an address"));
  }
  const int fd = NewSocket(address->family());
  if (fd < 0 || (connect(fd, address->get(), address->size) != 0 && errno != EINPROGRESS)) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return EndSoon(link, CauseOf(error), Trouble("dial", to, std::strerror(error)));
  }
  Adopt(link, fd, false);
  loop_->After(options_.HandshakeTimeout(), [=, this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto dialling = Find(link);
    if (dialling == nullptr || dialling->up) return;
    End(link, LinkDownCause::kTimeout, Trouble("dial", to, "no answer"));
  });
}

void EpollTransport::OnDialled(LinkId link) {
  const auto dialled = Find(link);
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(dialled->socket->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return End(link, CauseOf(error), absl::UnavailableError(std::strerror(error)));
  dialled->up = true;
  dialled->socket->WaitFor(EPOLLIN);
  handler_->OnLinkUp(link);
}

// --- Frames come and go --------------------------------------------------------------------------

void EpollTransport::OnReady(LinkId link, uint32_t events) {
  const auto ready = Find(link);
  if (!ready->up) return OnDialled(link);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read(link);
  if (ready->socket == nullptr || (events & EPOLLOUT) == 0) return;
  if (const int error = Flush(*ready); error != 0) {
    End(link, CauseOf(error), absl::UnavailableError(std::strerror(error)));
  }
}

// All that has arrived is delivered before the news that the link has ended.
void EpollTransport::Read(LinkId link) {
  const auto from = Find(link);
  std::array<char, size_t{64} << 10> buffer;
  const ssize_t size = recv(from->socket->fd(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    const int error = size == 0 ? ECONNRESET : errno;
    return End(link, CauseOf(error), absl::UnavailableError(std::strerror(error)));
  }
  if (from->deaf) return;
  from->in.Append({buffer.data(), static_cast<size_t>(size)});
  // Each frame may make the handler close the link, or send too much on it.
  while (from->socket != nullptr) {
    const auto frame = from->in.Next();
    if (!frame.ok()) {
      from->deaf = true;
      return handler_->OnBadFrame(link, frame.status());
    }
    if (!frame->has_value()) return;
    handler_->OnFrame(link, **frame);
  }
}

void EpollTransport::Send(LinkId link, std::string frame) {
  const auto to = Find(link);
  if (to == nullptr || !to->up || to->mute || to->socket == nullptr) return;
  if (frame.empty() || frame.size() > options_.max_frame_bytes) {
    return EndSoon(link, LinkDownCause::kLocal,
                   absl::ResourceExhaustedError(
                       absl::StrCat("a frame of ", frame.size(), " bytes cannot be sent")));
  }
  const bool waits = !to->out.empty();
  clusterkit::AppendFramePrefix(frame.size(), to->out);
  to->out += frame;
  const int error = waits ? 0 : Flush(*to);
  if (error != 0) {
    EndSoon(link, CauseOf(error), absl::UnavailableError(std::strerror(error)));
  } else if (to->out.size() > options_.max_link_queue_bytes) {
    EndSoon(link, LinkDownCause::kOverflow,
            absl::ResourceExhaustedError("the peer reads too slowly"));
  }
}

int EpollTransport::Flush(Link& link) {
  size_t sent = 0;
  while (sent < link.out.size()) {
    const ssize_t size = send(link.socket->fd(), link.out.data() + sent, link.out.size() - sent,
                              MSG_NOSIGNAL);  // An error instead of SIGPIPE.
    if (size >= 0) {
      sent += static_cast<size_t>(size);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      // The peer's side is gone. Reading finds the same, after what is still to be read.
      link.mute = true;
      sent = link.out.size();
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  link.out.erase(0, sent);
  link.socket->WaitFor(link.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  return 0;
}

size_t EpollTransport::QueuedBytes(LinkId link) const {
  const auto found = Find(link);
  return found == nullptr ? 0 : found->out.size();
}

// --- Links go ------------------------------------------------------------------------------------

void EpollTransport::End(LinkId link, LinkDownCause cause, const absl::Status& detail) {
  Find(link)->socket.reset();
  links_.erase(link);
  handler_->OnLinkDown(link, cause, detail);
}

void EpollTransport::EndSoon(LinkId link, LinkDownCause cause, absl::Status detail) {
  Find(link)->socket.reset();
  loop_->Post([=, this, detail = std::move(detail), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && Find(link) != nullptr) End(link, cause, detail);
  });
}

void EpollTransport::Close(LinkId link) {
  const auto closing = Find(link);
  if (closing == nullptr) return;
  if (closing->up && closing->socket != nullptr) {
    Flush(*closing);
    // To close a socket with something unread resets it, and the peer may lose what we sent.
    std::array<char, size_t{64} << 10> unread;
    for (int i = 0; i < 16; ++i) {
      if (recv(closing->socket->fd(), unread.data(), unread.size(), 0) <= 0) break;
    }
  }
  closing->socket.reset();
  links_.erase(link);
}

void EpollTransport::Shutdown() {
  handler_ = nullptr;
  listener_.reset();
  while (!links_.empty()) Close(links_.begin()->first);
}

std::shared_ptr<EpollTransport::Link> EpollTransport::Find(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second;
}

}  // namespace custom_transport
