// A listening socket.

#ifndef CLUSTERKIT_SRC_UV_LISTENER_H_
#define CLUSTERKIT_SRC_UV_LISTENER_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "clusterkit/types.h"
#include "uv/address.h"

namespace clusterkit::uv {

// Close() it before the last reference goes.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Gets an accepted socket, which is the receiver's to close and delete.
  using OnConnection = std::function<void(uv_tcp_t*)>;

  Listener(uv_loop_t* loop, OnConnection on_connection);

  // An empty host means all addresses, of IPv6 and IPv4 where the system can. Unavailable, or
  // InvalidArgument for a host that is none.
  absl::Status Listen(const Endpoint& endpoint);
  uint16_t port() const { return port_; }
  // No connection is handed out afterwards.
  void Close();

 private:
  std::vector<Address> Candidates(const Endpoint& endpoint, int& error) const;
  int ListenOn(const Address& address);
  void OnReadable(int status);
  void Pause();
  void Reopen();

  uv_loop_t* const loop_;
  OnConnection on_connection_;
  uv_tcp_t* socket_ = nullptr;
  std::optional<Address> address_;  // With the port that the system chose.
  uint16_t port_ = 0;
  uv_timer_t* pause_ = nullptr;  // Runs while the socket is closed for a moment.
};

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_SRC_UV_LISTENER_H_
