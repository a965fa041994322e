#ifndef KVSERVER_MONITOR_H_
#define KVSERVER_MONITOR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kvserver/http_endpoint.h"
#include "kvserver/status_text.h"

namespace kv {

class ClusterHost;
class Server;

// Shows the server over HTTP: /, /metrics, /status.json, /events. docs/observability.md describes
// them. Its threads read copies: figures that the data thread publishes now and then, events that
// the node's thread keeps, and what the node's thread answers.
class Monitor {
 public:
  // Where the configuration says. `cluster` may be null; both must outlive the monitor.
  static absl::StatusOr<std::unique_ptr<Monitor>> Start(Server& server, ClusterHost* cluster);

 private:
  class Figures;
  Monitor(Server& server, ClusterHost* cluster);
  std::optional<StatusReport> Report() const;
  std::optional<std::string> Events(uint64_t since) const;
  absl::Status Listen(const std::string& address, int port);

  ClusterHost* const cluster_;
  const std::shared_ptr<Figures> figures_;
  std::unique_ptr<HttpEndpoint> endpoint_;  // The last, for it uses the others.
};

}  // namespace kv

#endif  // KVSERVER_MONITOR_H_
