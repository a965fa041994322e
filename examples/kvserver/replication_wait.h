#ifndef KVSERVER_REPLICATION_WAIT_H_
#define KVSERVER_REPLICATION_WAIT_H_

#include <cstdint>
#include <vector>

#include "kvserver/client.h"

namespace kv {

class ReplicationPrimary;
class Server;

// Clients that wait in WAIT until enough replicas have their last write. Data thread only.
class WaitList {
 public:
  WaitList(Server& server, ReplicationPrimary& primary) : server_(server), primary_(primary) {}

  // Blocks the client. Timeout 0: for ever.
  void Add(Client& client, int64_t replicas, int64_t timeout_ms);
  // An acknowledgement came.
  void Check();
  // Time is up for some.
  void Cron(int64_t now_ms);
  // This node is no longer a primary: nobody will ever acknowledge.
  void RefuseAll();
  void Forget(ClientId id);

 private:
  struct Waiter {
    ClientId id;
    uint64_t offset;
    int64_t replicas;
    int64_t deadline_ms;
  };

  template <typename Predicate>
  void Answer(Predicate due);

  Server& server_;
  ReplicationPrimary& primary_;
  std::vector<Waiter> waiters_;
};

}  // namespace kv

#endif  // KVSERVER_REPLICATION_WAIT_H_
