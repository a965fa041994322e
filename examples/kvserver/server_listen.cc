// The server's listening sockets, and who is let in.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/connection.h"
#include "kvserver/log.h"
#include "kvserver/server.h"

namespace kv {
namespace {

constexpr std::string_view kProtected =
    "-DENIED kvserver is running in protected mode because protected mode is enabled and no "
    "password is set for the default user. In this mode connections are only accepted from the "
    "loopback interface. If you want to connect from external computers, either set a password "
    "(requirepass), or switch protected mode off with 'protected-mode no' in the configuration "
    "or 'CONFIG SET protected-mode no' from the loopback interface.\r\n";
constexpr std::string_view kTooMany = "-ERR max number of clients reached\r\n";

// Resolves an address of the directive "bind": "*" stands for all of IPv4.
int ParseAddress(const std::string& address, int port, sockaddr_storage* out) {
  if (address == "*") {
    return uv_ip4_addr("0.0.0.0", port, reinterpret_cast<sockaddr_in*>(out));
  }
  if (address.find(':') != std::string::npos) {
    const std::string v6 = address == "::*" ? "::" : address;
    return uv_ip6_addr(v6.c_str(), port, reinterpret_cast<sockaddr_in6*>(out));
  }
  const std::string v4 = address == "localhost" ? "127.0.0.1" : address;
  return uv_ip4_addr(v4.c_str(), port, reinterpret_cast<sockaddr_in*>(out));
}

// Failures that "-address" forgives: the machine does not have the address or its family.
bool IsMissingAddress(int error) {
  return error == UV_EADDRNOTAVAIL || error == UV_EAFNOSUPPORT || error == UV_EPROTONOSUPPORT ||
         error == UV_ENOENT;
}

}  // namespace

absl::Status Server::Listen() {
  for (const std::string& word : config_.bind) {
    const bool optional = word.rfind('-', 0) == 0;
    absl::Status status = ListenOn(optional ? word.substr(1) : word, optional);
    if (!status.ok()) return status;
  }
  if (listeners_.empty() && config_.port != 0) {
    return absl::UnavailableError("Configured to not listen anywhere, exiting.");
  }
  return absl::OkStatus();
}

absl::Status Server::ListenOn(const std::string& address, bool optional) {
  const int port = static_cast<int>(config_.port);
  if (port == 0) return absl::OkStatus();
  auto listener = std::make_unique<uv_tcp_t>();
  uv_tcp_init(loop(), listener.get());
  listener->data = this;
  sockaddr_storage parsed = {};
  int error = ParseAddress(address, port, &parsed);
  const unsigned flags = parsed.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
  if (error == 0) error = uv_tcp_bind(listener.get(), reinterpret_cast<sockaddr*>(&parsed), flags);
  if (error == 0) {
    error = uv_listen(reinterpret_cast<uv_stream_t*>(listener.get()),
                      static_cast<int>(config_.tcp_backlog), [](uv_stream_t* stream, int status) {
                        if (status == 0) static_cast<Server*>(stream->data)->Accept(stream);
                      });
  }
  listeners_.push_back(std::move(listener));
  if (error == 0) return absl::OkStatus();
  uv_close(reinterpret_cast<uv_handle_t*>(listeners_.back().get()), nullptr);
  if (optional && IsMissingAddress(error)) return absl::OkStatus();
  // libuv reports some faults of bind at listen; an operator knows them as bind's.
  std::string cause = uv_strerror(error);
  if (error == UV_EADDRINUSE) cause = "Address already in use";
  if (error == UV_EADDRNOTAVAIL) cause = "Cannot assign requested address";
  return absl::UnavailableError(
      absl::StrCat("Warning: Could not create server TCP listening socket ", address, ":", port,
                   ": bind: ", cause));
}

void Server::Accept(uv_stream_t* listener) {
  // Owned by libuv's handle from here on, see Connection::Close.
  auto* connection = new Connection(*this, next_client_id_++);
  connections_.emplace(connection->client().id, connection);
  if (uv_accept(listener, connection->stream()) != 0) return connection->Close();
  connection->Open(config_.tcp_keepalive);
  const std::string_view refusal = RefusalFor(*connection);
  if (!refusal.empty()) {
    ++stats_.rejected_connections;
    uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(refusal.data()), static_cast<unsigned>(refusal.size()));
    uv_try_write(connection->stream(), &buffer, 1);
    return connection->Close();
  }
  ++stats_.connections;
  Client& client = connection->client();
  UpdateClock();
  client.created_ms = client.last_active_ms = keyspace_.now_ms();
  client.authenticated = config_.requirepass.empty();
  connection->StartReading();
}

std::string_view Server::RefusalFor(Connection& connection) const {
  if (connections_.size() > static_cast<size_t>(config_.maxclients)) return kTooMany;
  const std::string& from = connection.client().address;
  const bool local = from.rfind("127.", 0) == 0 || from.rfind("[::1]:", 0) == 0 ||
                     from.rfind("[::ffff:127.", 0) == 0;
  if (config_.protected_mode && config_.requirepass.empty() && !local) return kProtected;
  return {};
}

}  // namespace kv
