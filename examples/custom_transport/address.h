// Socket addresses from and to text.

#ifndef CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_ADDRESS_H_
#define CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_ADDRESS_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "clusterkit/types.h"

namespace custom_transport {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  uint16_t Port() { return ntohs(family() == AF_INET6 ? v6()->sin6_port : v4()->sin_port); }
  std::string Host() {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = &v4()->sin_addr;
    if (family() == AF_INET6) bytes = &v6()->sin6_addr;
    inet_ntop(family(), bytes, text.data(), text.size());
    return text.data();
  }
  sockaddr_in* v4() { return reinterpret_cast<sockaddr_in*>(&storage); }
  sockaddr_in6* v6() { return reinterpret_cast<sockaddr_in6*>(&storage); }

  // Empty if the host is no literal address.
  static std::optional<Address> Parse(const clusterkit::Endpoint& endpoint) {
    if (endpoint.host.find('\0') != std::string::npos) return std::nullopt;
    Address address;
    if (inet_pton(AF_INET, endpoint.host.c_str(), &address.v4()->sin_addr) == 1) {
      address.storage.ss_family = AF_INET;
      address.v4()->sin_port = htons(endpoint.port);
      address.size = sizeof(sockaddr_in);
    } else if (inet_pton(AF_INET6, endpoint.host.c_str(), &address.v6()->sin6_addr) == 1) {
      address.storage.ss_family = AF_INET6;
      address.v6()->sin6_port = htons(endpoint.port);
      address.size = sizeof(sockaddr_in6);
    } else {
      return std::nullopt;
    }
    return address;
  }
};

}  // namespace custom_transport

#endif  // CLUSTERKIT_EXAMPLES_CUSTOM_TRANSPORT_ADDRESS_H_
