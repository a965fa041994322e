// The port to the network.

#ifndef CLUSTERKIT_TRANSPORT_H_
#define CLUSTERKIT_TRANSPORT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Loop thread only. Frames are opaque bytes; within a link they arrive in order, once, whole, or
// the link goes down. No handler method is called from within a call to the transport.
class Transport {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // A peer connected. The answer names the link from now on. `peer_host` is its address.
    virtual LinkId OnAccept(const std::string& peer_host) = 0;
    virtual void OnLinkUp(LinkId link) = 0;
    // Once per dialled or accepted link, unless Close() was called for it first.
    virtual void OnLinkDown(LinkId link, LinkDownCause cause, const absl::Status& detail) = 0;
    virtual void OnFrame(LinkId link, std::string_view frame) = 0;
    // The byte stream broke the framing rules: over-long or empty frame. The link is useless;
    // the handler closes it.
    virtual void OnBadFrame(LinkId link, const absl::Status& error) = 0;
  };

  virtual ~Transport() = default;

  // Starts accepting. Once. Unavailable or InvalidArgument, with address and cause.
  virtual absl::Status Listen(const Endpoint& bus, Handler* handler) = 0;
  // Ends in OnLinkUp or OnLinkDown, even if the address is nonsense. Gives up by itself.
  virtual void Dial(LinkId link, const Endpoint& to) = 0;
  // Best effort. Links that are unknown or not up yet are ignored. Over the queue limit the link
  // goes down (kOverflow); a frame that is empty or over the frame limit takes it down too
  // (kLocal).
  virtual void Send(LinkId link, std::string frame) = 0;
  // What waits to be sent on a link; zero if unknown.
  virtual size_t QueuedBytes(LinkId) const { return 0; }
  // Ends the link without a callback, after what is queued was sent if that takes no waiting.
  virtual void Close(LinkId link) = 0;
  // Stops accepting and closes every link without a callback. No handler call follows.
  virtual void Shutdown() = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TRANSPORT_H_
