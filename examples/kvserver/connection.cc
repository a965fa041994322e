#include "kvserver/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/server.h"
#include "kvserver/transaction.h"

namespace kv {
namespace {

// Room that a read into the connection's own buffer gets at least.
constexpr size_t kMinReadRoom = size_t{32} << 10;
// Empty buffers beyond this are given back: at once, or when the client has been idle.
constexpr size_t kKeepWhileActive = size_t{1} << 20;
constexpr size_t kKeepWhileIdle = size_t{4} << 10;
// Replies are written as soon as they reach this, also in the middle of a pipeline.
constexpr size_t kFlushBytes = size_t{256} << 10;
// Input that a blocked client may pile up before its socket is no longer read.
constexpr size_t kMaxInputWhileBlocked = size_t{1} << 20;
// Output that may wait for a client without output limit before its next request is served.
constexpr size_t kMaxOutputWaiting = kFlushBytes;
// What "no limit" means for output: libuv takes a buffer of less than 4 GiB at once.
constexpr uint64_t kMaxOutput = uint64_t{2} << 30;

std::string FormatAddress(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return absl::StrCat("[", text, "]:", ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  return absl::StrCat(text, ":", ntohs(v4.sin_port));
}

// Finds out within about two intervals that a peer is gone without a word, as in Redis.
void SetKeepalive(int fd, int seconds) {
  constexpr int kProbes = 3;
  const int options[][2] = {{TCP_KEEPIDLE, seconds},
                            {TCP_KEEPINTVL, std::max(seconds / kProbes, 1)},
                            {TCP_KEEPCNT, kProbes}};
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  for (const auto& [name, value] : options) {
    setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
  }
}

Connection& Of(void* handle_data) { return *static_cast<Connection*>(handle_data); }

}  // namespace

Connection::Connection(Server& server, ClientId id) : server_(server), client_(id) {
  uv_tcp_init(server.loop(), &socket_);
  socket_.data = this;
  write_.data = this;
}

void Connection::Open(int64_t keepalive_seconds) {
  uv_tcp_nodelay(&socket_, 1);
  uv_fileno(reinterpret_cast<uv_handle_t*>(&socket_), &client_.fd);
  if (keepalive_seconds > 0) SetKeepalive(client_.fd, static_cast<int>(keepalive_seconds));
  sockaddr_storage address = {};
  int size = sizeof(address);
  if (uv_tcp_getpeername(&socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    client_.address = FormatAddress(address);
  }
  size = sizeof(address);
  if (uv_tcp_getsockname(&socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    client_.local_address = FormatAddress(address);
  }
}

void Connection::StartReading() {
  if (closing_ || ended_ || std::exchange(reading_, true)) return;
  uv_read_start(stream(), OnAllocate, OnRead);
}

// --- Input ---

void Connection::OnAllocate(uv_handle_t* handle, size_t /*suggested*/, uv_buf_t* buffer) {
  Connection& self = Of(handle->data);
  if (self.input_.size() == 0) {
    std::vector<char>& shared = self.server_.read_buffer_;
    *buffer = uv_buf_init(shared.data(), static_cast<unsigned>(shared.size()));
    return;
  }
  if (self.input_.room() < kMinReadRoom) self.input_.Reserve(self.RoomWanted());
  *buffer = uv_buf_init(self.input_.end(), static_cast<unsigned>(self.input_.room()));
}

// Room for the rest of an unfinished request, but at most as much as was received of it: an
// announced size alone gets no memory. Grows with what is there, whatever that is, so that not all
// of it is moved for each piece that comes.
size_t Connection::RoomWanted() const {
  constexpr size_t kGrowth = 4;
  const size_t stored = input_.size();
  const size_t missing = std::max(parser_.bytes_wanted(), stored) - stored;
  return std::max({kMinReadRoom, std::min(missing, stored), stored / kGrowth});
}

void Connection::OnRead(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  if (size == 0) return;  // EAGAIN
  Connection& self = Of(stream->data);
  if (size == UV_EOF) {
    self.OnEnd();
  } else if (size < 0) {
    self.Close();
  } else {
    self.Receive(buffer->base, static_cast<size_t>(size));
  }
}

void Connection::Receive(char* bytes, size_t size) {
  server_.UpdateClock();
  server_.stats_.input_bytes += size;
  client_.last_active_ms = server_.keyspace_.now_ms();
  if (client_.close_after_reply) return;
  if (input_.size() == 0) {
    const std::string_view input(bytes, size);
    const size_t served = Serve(input);
    if (served < size) {
      input_.Append(input.substr(served));
      input_.Reserve(RoomWanted());
    }
    client_.pending_input_bytes = input_.size();
  } else {
    input_.Commit(size);
    TakeUpInput();
  }
}

void Connection::TakeUpInput() {
  if (serving_ || closing_) return;
  input_.Consume(Serve(input_.bytes()));
  client_.pending_input_bytes = input_.size();
  if (closing_) return;
  if (input_.size() == 0 && input_.capacity() > kKeepWhileActive) input_.Release();
  if (ended_) return CloseIfAnswered();
  StartReading();
  const Config& config = server_.config_;
  const auto limit = static_cast<size_t>(config.client_query_buffer_limit) +
                     static_cast<size_t>(config.proto_max_bulk_len);
  // Of one that may wait for ever the end must be seen: it is read on, up to the limit.
  const bool waits = (client_.blocked && client_.when_unblocked == nullptr) || client_.held;
  if (waits && input_.size() > kMaxInputWhileBlocked) {
    uv_read_stop(stream());
    reading_ = false;
  } else if (input_.size() > limit) {
    Log(LogLevel::kWarning,
        absl::StrCat("Closing client that reached max query buffer length: ", client_.address));
    Close();
  }
}

void Connection::OnEnd() {
  ended_ = true;
  reading_ = false;
  if (client_.kind != ClientKind::kNormal) return Close();
  CloseIfAnswered();
}

void Connection::CloseIfAnswered() {
  // What may never come must not be kept from those who are still here.
  if (client_.when_unblocked != nullptr) return Close();
  if (client_.blocked || client_.held || WaitsForReader(input_.size())) return;
  client_.close_after_reply = true;
  server_.ScheduleFlush(this);
}

void Connection::ReleaseSpareMemory() {
  if (input_.size() == 0 && input_.capacity() > kKeepWhileIdle) input_.Release();
  if (client_.reply.empty() && client_.reply.capacity() > kKeepWhileIdle) {
    std::string().swap(client_.reply);
  }
}

// Whoever does not read gets nothing new to read: memory is taken for about as much as the client
// sent, whatever it asks for. Its requests are read on, because many clients send all of theirs
// before they read. With limits, output is what they allow, as in Redis.
bool Connection::WaitsForReader(size_t unserved) const {
  if (output_bytes() <= std::max(kMaxOutputWaiting, unserved)) return false;
  const OutputLimit& limit = Limit();
  return client_.kind == ClientKind::kNormal && limit.hard_bytes == 0 && limit.soft_bytes == 0;
}

size_t Connection::Serve(std::string_view input) {
  RequestParser::Limits limits;
  limits.max_bulk_bytes = server_.config_.proto_max_bulk_len;
  size_t served = 0;
  serving_ = true;
  while (!client_.blocked && !client_.held && !client_.close_after_reply) {
    if (client_.reply.size() >= kFlushBytes) server_.FlushOne(this);
    if (closing_ || WaitsForReader(input.size() - served)) break;
    limits.authenticated = !server_.executor_.NeedsPassword(client_);
    const RequestParser::Result result = parser_.Next(input.substr(served), limits);
    if (result == RequestParser::Result::kNeedMore) break;
    if (result == RequestParser::Result::kError) {
      FailProtocol();
      break;
    }
    if (!parser_.args().empty() &&
        server_.executor_.Execute(client_, parser_.args()) == Executor::Outcome::kHeld) {
      break;
    }
    served += parser_.consumed();
  }
  server_.stats_.calls.Stop();
  serving_ = false;
  if (client_.close_after_reply || closing_) served = input.size();
  if (!closing_ && (!client_.reply.empty() || client_.close_after_reply)) {
    server_.ScheduleFlush(this);
  }
  return served;
}

void Connection::FailProtocol() {
  ReplyWriter(&client_.reply, client_.protocol)
      .Error(absl::StrCat("ERR Protocol error: ", parser_.error()));
  Log(LogLevel::kVerbose,
      absl::StrCat("Protocol error (", parser_.error(), ") from client: ", client_.address));
  client_.close_after_reply = true;
}

size_t Connection::memory_bytes() const {
  const size_t queued = client_.transaction == nullptr ? 0 : client_.transaction->queue.bytes();
  return sizeof(*this) + input_.capacity() + queued + client_.waiting_bytes +
         client_.reply.capacity() + writing_.capacity();
}

// --- Output ---

void Connection::Flush() {
  if (closing_ || !writing_.empty()) return;
  // The reply of a transaction that waits in its middle is still to come.
  if (!client_.in_exec()) client_.unacknowledged_writes = client_.leased_replies = false;
  std::string& reply = client_.reply;
  if (!reply.empty()) {
    uv_buf_t buffer = uv_buf_init(reply.data(), static_cast<unsigned>(reply.size()));
    const int written = uv_try_write(stream(), &buffer, 1);
    if (written < 0 && written != UV_EAGAIN) return Close();
    const size_t sent = written < 0 ? 0 : static_cast<size_t>(written);
    server_.stats_.output_bytes += sent;
    if (sent < reply.size()) return WriteLater(sent);
    reply.clear();
    if (reply.capacity() > kKeepWhileActive) std::string().swap(reply);
  }
  if (client_.close_after_reply) Close();
}

void Connection::WriteLater(size_t sent) {
  writing_ = std::exchange(client_.reply, std::string());
  client_.pending_output_bytes = writing_.size() - sent;
  uv_buf_t buffer =
      uv_buf_init(writing_.data() + sent, static_cast<unsigned>(client_.pending_output_bytes));
  if (uv_write(&write_, stream(), &buffer, 1, OnWritten) == 0) return;
  writing_.clear();
  Close();
}

void Connection::OnWritten(uv_write_t* request, int status) {
  Connection& self = Of(request->data);
  self.server_.stats_.output_bytes += self.client_.pending_output_bytes;
  std::string().swap(self.writing_);
  self.client_.pending_output_bytes = 0;
  if (status < 0) return self.Close();
  if (self.closing_) return;
  self.server_.FlushOne(&self);
  // At the end of the input there is nothing more to serve, but perhaps all has been answered now.
  if (!self.closing_ && (self.input_.size() > 0 || self.ended_)) self.TakeUpInput();
}

const OutputLimit& Connection::Limit() const {
  const Config& config = server_.config_;
  if (client_.kind == ClientKind::kReplica) return config.output_limit_replica;
  return client_.subscriptions != nullptr ? config.output_limit_pubsub : config.output_limit_normal;
}

bool Connection::OutputTooLarge() const {
  const uint64_t hard = client_.kind == ClientKind::kReplica
                            ? server_.config_.replica_output_limit()
                            : Limit().hard_bytes;
  return output_bytes() > (hard == 0 ? kMaxOutput : std::min(hard, kMaxOutput));
}

bool Connection::CloseIfOutputTooLarge() {
  const OutputLimit& limit = Limit();
  const size_t size = output_bytes();
  const int64_t now_ms = server_.keyspace_.now_ms();
  bool close = OutputTooLarge();
  if (limit.soft_bytes == 0 || size <= limit.soft_bytes) {
    over_soft_limit_since_ms_ = 0;
  } else if (over_soft_limit_since_ms_ == 0) {
    over_soft_limit_since_ms_ = now_ms;
  } else if (now_ms - over_soft_limit_since_ms_ > limit.soft_seconds * 1000) {
    close = true;
  }
  if (!close) return false;
  Log(LogLevel::kWarning,
      absl::StrCat("Client ", client_.address, " closed: its output buffer holds ", size,
                   " bytes, more than client-output-buffer-limit allows"));
  Close();
  return true;
}

void Connection::Close() {
  if (closing_) return;
  if (client_.in_exec() && client_.blocked && !server_.stopped_) {
    // A transaction runs to its end, whether or not somebody waits for its reply.
    client_.close_after_reply = true;
    uv_read_stop(stream());
    return;
  }
  closing_ = true;
  server_.Remove(this);
  uv_close(reinterpret_cast<uv_handle_t*>(&socket_),
           [](uv_handle_t* handle) { delete static_cast<Connection*>(handle->data); });
}

}  // namespace kv
