#include "kvserver/replication_wait.h"

#include <limits>
#include <utility>

#include "kvserver/replication_primary.h"
#include "kvserver/server.h"

namespace kv {

void WaitList::Add(Client& client, int64_t replicas, int64_t timeout_ms) {
  const int64_t now_ms = static_cast<int64_t>(uv_hrtime() / 1'000'000);
  const int64_t forever = std::numeric_limits<int64_t>::max();
  client.Block([this, id = client.id, offset = client.last_write_offset](ReplyWriter& reply) {
    Forget(id);
    reply.Integer(primary_.CountAcked(offset));
  });
  waiters_.push_back(
      {client.id, client.last_write_offset, replicas,
       timeout_ms == 0 || timeout_ms > forever - now_ms ? forever : now_ms + timeout_ms});
  primary_.RequestAcks();
}

template <typename Predicate>
void WaitList::Answer(Predicate due) {
  // What a client does next may add waiters.
  std::vector<Waiter> rest;
  std::vector<Waiter> answered;
  for (const Waiter& waiter : waiters_) (due(waiter) ? answered : rest).push_back(waiter);
  waiters_ = std::move(rest);
  for (const Waiter& waiter : answered) {
    const int64_t count = primary_.CountAcked(waiter.offset);
    server_.Resume(waiter.id, [count](ReplyWriter& reply) { reply.Integer(count); });
  }
}

void WaitList::Check() {
  if (waiters_.empty()) return;
  Answer([this](const Waiter& waiter) {
    return primary_.CountAcked(waiter.offset) >= waiter.replicas;
  });
}

void WaitList::Cron(int64_t now_ms) {
  if (waiters_.empty()) return;
  Answer([now_ms](const Waiter& waiter) { return now_ms >= waiter.deadline_ms; });
}

void WaitList::RefuseAll() {
  for (const Waiter& waiter : std::exchange(waiters_, {})) {
    Client* client = server_.FindClient(waiter.id);
    if (client == nullptr) continue;
    client->close_after_reply = true;
    server_.Resume(waiter.id, [](ReplyWriter& reply) { reply.Error(kUnblockedByRoleChange); });
  }
}

void WaitList::Forget(ClientId id) {
  std::erase_if(waiters_, [id](const Waiter& waiter) { return waiter.id == id; });
}

}  // namespace kv
