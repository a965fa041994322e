#include "kvserver/blocked_clients.h"

namespace kv {

void BlockedClients::Add(Client& client, const Request& request, Args keys, ValueType type,
                         int64_t deadline_ms) {
  auto waiter = std::make_unique<Waiter>(Waiter{client, type, deadline_ms, next_order_++});
  waiter->queue.Add(request.spec, request.args);
  const auto first = static_cast<size_t>(keys.data() - request.args.data());
  for (const std::string_view key : waiter->request().args.subspan(first, keys.size())) {
    auto queue = queues_.find(key);
    if (queue == queues_.end()) queue = queues_.emplace(key, Queue()).first;
    const bool added =
        queue->second.waiters.try_emplace({type, waiter->order}, waiter.get()).second;
    if (added) waiter->keys.push_back(key);
  }
  client.waiting_bytes = waiter->queue.bytes();
  if (deadline_ms != kForever) deadlines_.emplace(deadline_ms, client.id);
  waiters_[client.id] = std::move(waiter);
}

std::unique_ptr<BlockedClients::Waiter> BlockedClients::Remove(const Client& client) {
  const auto found = waiters_.find(client.id);
  if (found == waiters_.end()) return nullptr;
  std::unique_ptr<Waiter> waiter = std::move(found->second);
  waiters_.erase(found);
  waiter->client.waiting_bytes = 0;
  deadlines_.erase({waiter->deadline_ms, client.id});
  for (const std::string_view key : waiter->keys) {
    const auto queue = queues_.find(key);
    queue->second.waiters.erase({waiter->type, waiter->order});
    DropIfUnused(queue);
  }
  return waiter;
}

void BlockedClients::ForEach(absl::FunctionRef<void(Waiter&)> visit) {
  for (auto& [id, waiter] : waiters_) visit(*waiter);
}

void BlockedClients::MarkReady(std::string_view key) {
  const auto queue = queues_.find(key);
  if (queue == queues_.end() || std::exchange(queue->second.ready, true)) return;
  ready_.emplace_back(key);
}

std::optional<std::string> BlockedClients::TakeReady() {
  if (ready_.empty()) return std::nullopt;
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  const auto queue = queues_.find(key);
  queue->second.ready = false;
  DropIfUnused(queue);
  return key;
}

BlockedClients::Waiter* BlockedClients::First(std::string_view key, ValueType type) {
  const auto queue = queues_.find(key);
  if (queue == queues_.end()) return nullptr;
  const auto first = queue->second.waiters.lower_bound({type, 0});
  if (first == queue->second.waiters.end() || first->first.first != type) return nullptr;
  return first->second;
}

BlockedClients::Waiter* BlockedClients::FirstDue(int64_t now_ms) {
  if (deadlines_.empty() || deadlines_.begin()->first > now_ms) return nullptr;
  return waiters_.find(deadlines_.begin()->second)->second.get();
}

void BlockedClients::DropIfUnused(Queues::iterator queue) {
  if (queue->second.waiters.empty() && !queue->second.ready) queues_.erase(queue);
}

}  // namespace kv
