#include "uv/address.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <string_view>

namespace clusterkit::uv {
namespace {

constexpr size_t kMaxHostBytes = 255;  // As long as a DNS name may be.
constexpr std::string_view kMappedPrefix = "::ffff:";

}  // namespace

std::optional<Address> Address::FromLiteral(const std::string& host, uint16_t port) {
  Address address;
  if (uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&address.storage_)) == 0 ||
      uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&address.storage_)) == 0) {
    return address;
  }
  return std::nullopt;
}

std::vector<Address> Address::FromResolver(const addrinfo* found, uint16_t port) {
  std::vector<Address> addresses;
  for (; found != nullptr; found = found->ai_next) {
    Address address;
    if (found->ai_addrlen > sizeof(address.storage_)) continue;
    std::memcpy(&address.storage_, found->ai_addr, found->ai_addrlen);
    if (found->ai_family == AF_INET) {
      reinterpret_cast<sockaddr_in*>(&address.storage_)->sin_port = htons(port);
    } else if (found->ai_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&address.storage_)->sin6_port = htons(port);
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  return addresses;
}

std::optional<Address> Address::Local(const uv_tcp_t& socket) {
  Address address;
  int size = sizeof(address.storage_);
  if (uv_tcp_getsockname(&socket, reinterpret_cast<sockaddr*>(&address.storage_), &size) != 0) {
    return std::nullopt;
  }
  return address;
}

std::optional<Address> Address::Peer(const uv_tcp_t& socket) {
  Address address;
  int size = sizeof(address.storage_);
  if (uv_tcp_getpeername(&socket, reinterpret_cast<sockaddr*>(&address.storage_), &size) != 0) {
    return std::nullopt;
  }
  return address;
}

std::string Address::Host() const {
  const socklen_t size = storage_.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  char text[NI_MAXHOST];
  if (getnameinfo(get(), size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) != 0) return "";
  std::string_view host = text;
  if (host.starts_with(kMappedPrefix) && host.find('.') != std::string_view::npos) {
    host.remove_prefix(kMappedPrefix.size());
  }
  return std::string(host);
}

uint16_t Address::Port() const {
  return ntohs(storage_.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port
                   : reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
}

bool IsPlausibleHost(const std::string& host) {
  return !host.empty() && host.size() <= kMaxHostBytes && host.find('\0') == std::string::npos;
}

}  // namespace clusterkit::uv
