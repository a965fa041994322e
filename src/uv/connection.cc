#include "uv/connection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "uv/dialer.h"
#include "uv/errors.h"

namespace clusterkit::uv {
namespace {

// Both say that the peer's side is gone. The reading side will find the same after all that had
// arrived before.
bool PeerIsGone(int error) { return error == UV_EPIPE || error == UV_ECONNRESET; }

}  // namespace

// The part of a frame that the system did not take at once.
struct Connection::Write {
  uv_write_t request;
  std::shared_ptr<Connection> connection;
  std::string prefix, frame;
  size_t sent = 0;

  size_t Remaining() const { return prefix.size() + frame.size() - sent; }
  std::array<uv_buf_t, 2> Buffers() {
    const size_t of_prefix = std::min(sent, prefix.size()), of_frame = sent - of_prefix;
    return {uv_buf_init(prefix.data() + of_prefix, prefix.size() - of_prefix),
            uv_buf_init(frame.data() + of_frame, frame.size() - of_frame)};
  }
};

std::shared_ptr<Connection> Connection::Open(uv_tcp_t* socket, LinkId link, Owner* owner,
                                             const Limits& limits,
                                             std::shared_ptr<ReadBuffer> read_buffer) {
  std::shared_ptr<Connection> connection(
      new Connection(socket, link, owner, limits, std::move(read_buffer)));
  connection->Start();
  return connection;
}

Connection::Connection(uv_tcp_t* socket, LinkId link, Owner* owner, const Limits& limits,
                       std::shared_ptr<ReadBuffer> read_buffer)
    : socket_(socket),
      link_(link),
      owner_(owner),
      limits_(limits),
      read_buffer_(std::move(read_buffer)),
      reader_(limits.max_frame_bytes) {
  socket_->data = this;
}

void Connection::Start() {
  // Neither matters enough to give up the link.
  uv_tcp_nodelay(socket_, 1);
  const int64_t seconds = std::clamp<int64_t>(absl::ToInt64Seconds(limits_.keepalive), 1, 32767);
  uv_tcp_keepalive(socket_, 1, static_cast<unsigned>(seconds));
  const int error = uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        ReadBuffer& shared = *static_cast<Connection*>(handle->data)->read_buffer_;
        *buffer = uv_buf_init(shared.data(), shared.size());
      },
      [](uv_stream_t* handle, ssize_t size, const uv_buf_t*) {
        static_cast<Connection*>(handle->data)->OnRead(size);
      });
  if (error != 0) BreakSoon(CauseOf(error), absl::UnavailableError(uv_strerror(error)));
}

void Connection::OnRead(ssize_t size) {
  // The owner may drop its reference during the callbacks.
  const std::shared_ptr<Connection> self = shared_from_this();
  if (size > 0) {
    reader_.Append({read_buffer_->data(), static_cast<size_t>(size)});
    return DeliverFrames();
  }
  if (size == 0) return;  // Nothing to read after all.
  uv_read_stop(stream());
  const int error = write_error_ != 0 ? write_error_ : static_cast<int>(size);
  owner_->OnBroken(link_, CauseOf(error), absl::UnavailableError(uv_strerror(error)));
}

void Connection::DeliverFrames() {
  // Each call may close the connection, or break it by sending.
  while (owner_ != nullptr && !broken_) {
    const absl::StatusOr<std::optional<std::string_view>> frame = reader_.Next();
    if (!frame.ok()) {
      uv_read_stop(stream());
      return owner_->OnBadFrame(link_, frame.status());
    }
    if (!frame->has_value()) return;
    owner_->OnFrame(link_, **frame);
  }
}

void Connection::Send(std::string frame) {
  if (owner_ == nullptr || broken_ || write_error_ != 0) return;
  if (frame.empty() || frame.size() > limits_.max_frame_bytes) {
    return BreakSoon(LinkDownCause::kLocal,
                     absl::ResourceExhaustedError(absl::StrCat(
                         "a frame of ", frame.size(), " bytes cannot be sent; allowed are 1 to ",
                         limits_.max_frame_bytes)));
  }
  auto write = std::make_unique<Write>();
  AppendFramePrefix(frame.size(), write->prefix);
  write->frame = std::move(frame);
  if (queued_bytes_ == 0) {
    const std::array<uv_buf_t, 2> buffers = write->Buffers();
    const int sent = uv_try_write(stream(), buffers.data(), buffers.size());
    if (sent < 0 && sent != UV_EAGAIN) return OnWriteError(sent);
    write->sent = static_cast<size_t>(std::max(sent, 0));
    if (write->Remaining() == 0) return;
  } else if (queued_bytes_ + write->Remaining() > limits_.max_queue_bytes) {
    return BreakSoon(LinkDownCause::kOverflow,
                     absl::ResourceExhaustedError(absl::StrCat(
                         "more than ", limits_.max_queue_bytes, " bytes wait to be sent")));
  }
  Queue(std::move(write));
}

void Connection::Queue(std::unique_ptr<Write> write) {
  write->request.data = write.get();
  write->connection = shared_from_this();
  const std::array<uv_buf_t, 2> buffers = write->Buffers();
  const int error =
      uv_write(&write->request, stream(), buffers.data(), buffers.size(),
               [](uv_write_t* request, int status) {
                 const std::unique_ptr<Write> ended(static_cast<Write*>(request->data));
                 ended->connection->OnWritten(ended->Remaining(), status);
               });
  if (error != 0) return OnWriteError(error);
  queued_bytes_ += write->Remaining();
  static_cast<void>(write.release());  // The callback owns it.
}

void Connection::OnWritten(size_t size, int error) {
  queued_bytes_ -= size;
  if (error != 0 && owner_ != nullptr) OnWriteError(error);
}

void Connection::OnWriteError(int error) {
  if (write_error_ != 0 || broken_) return;
  write_error_ = error;
  if (!PeerIsGone(error)) BreakSoon(CauseOf(error), absl::UnavailableError(uv_strerror(error)));
}

void Connection::BreakSoon(LinkDownCause cause, absl::Status detail) {
  broken_ = true;
  cause_ = cause;
  detail_ = std::move(detail);
  uv_read_stop(stream());
  owner_->ReportSoon(link_);
}

void Connection::Report() {
  if (owner_ != nullptr && broken_) owner_->OnBroken(link_, cause_, detail_);
}

void Connection::Close() {
  if (owner_ == nullptr) return;
  owner_ = nullptr;
  CloseAndDelete(socket_);
}

}  // namespace clusterkit::uv
