#ifndef KVSERVER_MIGRATOR_H_
#define KVSERVER_MIGRATOR_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "kvserver/migrate_transfer.h"
#include "kvserver/target_link.h"

namespace kv {

class Server;

// All MIGRATEs that are under way, and the connections that are kept for the next ones. Data
// thread only.
class Migrator final : private MigrateTransfer::Owner {
 public:
  explicit Migrator(Server& server);

  // Blocks the client until the transfer has ended. At least one of the keys must be here.
  void Begin(Client& client, MigrateRequest request);
  // Connections that nobody uses at the moment.
  size_t kept_links() const { return kept_.size(); }

 private:
  // Of connections, used and kept; further transfers wait.
  static constexpr size_t kMaxLinks = 64;
  static constexpr int64_t kMaxIdleMs = 10'000;

  std::unique_ptr<TargetLink> LinkTo(const MigrateRequest& request, bool fresh) override;
  void OnEnd(MigrateTransfer& transfer, std::unique_ptr<TargetLink> link) override;
  void Cron();

  Server& server_;
  std::vector<std::unique_ptr<MigrateTransfer>> transfers_;
  std::deque<std::unique_ptr<MigrateTransfer>> waiting_;
  std::vector<std::unique_ptr<TargetLink>> kept_;  // the longest unused first
};

}  // namespace kv

#endif  // KVSERVER_MIGRATOR_H_
