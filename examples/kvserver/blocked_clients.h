#ifndef KVSERVER_BLOCKED_CLIENTS_H_
#define KVSERVER_BLOCKED_CLIENTS_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "kvserver/client.h"
#include "kvserver/command.h"
#include "kvserver/transaction.h"
#include "kvserver/value.h"

namespace kv {

// Clients that wait until one of several keys holds a value, in the order in which they came. Each
// keeps its request, which runs again when it is its turn. The executor does that; this only knows
// who waits for what, and which keys somebody ought to look at. Data thread only.
class BlockedClients {
 public:
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  struct Waiter {
    Client& client;
    ValueType type;  // of the value
    int64_t deadline_ms = kForever;
    uint64_t order = 0;  // who came first has the lower one
    RequestQueue queue = {};
    std::vector<std::string_view> keys = {};  // in the request, none of them twice

    const Request& request() const { return queue.requests()[0]; }
  };

  BlockedClients() = default;
  BlockedClients(const BlockedClients&) = delete;
  BlockedClients& operator=(const BlockedClients&) = delete;

  // `keys` are some arguments of the request, in a row. The client must live until it is removed.
  void Add(Client& client, const Request& request, Args keys, ValueType type, int64_t deadline_ms);
  // The client waits no more. Null: it did not.
  std::unique_ptr<Waiter> Remove(const Client& client);
  bool any() const { return !waiters_.empty(); }
  void ForEach(absl::FunctionRef<void(Waiter&)> visit);

  // The key was changed; whether somebody has waited for this is seen when it is taken.
  void MarkReady(std::string_view key);
  bool any_ready() const { return !ready_.empty(); }
  // In the order in which they were marked, each once.
  std::optional<std::string> TakeReady();
  // Whose turn it is, if the key holds such a value. Null: nobody waits for that.
  Waiter* First(std::string_view key, ValueType type);

  // When the first of them loses patience.
  int64_t deadline_ms() const { return deadlines_.empty() ? kForever : deadlines_.begin()->first; }
  // One whose time is up. Null: nobody's is.
  Waiter* FirstDue(int64_t now_ms);

 private:
  // Of one key. Kept while somebody waits for it or it is in `ready_`.
  struct Queue {
    std::map<std::pair<ValueType, uint64_t>, Waiter*> waiters;  // by type and order
    bool ready = false;
  };
  using Queues = std::map<std::string, Queue, std::less<>>;

  void DropIfUnused(Queues::iterator queue);

  std::map<ClientId, std::unique_ptr<Waiter>> waiters_;
  Queues queues_;
  std::deque<std::string> ready_;
  std::set<std::pair<int64_t, ClientId>> deadlines_;  // without those who wait for ever
  uint64_t next_order_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_BLOCKED_CLIENTS_H_
