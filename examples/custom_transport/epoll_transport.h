// clusterkit's links over TCP sockets of the host's own, on the host's own loop.
//
// A transport carries frames and tells how links end; what is in the frames, when to dial and what
// a broken link means are clusterkit's. FrameReader and AppendFramePrefix (framing.h) cut the
// stream into frames as clusterkit::uv::Transport does, so that nodes on either understand each
// other.

#ifndef CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_TRANSPORT_H_
#define CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "clusterkit/framing.h"
#include "clusterkit/options.h"
#include "clusterkit/transport.h"
#include "custom_transport/epoll_loop.h"

namespace custom_transport {

// Hosts are literal addresses, of IPv4 or IPv6: to resolve a name takes waiting, which is for
// another thread.
class EpollTransport : public clusterkit::Transport {
 public:
  // `loop` must outlive this. Of the options: max_frame_bytes, max_link_queue_bytes,
  // HandshakeTimeout().
  EpollTransport(EpollLoop* loop, const clusterkit::Options& options);
  ~EpollTransport() override;

  absl::Status Listen(const clusterkit::Endpoint& bus, Handler* handler) override;
  void Dial(clusterkit::LinkId link, const clusterkit::Endpoint& to) override;
  void Send(clusterkit::LinkId link, std::string frame) override;
  size_t QueuedBytes(clusterkit::LinkId link) const override;
  void Close(clusterkit::LinkId link) override;
  void Shutdown() override;

  uint16_t port() const;  // Where it listens; the system's choice if port 0 was asked for.

 private:
  struct Link {
    std::unique_ptr<EpollLoop::Watch> socket;  // Null: it has ended.
    bool up = false;                           // Otherwise it is being dialled.
    bool mute = false;                         // Nothing can be sent any more.
    bool deaf = false;                         // Nothing more is read.
    clusterkit::FrameReader in;
    std::string out;  // Waits to be sent.
  };

  void OnConnectable();
  void Adopt(clusterkit::LinkId link, int fd, bool up);
  void OnReady(clusterkit::LinkId link, uint32_t events);
  void OnDialled(clusterkit::LinkId link);
  void Read(clusterkit::LinkId link);
  // Sends what the system takes at once. A number for errno, or 0.
  static int Flush(Link& link);
  void End(clusterkit::LinkId link, clusterkit::LinkDownCause cause, const absl::Status& detail);
  // The same from within a call to the transport, where nothing may be told.
  void EndSoon(clusterkit::LinkId link, clusterkit::LinkDownCause cause, absl::Status detail);
  std::shared_ptr<Link> Find(clusterkit::LinkId link) const;

  EpollLoop* const loop_;
  const clusterkit::Options options_;
  Handler* handler_ = nullptr;  // Null before Listen() and after Shutdown().
  std::unique_ptr<EpollLoop::Watch> listener_;
  // Also those that have ended, until that is told. Shared with the function that is reading from
  // one, while the handler closes it.
  std::map<clusterkit::LinkId, std::shared_ptr<Link>> links_;
  // Gone with this: what was left on the loop looks whether it is there.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace custom_transport

#endif  // CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_EPOLL_TRANSPORT_H_
