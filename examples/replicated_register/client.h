// A client that writes one register, one value after another, to whoever owns its slot.

#ifndef CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_CLIENT_H_
#define CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clusterkit/transport.h"
#include "replicated_register/host.h"
#include "replicated_register/message.h"

namespace replicated_register {

class Client : public clusterkit::Transport::Handler {
 public:
  // `next`: the value to write next; it outlives this, as no value may be used twice. No writes
  // while it is zero. `told`: called for each write that was acknowledged.
  Client(Surroundings around, clusterkit::SlotId slot, uint64_t* next,
         std::function<void(const Written&)> told);

  clusterkit::LinkId OnAccept(const std::string& peer_host) override;
  void OnLinkUp(clusterkit::LinkId link) override;
  void OnLinkDown(clusterkit::LinkId link, clusterkit::LinkDownCause cause,
                  const absl::Status& detail) override;
  void OnFrame(clusterkit::LinkId link, std::string_view frame) override;
  void OnBadFrame(clusterkit::LinkId link, const absl::Status& error) override;

 private:
  void Tick();
  void Connect(const clusterkit::Endpoint& to, bool asking = false);
  void Send();
  void Leave();

  const Surroundings around_;
  const clusterkit::SlotId slot_;
  uint64_t& next_;
  const std::function<void(const Written&)> told_;
  const std::unique_ptr<clusterkit::Transport> transport_;
  uint64_t next_link_ = 1;
  std::optional<clusterkit::LinkId> link_;
  bool up_ = false;
  bool asking_ = false;  // The slot is not our server's yet.
  uint64_t asked_ = 0;   // Zero: nothing outstanding.
  clusterkit::Instant asked_at_ = clusterkit::Instant::InfinitePast();
};

}  // namespace replicated_register

#endif  // CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_CLIENT_H_
