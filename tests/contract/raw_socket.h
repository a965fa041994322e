// A blocking TCP socket of the test's own, to do what no well-behaved transport does.

#ifndef CLUSTERKIT_TESTS_CONTRACT_RAW_SOCKET_H_
#define CLUSTERKIT_TESTS_CONTRACT_RAW_SOCKET_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "clusterkit/framing.h"
#include "support/catch.h"

namespace clusterkit {

inline sockaddr_in LoopbackAddress(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

class RawSocket {
 public:
  RawSocket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) { REQUIRE(fd_ >= 0); }
  explicit RawSocket(int fd) : fd_(fd) { REQUIRE(fd_ >= 0); }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawSocket() { Close(); }

  void Connect(uint16_t port) {
    const sockaddr_in address = LoopbackAddress(port);
    REQUIRE(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  // Listens on a port of the system's choice and returns it.
  uint16_t Listen(int backlog) {
    sockaddr_in address = LoopbackAddress(0);
    socklen_t size = sizeof(address);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_, backlog) == 0);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
  }
  RawSocket Accept() { return RawSocket(accept(fd_, nullptr, nullptr)); }
  void Send(const std::string& bytes) {
    REQUIRE(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  // Up to `size` bytes; fewer at the end of the stream or at a reset.
  std::string Receive(size_t size) {
    std::string bytes(size, '\0');
    size_t got = 0;
    while (got < size) {
      const ssize_t n = recv(fd_, bytes.data() + got, size - got, 0);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  // Ends the connection with RST instead of FIN.
  void Reset() {
    const linger now{1, 0};
    REQUIRE(setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    Close();
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

inline std::string Framed(const std::string& frame) {
  std::string bytes;
  AppendFramePrefix(frame.size(), bytes);
  return bytes + frame;
}

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_CONTRACT_RAW_SOCKET_H_
