#include "kvserver/target_link.h"

#include <atomic>
#include <utility>

#include "kvserver/text.h"

namespace kv {
namespace {

constexpr size_t kReadBuffer = 4096;
constexpr size_t kMaxLine = size_t{64} << 10;

// Names are looked up on libuv's threads, which also write the cluster's state to the disk. Slow
// name servers must not take all of them.
constexpr int kMaxLookups = 2;
std::atomic<int> g_lookups{0};

bool ParseAddress(const std::string& host, const std::string& port, sockaddr_storage* out) {
  int64_t number = 0;
  if (!ParseInt(port, &number) || number < 0 || number > 65535) number = 0;
  return uv_ip4_addr(host.c_str(), static_cast<int>(number), reinterpret_cast<sockaddr_in*>(out)) ==
             0 ||
         uv_ip6_addr(host.c_str(), static_cast<int>(number),
                     reinterpret_cast<sockaddr_in6*>(out)) == 0;
}

}  // namespace

struct TargetLink::Socket {
  uv_tcp_t tcp;
  uv_connect_t connect;
  TargetLink* link;  // null: it is gone
  char buffer[kReadBuffer];
};

struct TargetLink::Lookup {
  uv_getaddrinfo_t request;
  TargetLink* link;  // null: it is gone
};

TargetLink::TargetLink(uv_loop_t* loop, std::string host, std::string port)
    : loop_(loop),
      host_(std::move(host)),
      port_(std::move(port)),
      socket_(new Socket),
      refused_(loop, [this] { Lose(/*had_address=*/true); }) {
  uv_tcp_init(loop_, &socket_->tcp);
  socket_->tcp.data = socket_;
  socket_->connect.data = socket_;
  socket_->link = this;
}

TargetLink::~TargetLink() {
  socket_->link = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&socket_->tcp),
           [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
  if (lookup_ == nullptr) return;
  lookup_->link = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
}

// --- Connecting ---

void TargetLink::Connect() {
  state_ = State::kConnecting;
  sockaddr_storage address = {};
  if (ParseAddress(host_, port_, &address)) {
    ConnectTo(reinterpret_cast<const sockaddr*>(&address));
  } else {
    LookUp();
  }
}

void TargetLink::LookUp() {
  if (g_lookups >= kMaxLookups) return refused_.Start(0, 0);
  lookup_ = new Lookup{{}, this};
  lookup_->request.data = lookup_;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  const int error = uv_getaddrinfo(
      loop_, &lookup_->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        --g_lookups;
        auto* lookup = static_cast<Lookup*>(request->data);
        if (TargetLink* link = lookup->link) {
          link->lookup_ = nullptr;
          if (status == 0) {
            link->ConnectTo(found->ai_addr);
          } else {
            link->Lose(/*had_address=*/false);
          }
        }
        delete lookup;
        uv_freeaddrinfo(found);
      },
      host_.c_str(), port_.c_str(), &hints);
  if (error == 0) {
    ++g_lookups;
  } else {
    delete std::exchange(lookup_, nullptr);
    refused_.Start(0, 0);
  }
}

void TargetLink::ConnectTo(const sockaddr* address) {
  uv_tcp_nodelay(&socket_->tcp, 1);
  const int error = uv_tcp_connect(&socket_->connect, &socket_->tcp, address,
                                   [](uv_connect_t* request, int status) {
                                     auto* socket = static_cast<Socket*>(request->data);
                                     if (socket->link != nullptr) socket->link->OnConnected(status);
                                   });
  if (error != 0) refused_.Start(0, 0);
}

void TargetLink::OnConnected(int status) {
  if (status != 0) return Lose(/*had_address=*/true);
  state_ = State::kConnected;
  StartReading();
  if (listener_ != nullptr) listener_->OnConnected();
}

void TargetLink::Lose(bool had_address) {
  if (std::exchange(state_, State::kLost) == State::kLost) return;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&socket_->tcp));
  if (listener_ != nullptr) listener_->OnLost(had_address);
}

// --- Bytes ---

void TargetLink::Send(std::string bytes) {
  struct Request {
    uv_write_t uv;
    std::string bytes;
  };
  auto* request = new Request{{}, std::move(bytes)};
  request->uv.data = request;
  uv_buf_t buffer =
      uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  const int error = uv_write(&request->uv, reinterpret_cast<uv_stream_t*>(&socket_->tcp), &buffer,
                             1, [](uv_write_t* done, int status) {
                               auto* socket = static_cast<Socket*>(done->handle->data);
                               delete static_cast<Request*>(done->data);
                               TargetLink* link = socket->link;
                               if (link == nullptr) return;
                               if (status != 0) return link->Lose(/*had_address=*/true);
                               if (link->unsent() == 0 && link->listener_ != nullptr)
                                 link->listener_->OnSent();
                             });
  if (error == 0) return;
  delete request;
  refused_.Start(0, 0);
}

size_t TargetLink::unsent() const {
  return uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&socket_->tcp));
}

void TargetLink::StartReading() {
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&socket_->tcp),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        auto* socket = static_cast<Socket*>(handle->data);
        *buffer = uv_buf_init(socket->buffer, kReadBuffer);
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
        TargetLink* link = static_cast<Socket*>(stream->data)->link;
        if (link == nullptr || size == 0) return;
        if (size < 0) return link->Lose(/*had_address=*/true);
        link->OnRead(std::string_view(buffer->base, static_cast<size_t>(size)));
      });
}

void TargetLink::OnRead(std::string_view bytes) {
  Socket* socket = socket_;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > kMaxLine) return Lose(/*had_address=*/true);
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    const std::string line = std::exchange(line_, {});
    if (listener_ != nullptr) listener_->OnLine(line);
    if (socket->link == nullptr || state_ == State::kLost) return;
  }
}

}  // namespace kv
