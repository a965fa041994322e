// Lines of text over TCP, by libuv: what clients and the nodes of a shard speak. It has the shape
// of clusterkit::Transport, with a line for a frame, so that the service runs in the simulator,
// too.

#ifndef CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_LINE_TRANSPORT_H_
#define CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_LINE_TRANSPORT_H_

#include <uv.h>

#include <map>
#include <memory>
#include <string>

#include "clusterkit/transport.h"
#include "clusterkit/uv/uv.h"

namespace sharded_counter {

// IPv4 addresses only. Lines may end with CR LF.
class LineTransport : public clusterkit::Transport {
 public:
  // Both stand for the same loop, and must outlive this.
  LineTransport(uv_loop_t* loop, clusterkit::uv::Loop* later) : loop_(loop), later_(later) {}
  ~LineTransport() override { Shutdown(); }

  absl::Status Listen(const clusterkit::Endpoint& at, Handler* handler) override;
  void Dial(clusterkit::LinkId link, const clusterkit::Endpoint& to) override;
  void Send(clusterkit::LinkId link, std::string line) override;
  void Close(clusterkit::LinkId link) override;
  void Shutdown() override;

 private:
  struct Connection;

  Connection* NewConnection();
  void OnConnectable();
  void Open(Connection* connection);
  void OnRead(Connection* connection, ssize_t size);
  void End(clusterkit::LinkId link, int error);
  void EndSoon(clusterkit::LinkId link, int error);

  uv_loop_t* const loop_;
  clusterkit::uv::Loop* const later_;
  Handler* handler_ = nullptr;  // Null before Listen() and after Shutdown().
  Connection* listener_ = nullptr;
  std::map<clusterkit::LinkId, Connection*> links_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sharded_counter

#endif  // CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_LINE_TRANSPORT_H_
