// A client that counts under one key, and knows how much it may have counted.

#ifndef CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_CLIENT_H_
#define CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clusterkit/sim/cluster.h"
#include "clusterkit/transport.h"

namespace host_under_simulation {

struct Tally {
  uint64_t sent = 0;  // Increments, but for those that were refused.
  bool stopped = false;
};

class Client : public clusterkit::Transport::Handler {
 public:
  // On the machine of this node. `tally` outlives this, as the key does. `told`: the value that
  // came with each increment that was acknowledged.
  Client(clusterkit::sim::Cluster& cluster, clusterkit::sim::Name name, Tally* tally,
         std::function<void(uint64_t)> told);

  clusterkit::LinkId OnAccept(const std::string&) override { return NextLink(); }
  void OnLinkUp(clusterkit::LinkId link) override;
  void OnLinkDown(clusterkit::LinkId link, clusterkit::LinkDownCause cause,
                  const absl::Status& detail) override;
  void OnFrame(clusterkit::LinkId link, std::string_view line) override;
  void OnBadFrame(clusterkit::LinkId, const absl::Status&) override { Leave(); }

 private:
  void Tick();
  void Connect(const clusterkit::Endpoint& to);
  void Send();
  void Leave();
  clusterkit::LinkId NextLink() { return clusterkit::LinkId{next_link_++}; }

  clusterkit::sim::Cluster& cluster_;
  const clusterkit::sim::Name name_;
  Tally& tally_;
  const std::function<void(uint64_t)> told_;
  const std::unique_ptr<clusterkit::Transport> transport_;
  uint64_t next_link_ = 1;
  std::optional<clusterkit::LinkId> link_;
  bool up_ = false;
  std::optional<clusterkit::Instant> asked_at_;  // No answer yet.
};

}  // namespace host_under_simulation

#endif  // CLUSTERKIT_EXAMPLES_HOST_UNDER_SIMULATION_CLIENT_H_
