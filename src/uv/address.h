// Socket addresses and their texts.

#ifndef CLUSTERKIT_SRC_UV_ADDRESS_H_
#define CLUSTERKIT_SRC_UV_ADDRESS_H_

#include <sys/socket.h>
#include <uv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/types.h"

namespace clusterkit::uv {

class Address {
 public:
  // Empty unless the host is a literal IPv4 or IPv6 address.
  static std::optional<Address> FromLiteral(const std::string& host, uint16_t port);
  // Of every entry of what the resolver found, in its order.
  static std::vector<Address> FromResolver(const addrinfo* found, uint16_t port);
  // Of this end of a socket, or of the other. Empty if it is not connected.
  static std::optional<Address> Local(const uv_tcp_t& socket);
  static std::optional<Address> Peer(const uv_tcp_t& socket);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  // An IPv4 address that arrived over an IPv6 socket is written as IPv4.
  std::string Host() const;
  uint16_t Port() const;

 private:
  sockaddr_storage storage_{};
};

// Whether a name resolver may be asked for it. Peers choose hosts, so this is checked.
bool IsPlausibleHost(const std::string& host);

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_SRC_UV_ADDRESS_H_
