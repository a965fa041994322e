#ifndef KVSERVER_CONNECTION_H_
#define KVSERVER_CONNECTION_H_

#include <uv.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "kvserver/client.h"
#include "kvserver/config.h"
#include "kvserver/input_buffer.h"
#include "kvserver/resp_parser.h"

namespace kv {

class Server;

// A client's socket: bytes in, requests to the executor, replies out. The server owns it.
class Connection {
 public:
  Connection(Server& server, ClientId id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Client& client() { return client_; }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&socket_); }

  // After uv_accept: sets the socket up and notes the addresses.
  void Open(int64_t keepalive_seconds);
  void StartReading();

  // Writes what is in client().reply; closes when that was the last word.
  void Flush();
  // Serves requests that arrived while the client was blocked or held, or did not read its replies.
  void TakeUpInput();
  // Closes at once, or, in the middle of a transaction, at its end. The server deletes the
  // connection when libuv lets go of it.
  void Close();
  bool closing() const { return closing_; }
  // For clients that have been idle for a while.
  void ReleaseSpareMemory();
  // Over the hard output limit of its kind.
  bool OutputTooLarge() const;
  // That, or for too long over the soft limit: closes, true.
  bool CloseIfOutputTooLarge();

  // Memory that this client has the server hold.
  size_t memory_bytes() const;

  // In the server's list of connections to flush.
  bool flush_scheduled = false;

 private:
  static void OnAllocate(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer);
  static void OnRead(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer);
  static void OnWritten(uv_write_t* request, int status);

  void Receive(char* bytes, size_t size);
  // The peer sends nothing more; it may still read.
  void OnEnd();
  void CloseIfAnswered();
  // Serves the requests in `input`; returns how many bytes are done with.
  size_t Serve(std::string_view input);
  void FailProtocol();
  size_t RoomWanted() const;
  bool WaitsForReader(size_t unserved) const;
  const OutputLimit& Limit() const;
  size_t output_bytes() const {
    return client_.reply.size() + client_.pushes.size() + client_.pending_output_bytes;
  }
  // Leaves the rest of the reply to libuv.
  void WriteLater(size_t sent);

  Server& server_;
  Client client_;
  uv_tcp_t socket_;
  RequestParser parser_;
  // Input that could not be served yet; empty most of the time, as most reads hold whole requests.
  InputBuffer input_;

  uv_write_t write_;
  std::string writing_;  // what write_ is sending; empty: no write in progress
  int64_t over_soft_limit_since_ms_ = 0;
  bool reading_ = false;
  bool ended_ = false;  // see OnEnd
  bool serving_ = false;
  bool closing_ = false;
};

}  // namespace kv

#endif  // KVSERVER_CONNECTION_H_
