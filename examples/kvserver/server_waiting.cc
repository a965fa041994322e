// Clients that wait: for an answer, for the end of a pause, or until their time is up.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "kvserver/connection.h"
#include "kvserver/server.h"

namespace kv {

void Server::Resume(ClientId id, absl::FunctionRef<void(ReplyWriter&)> write) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second->client().blocked) return;
  Connection* connection = found->second;
  UpdateClock();
  executor_.Resume(connection->client(), write);
  if (connection->client().blocked || connection->closing()) return;
  ScheduleFlush(connection);
  connection->TakeUpInput();
}

void Server::ResumeSoon(ClientId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  ScheduleFlush(found->second);
  RunAfter(std::chrono::milliseconds(0), [this, id] { Resume(id, [](ReplyWriter&) {}); });
}

void Server::ReleaseHeld() {
  // Not from within a command, which may be one of a transaction.
  if (std::exchange(release_posted_, true)) return;
  PostToDataThread([this] {
    release_posted_ = false;
    UpdateClock();
    executor_.ServeBlocked();
    std::vector<ClientId> held;
    for (auto& [id, connection] : connections_) {
      if (std::exchange(connection->client().held, false)) held.push_back(id);
    }
    for (const ClientId id : held) {
      const auto found = connections_.find(id);
      if (found != connections_.end()) found->second->TakeUpInput();
    }
  });
}

void Server::OnPause() {
  executor_.set_expiry_paused(pause_.active());
  if (pause_.kind() < std::exchange(paused_, pause_.kind())) ReleaseHeld();
  if (stopped_) return;
  const std::optional<int64_t> deadline = pause_.deadline_ms();
  if (!deadline.has_value()) return static_cast<void>(uv_timer_stop(&pause_timer_));
  uv_update_time(loop());
  uv_timer_start(
      &pause_timer_, [](uv_timer_t* timer) { static_cast<Server*>(timer->data)->pause_.Expire(); },
      static_cast<uint64_t>(std::max<int64_t>(*deadline - pause_.now_ms(), 1)), 0);
}

// Once per turn, so that it does not matter who blocks or is served when.
void Server::AwaitBlocked() {
  const int64_t deadline_ms = executor_.blocked().deadline_ms();
  if (std::exchange(blocked_timer_ms_, deadline_ms) == deadline_ms || stopped_) return;
  if (deadline_ms == BlockedClients::kForever) {
    return static_cast<void>(uv_timer_stop(&blocked_timer_));
  }
  uv_update_time(loop());
  uv_timer_start(
      &blocked_timer_,
      [](uv_timer_t* timer) {
        auto* server = static_cast<Server*>(timer->data);
        server->blocked_timer_ms_ = BlockedClients::kForever;
        server->executor_.ExpireBlocked();
      },
      static_cast<uint64_t>(std::max<int64_t>(deadline_ms - pause_.now_ms(), 1)), 0);
}

}  // namespace kv
