// Who may not stay: clients that are idle, or hold too much memory.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/connection.h"
#include "kvserver/log.h"
#include "kvserver/server.h"

namespace kv {
namespace {

constexpr int64_t kIdleMs = 2000;

// What maxmemory-clients allows; 0: no limit. Negative values are a share of maxmemory in percent.
size_t ClientMemoryLimit(const Config& config) {
  const int64_t limit = config.maxmemory_clients;
  if (limit >= 0) return static_cast<size_t>(limit);
  return static_cast<size_t>(static_cast<double>(config.maxmemory) / 100 *
                             static_cast<double>(-limit));
}

}  // namespace

void Server::CheckClients() {
  std::vector<Connection*> idle;
  std::vector<Connection*> rest;
  for (auto& [id, connection] : connections_) {
    const Client& client = connection->client();
    const bool ordinary = client.kind == ClientKind::kNormal && !client.blocked && !client.held &&
                          client.subscriptions == nullptr && client.monitoring == nullptr;
    const int64_t idle_ms = keyspace_.now_ms() - client.last_active_ms;
    const bool too_long = config_.timeout > 0 && ordinary && idle_ms > config_.timeout * 1000;
    (too_long ? idle : rest).push_back(connection);
    if (idle_ms > kIdleMs) connection->ReleaseSpareMemory();
  }
  for (Connection* connection : idle) {
    Log(LogLevel::kVerbose, "Closing idle client");
    connection->Close();
  }
  for (Connection* connection : rest) connection->CloseIfOutputTooLarge();
  EvictClients();
}

// Those that hold most go first, as in Redis.
void Server::EvictClients() {
  const size_t limit = ClientMemoryLimit(config_);
  if (limit == 0) return;
  size_t sum = 0;
  std::vector<std::pair<size_t, ClientId>> by_memory;
  for (const auto& [id, connection] : connections_) {
    const Client& client = connection->client();
    if (client.kind != ClientKind::kNormal || client.no_evict) continue;
    by_memory.emplace_back(connection->memory_bytes(), id);
    sum += by_memory.back().first;
  }
  std::sort(by_memory.rbegin(), by_memory.rend());
  for (const auto& [bytes, id] : by_memory) {
    if (sum <= limit) return;
    Log(LogLevel::kNotice, absl::StrCat("Evicting client ", FindClient(id)->address,
                                        ": clients hold more than maxmemory-clients allows"));
    CloseClient(id);
    sum -= bytes;
  }
}

}  // namespace kv
