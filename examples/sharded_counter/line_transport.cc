#include "sharded_counter/line_transport.h"

#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"

namespace sharded_counter {

using clusterkit::Endpoint;
using clusterkit::LinkDownCause;
using clusterkit::LinkId;

namespace {

constexpr size_t kLongestLine = size_t{1} << 20;
constexpr size_t kMostQueued = size_t{16} << 20;  // Bytes, on one link.
constexpr size_t kMostLinks = 10000;
constexpr int kBacklog = 511;

LinkDownCause CauseOf(int error) {
  if (error == UV_ECONNREFUSED) return LinkDownCause::kRefused;
  if (error == UV_ETIMEDOUT) return LinkDownCause::kTimeout;
  if (error == UV_ENOBUFS) return LinkDownCause::kOverflow;
  return error == UV_EOF || error == UV_ECONNRESET ? LinkDownCause::kReset : LinkDownCause::kLocal;
}

absl::Status Trouble(const char* doing, const Endpoint& endpoint, int error) {
  return absl::UnavailableError(
      absl::StrCat(doing, " ", clusterkit::Describe(endpoint), ": ", uv_strerror(error)));
}

}  // namespace

// Deletes itself when libuv has closed it.
struct LineTransport::Connection {
  uv_tcp_t tcp;
  uv_connect_t connecting;
  LineTransport* owner = nullptr;  // Null once closed.
  LinkId link{};
  bool up = false;
  std::array<char, 16384> buffer;
  std::string in;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  static Connection* Of(void* handle) {
    return static_cast<Connection*>(static_cast<uv_handle_t*>(handle)->data);
  }
  void Close() {
    owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp),
             [](uv_handle_t* handle) { delete Connection::Of(handle); });
  }
};

LineTransport::Connection* LineTransport::NewConnection() {
  auto* connection = new Connection;
  uv_tcp_init(loop_, &connection->tcp);
  connection->tcp.data = connection;
  connection->owner = this;
  return connection;
}

absl::Status LineTransport::Listen(const Endpoint& at, Handler* handler) {
  sockaddr_in address;
  int error = uv_ip4_addr(at.host.c_str(), at.port, &address);
  if (error != 0) return absl::InvalidArgumentError(absl::StrCat(at.host, " is no IPv4 address"));
  listener_ = NewConnection();
  error = uv_tcp_bind(&listener_->tcp, reinterpret_cast<sockaddr*>(&address), 0);
  if (error == 0) {
    error = uv_listen(listener_->stream(), kBacklog, [](uv_stream_t* stream, int status) {
      LineTransport* owner = Connection::Of(stream)->owner;
      if (status == 0 && owner != nullptr) owner->OnConnectable();
    });
  }
  if (error != 0) {
    std::exchange(listener_, nullptr)->Close();
    return Trouble("listen on", at, error);
  }
  handler_ = handler;
  return absl::OkStatus();
}

void LineTransport::OnConnectable() {
  Connection* accepted = NewConnection();
  sockaddr_storage peer;
  int size = sizeof(peer);
  std::array<char, 64> host{};
  if (uv_accept(listener_->stream(), accepted->stream()) != 0 || links_.size() >= kMostLinks ||
      uv_tcp_getpeername(&accepted->tcp, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return accepted->Close();
  }
  uv_ip4_name(reinterpret_cast<sockaddr_in*>(&peer), host.data(), host.size());
  accepted->link = handler_->OnAccept(host.data());
  if (handler_ == nullptr) return accepted->Close();
  links_[accepted->link] = accepted;
  Open(accepted);
}

void LineTransport::Dial(LinkId link, const Endpoint& to) {
  if (handler_ == nullptr) return;
  Connection* dialled = links_[link] = NewConnection();
  dialled->link = link;
  sockaddr_in address;
  int error = uv_ip4_addr(to.host.c_str(), to.port, &address);
  if (error == 0) {
    error =
        uv_tcp_connect(&dialled->connecting, &dialled->tcp, reinterpret_cast<sockaddr*>(&address),
                       [](uv_connect_t* connecting, int status) {
                         Connection* connection = Connection::Of(connecting->handle);
                         LineTransport* owner = connection->owner;
                         if (owner == nullptr) return;
                         if (status != 0) return owner->End(connection->link, status);
                         owner->Open(connection);
                         owner->handler_->OnLinkUp(connection->link);
                       });
  }
  if (error != 0) EndSoon(link, error);
}

void LineTransport::Open(Connection* connection) {
  connection->up = true;
  uv_tcp_nodelay(&connection->tcp, 1);
  uv_read_start(
      connection->stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto& own = Connection::Of(handle)->buffer;
        *buffer = uv_buf_init(own.data(), own.size());
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
        Connection* reading = Connection::Of(stream);
        if (reading->owner != nullptr) reading->owner->OnRead(reading, size);
      });
}

void LineTransport::OnRead(Connection* connection, ssize_t size) {
  if (size < 0) return End(connection->link, static_cast<int>(size));
  connection->in.append(connection->buffer.data(), static_cast<size_t>(size));
  size_t begin = 0;
  // Each line may make the handler close the connection.
  while (connection->owner != nullptr) {
    const size_t end = connection->in.find('\n', begin);
    if (end == std::string::npos) break;
    std::string_view line(connection->in.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    handler_->OnFrame(connection->link, line);
  }
  connection->in.erase(0, begin);
  if (connection->owner == nullptr || connection->in.size() <= kLongestLine) return;
  uv_read_stop(connection->stream());
  handler_->OnBadFrame(connection->link, absl::ResourceExhaustedError("the line is too long"));
}

void LineTransport::Send(LinkId link, std::string line) {
  struct Write {
    uv_write_t request;
    std::string text;
  };
  const auto found = links_.find(link);
  if (found == links_.end() || !found->second->up) return;
  uv_stream_t* stream = found->second->stream();
  auto write = std::make_unique<Write>(Write{{}, std::move(line) + "\n"});
  write->request.data = write.get();
  const uv_buf_t buffer = uv_buf_init(write->text.data(), write->text.size());
  // If it fails, reading tells.
  const int error = uv_write(&write->request, stream, &buffer, 1, [](uv_write_t* request, int) {
    delete static_cast<Write*>(request->data);
  });
  if (error == 0) static_cast<void>(write.release());  // The callback owns it.
  if (uv_stream_get_write_queue_size(stream) > kMostQueued) EndSoon(link, UV_ENOBUFS);
}

void LineTransport::End(LinkId link, int error) {
  Close(link);
  handler_->OnLinkDown(link, CauseOf(error), absl::UnavailableError(uv_strerror(error)));
}

void LineTransport::EndSoon(LinkId link, int error) {
  links_[link]->up = false;  // Nothing more is sent.
  later_->Post([=, this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && links_.contains(link)) End(link, error);
  });
}

void LineTransport::Close(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  found->second->Close();
  links_.erase(found);
}

void LineTransport::Shutdown() {
  handler_ = nullptr;
  if (listener_ != nullptr) std::exchange(listener_, nullptr)->Close();
  while (!links_.empty()) Close(links_.begin()->first);
}

}  // namespace sharded_counter
