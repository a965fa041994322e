// An established link: frames in, frames out.

#ifndef CLUSTERKIT_SRC_UV_CONNECTION_H_
#define CLUSTERKIT_SRC_UV_CONNECTION_H_

#include <uv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "clusterkit/framing.h"
#include "clusterkit/transport.h"
#include "clusterkit/types.h"

namespace clusterkit::uv {

// libuv fills it and hands it on in one go, so all connections of a loop share one.
using ReadBuffer = std::array<char, size_t{64} << 10>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Called from the loop only, never from a call to the connection.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnFrame(LinkId link, std::string_view frame) = 0;
    virtual void OnBadFrame(LinkId link, const absl::Status& error) = 0;
    virtual void OnBroken(LinkId link, LinkDownCause cause, const absl::Status& detail) = 0;
    // Report() has something to say, from a later turn of the loop.
    virtual void ReportSoon(LinkId link) = 0;
  };

  struct Limits {
    size_t max_frame_bytes = 0;
    size_t max_queue_bytes = 0;
    absl::Duration keepalive;
  };

  // Takes a connected or accepted socket over and begins to read.
  static std::shared_ptr<Connection> Open(uv_tcp_t* socket, LinkId link, Owner* owner,
                                          const Limits& limits,
                                          std::shared_ptr<ReadBuffer> read_buffer);

  void Send(std::string frame);
  size_t queued_bytes() const { return queued_bytes_; }
  // Tells the owner of a break that Send() found. After ReportSoon() only.
  void Report();
  // No call to the owner follows.
  void Close();

 private:
  struct Write;

  Connection(uv_tcp_t* socket, LinkId link, Owner* owner, const Limits& limits,
             std::shared_ptr<ReadBuffer> read_buffer);
  void Start();
  void OnRead(ssize_t size);
  void DeliverFrames();
  void Queue(std::unique_ptr<Write> write);
  void OnWritten(size_t size, int error);
  void OnWriteError(int error);
  void BreakSoon(LinkDownCause cause, absl::Status detail);
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(socket_); }

  uv_tcp_t* socket_;  // Deletes itself when closed.
  const LinkId link_;
  Owner* owner_;  // Null once closed.
  const Limits limits_;
  const std::shared_ptr<ReadBuffer> read_buffer_;
  FrameReader reader_;
  size_t queued_bytes_ = 0;
  // What writing found. Nothing is sent any more, but what has arrived is still to be read.
  int write_error_ = 0;
  bool broken_ = false;  // Found in Send(), to be reported.
  LinkDownCause cause_ = LinkDownCause::kLocal;
  absl::Status detail_;
};

}  // namespace clusterkit::uv

#endif  // CLUSTERKIT_SRC_UV_CONNECTION_H_
