// A connection of cpp-httplib with an end: so many bytes come in at most, and so long it lasts.
// Whoever includes this includes all of cpp-httplib, which is large.

#ifndef KVSERVER_BOUNDED_STREAM_H_
#define KVSERVER_BOUNDED_STREAM_H_

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

namespace kv {

class BoundedStream final : public httplib::Stream {
 public:
  // Ends early when `stopping`.
  BoundedStream(socket_t socket, size_t max_bytes, std::chrono::milliseconds max_time,
                const std::atomic<bool>* stopping)
      : socket_(socket),
        stopping_(stopping),
        deadline_(Clock::now() + max_time),
        left_(max_bytes) {}

  bool is_readable() const override { return left_ > 0 && Wait(POLLIN); }
  bool is_writable() const override { return Wait(POLLOUT); }
  ssize_t read(char* to, size_t size) override {
    if (!is_readable()) return -1;
    const ssize_t got = recv(socket_, to, std::min(size, left_), 0);
    if (got > 0) left_ -= static_cast<size_t>(got);
    return got;
  }
  ssize_t write(const char* from, size_t size) override {
    return is_writable() ? send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
  }
  // Nobody asks who it is.
  void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr int kLookUpMs = 100;

  bool Wait(short events) const {
    pollfd ready{socket_, events, 0};
    while (!*stopping_ && Clock::now() < deadline_) {
      if (poll(&ready, 1, kLookUpMs) > 0) return true;
    }
    return false;
  }

  const socket_t socket_;
  const std::atomic<bool>* const stopping_;
  const Clock::time_point deadline_;
  size_t left_;
};

}  // namespace kv

#endif  // KVSERVER_BOUNDED_STREAM_H_
