#include "kvserver/replication_replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/loop_handles.h"
#include "kvserver/server.h"

namespace kv {
namespace {

constexpr size_t kReadRoom = 64 * 1024;
constexpr int64_t kAckIntervalMs = 1000;

bool ParseAddress(const clusterkit::Endpoint& endpoint, sockaddr_storage* out) {
  return uv_ip4_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in*>(out)) ==
             0 ||
         uv_ip6_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in6*>(out)) ==
             0;
}

std::string Name(const clusterkit::Endpoint& endpoint) {
  return absl::StrCat(endpoint.host, ":", endpoint.port);
}

}  // namespace

struct ReplicationReplica::Socket {
  uv_tcp_t tcp;
  uv_connect_t connect;
  ReplicationReplica* replica;  // null once it has let go
};

ReplicationReplica::ReplicationReplica(Server& server, const DataState& data, Owner& owner)
    : server_(server), data_(data), owner_(owner), client_(0) {
  client_.kind = ClientKind::kPrimary;
}

ReplicationReplica::~ReplicationReplica() { CloseSocket(); }

std::string_view ReplicationReplica::StateText() const {
  constexpr std::string_view kTexts[] = {"none",      "connect", "connecting",
                                         "handshake", "sync",    "connected"};
  return kTexts[static_cast<size_t>(state_)];
}

// --- Connection ---

void ReplicationReplica::Start() {
  CloseSocket();
  state_ = State::kConnect;
  down_since_ms_ = NowMs();
  last_io_ms_ = down_since_ms_;
  retry_delay_ms_ = 0;
  Connect();
}

void ReplicationReplica::Stop() {
  CloseSocket();
  state_ = State::kNone;
}

void ReplicationReplica::CloseSocket() {
  input_.clear();
  consumed_ = 0;
  uncounted_.clear();
  stopped_short_ = false;
  DiscardTransaction(client_);
  if (socket_ == nullptr) return;
  Socket* socket = std::exchange(socket_, nullptr);
  socket->replica = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&socket->tcp),
           [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
}

void ReplicationReplica::Fail(std::string_view why) {
  std::string text = absl::StrCat("Connection with primary ", Name(peer_), " failed: ");
  Log(Repeated() ? LogLevel::kVerbose : LogLevel::kWarning, text.append(why));
  CloseSocket();
  if (state_ == State::kConnected) down_since_ms_ = NowMs();
  // At once after a link that worked: only the connection may have broken.
  const bool worked = state_ == State::kConnected;
  state_ = State::kConnect;
  retry_at_ms_ = NowMs() + (worked ? 0 : retry_delay_ms_);
  retry_delay_ms_ = std::clamp(2 * retry_delay_ms_, kFirstRetryMs, kLastRetryMs);
  owner_.OnLinkDown();
}

void ReplicationReplica::Connect() {
  peer_ = owner_.PrimaryAddress();
  sockaddr_storage address = {};
  if (peer_.host.empty() || !ParseAddress(peer_, &address)) {
    retry_at_ms_ = NowMs() + kFirstRetryMs;
    return;
  }
  socket_ = new Socket{{}, {}, this};
  uv_tcp_init(server_.loop(), &socket_->tcp);
  socket_->tcp.data = socket_;
  socket_->connect.data = socket_;
  uv_tcp_nodelay(&socket_->tcp, 1);
  state_ = State::kConnecting;
  connect_started_ms_ = NowMs();
  const int error =
      uv_tcp_connect(&socket_->connect, &socket_->tcp, reinterpret_cast<const sockaddr*>(&address),
                     [](uv_connect_t* request, int status) {
                       auto* socket = static_cast<Socket*>(request->data);
                       if (socket->replica == nullptr) return;
                       socket->replica->OnConnected(status);
                     });
  if (error != 0) Fail(uv_strerror(error));
}

void ReplicationReplica::OnConnected(int status) {
  if (status != 0) return Fail(uv_strerror(status));
  Log(Repeated() ? LogLevel::kVerbose : LogLevel::kNotice,
      absl::StrCat("PRIMARY <-> REPLICA sync started with ", Name(peer_)));
  uv_tcp_keepalive(&socket_->tcp, 1, 60);
  state_ = State::kHandshake;
  SendHandshake();
  if (socket_ == nullptr) return;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&socket_->tcp),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        ReplicationReplica* self = static_cast<Socket*>(handle->data)->replica;
        if (self == nullptr) {
          *buffer = uv_buf_init(nullptr, 0);
          return;
        }
        // Straight behind what is there, so that a large value is not copied twice.
        const size_t size = self->input_.size();
        self->filled_ = size;
        self->input_.resize(size + kReadRoom);
        *buffer = uv_buf_init(self->input_.data() + size, kReadRoom);
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
        ReplicationReplica* self = static_cast<Socket*>(stream->data)->replica;
        if (self != nullptr) self->OnRead(size);
      });
}

// All at once: the answers come in the same order, and only the last one matters.
void ReplicationReplica::SendHandshake() {
  const Config& config = server_.config();
  std::string out;
  const auto add = [&out](std::initializer_list<std::string_view> args) {
    AppendRequest(out, Args(args.begin(), args.size()));
  };
  const int64_t port =
      config.cluster_announce_port != 0 ? config.cluster_announce_port : config.port;
  const std::string port_text = absl::StrCat(port);
  const std::string primary_id = owner_.PrimaryId();
  replies_due_ = 3;
  add({"PING"});
  if (!config.masterauth.empty()) {
    ++replies_due_;
    if (config.masteruser.empty()) {
      add({"AUTH", config.masterauth});
    } else {
      add({"AUTH", config.masteruser, config.masterauth});
    }
  }
  add({"REPLCONF", "listening-port", port_text});
  add({"REPLCONF", "capa", "eof", "capa", "psync2", "primary-id", primary_id});
  if (!config.cluster_announce_ip.empty()) {
    ++replies_due_;
    add({"REPLCONF", "ip-address", config.cluster_announce_ip});
  }
  may_continue_ = data_.in_stream();
  if (may_continue_) {
    const std::string next = absl::StrCat(data_.progress.offset + 1);
    Log(Repeated() ? LogLevel::kVerbose : LogLevel::kNotice,
        absl::StrCat("Trying a partial resynchronization (request ", data_.stream_id, ":", next,
                     ")."));
    add({"PSYNC", data_.stream_id, next});
  } else {
    add({"PSYNC", "?", "-1"});
  }
  Write(std::move(out));
}

void ReplicationReplica::Write(std::string bytes) {
  struct Request {
    uv_write_t uv;
    std::string bytes;
  };
  auto* request = new Request{{}, std::move(bytes)};
  request->uv.data = request;
  uv_buf_t buffer =
      uv_buf_init(request->bytes.data(), static_cast<unsigned>(request->bytes.size()));
  const int error = uv_write(&request->uv, reinterpret_cast<uv_stream_t*>(&socket_->tcp), &buffer,
                             1, [](uv_write_t* done, int) {
                               // An error also ends the reading, which is where it is handled.
                               delete static_cast<Request*>(done->data);
                             });
  if (error != 0) {
    delete request;
    Fail(uv_strerror(error));
  }
}

void ReplicationReplica::SendAck() {
  if (socket_ == nullptr) return;
  last_ack_ms_ = NowMs();
  std::string out;
  const std::string offset = absl::StrCat(data_.progress.offset);
  const std::string_view ack[] = {"REPLCONF", "ACK", offset};
  AppendRequest(out, ack);
  Write(std::move(out));
}

void ReplicationReplica::Cron(int64_t now_ms) {
  if (state_ == State::kNone) return;
  if (state_ == State::kConnect) {
    if (now_ms >= retry_at_ms_) Connect();
    return;
  }
  const clusterkit::Endpoint wanted = owner_.PrimaryAddress();
  if (!wanted.host.empty() && wanted != peer_) {
    Log(LogLevel::kNotice, absl::StrCat("The primary's address is now ", Name(wanted)));
    return Start();
  }
  const int64_t heard_ms = std::max(last_io_ms_, connect_started_ms_);
  if (now_ms - heard_ms > server_.config().repl_timeout * 1000) {
    return Fail("nothing was received for repl-timeout");
  }
  if (state_ == State::kConnected && now_ms - last_ack_ms_ >= kAckIntervalMs) SendAck();
}

}  // namespace kv
