#ifndef KVSERVER_TARGET_LINK_H_
#define KVSERVER_TARGET_LINK_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kvserver/loop_handles.h"

namespace kv {

// A connection to another server's client port: bytes out, lines in. Data thread only.
class TargetLink {
 public:
  // Never called from within a call of the link. May destroy the link.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnConnected() = 0;
    // The kernel has taken all that was sent.
    virtual void OnSent() = 0;
    // Without its end of line.
    virtual void OnLine(std::string_view line) = 0;
    // There is nothing more to expect of this link. False: the host's name has no address.
    virtual void OnLost(bool had_address) = 0;
  };

  TargetLink(uv_loop_t* loop, std::string host, std::string port);
  ~TargetLink();
  TargetLink(const TargetLink&) = delete;
  TargetLink& operator=(const TargetLink&) = delete;

  bool LeadsTo(std::string_view host, std::string_view port) const {
    return host == host_ && port == port_;
  }
  bool lost() const { return state_ == State::kLost; }
  bool connected() const { return state_ == State::kConnected; }
  // Null: what happens is noticed, and told to nobody.
  void set_listener(Listener* listener) { listener_ = listener; }

  void Connect();
  void Send(std::string bytes);
  // Sent, but not taken by the kernel yet.
  size_t unsent() const;

  // What its users keep with it: the database that was selected, and since when nobody uses it.
  int64_t database = -1;
  int64_t idle_since_ms = 0;

 private:
  enum class State : uint8_t { kNew, kConnecting, kConnected, kLost };
  struct Socket;
  struct Lookup;

  void LookUp();
  void ConnectTo(const sockaddr* address);
  void StartReading();
  void OnConnected(int status);
  void OnRead(std::string_view bytes);
  void Lose(bool had_address);

  uv_loop_t* loop_;
  const std::string host_, port_;
  Listener* listener_ = nullptr;
  State state_ = State::kNew;
  // libuv may need these longer than the link lives.
  Socket* socket_;
  Lookup* lookup_ = nullptr;
  LoopTimer refused_;  // tells later what was known at once
  std::string line_;   // unfinished
};

}  // namespace kv

#endif  // KVSERVER_TARGET_LINK_H_
