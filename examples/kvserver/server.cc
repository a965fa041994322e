#include "kvserver/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/connection.h"
#include "kvserver/log.h"
#include "kvserver/migrator.h"
#include "kvserver/persistence.h"

namespace kv {
namespace {

constexpr size_t kReadBuffer = size_t{64} << 10;
constexpr int64_t kMaxHz = 500;
// Upkeep per tick may take this long, so that it delays no request by more.
constexpr uint64_t kExpireBudgetNs = 5'000'000;
constexpr std::chrono::milliseconds kTransactionPause{10};
constexpr uint64_t kMaintainBudgetNs = 1'000'000;

int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string RandomId() {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kLength = 40;
  std::random_device random;
  std::string id;
  while (id.size() < kLength) id += kDigits[random() % 16];
  return id;
}

uint64_t TickMs(const Config& config) {
  return 1000 / static_cast<uint64_t>(std::min(std::max<int64_t>(config.hz, 1), kMaxHz));
}

template <typename Handle>
void CloseHandle(Handle* handle) {
  auto* base = reinterpret_cast<uv_handle_t*>(handle);
  if (uv_is_closing(base) == 0) uv_close(base, nullptr);
}

}  // namespace

Server::Loop::Loop() { uv_loop_init(&uv); }

Server::Loop::~Loop() {
  // Whatever a plug-in left open must not keep the loop.
  uv_walk(
      &uv,
      [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&uv, UV_RUN_DEFAULT);
  uv_loop_close(&uv);
}

Server::Server(Config config)
    : config_(std::move(config)),
      tasks_(loop()),
      busy_poll_(loop()),
      keyspace_(/*slot_index=*/config_.cluster_enabled),
      pause_([] { return static_cast<int64_t>(uv_hrtime() / 1'000'000); }),
      executor_({keyspace_, commands_, config_, info_, stats_, *this, pause_}),
      run_id_(RandomId()),
      started_ms_(UnixMs()),
      read_buffer_(kReadBuffer) {
  AddAllCommands(commands_);
  AddInfoSections(*this);
  keyspace_.set_expiry_listener([this](std::string_view key) {
    const std::string_view del[] = {"DEL", key};
    executor_.Propagate(del);
  });
  migrator_ = std::make_unique<Migrator>(*this);
  executor_.set_migrator(migrator_.get());
  persistence_ = std::make_unique<Persistence>(*this);
  executor_.set_persistence(persistence_.get());
  AddPersistenceCommands(commands_);
  AddCron([this] { persistence_->Cron(); });
  pause_.OnChange([this] { OnPause(); });
  UpdateClock();

  uv_prepare_init(loop(), &flush_hook_);
  flush_hook_.data = this;
  uv_prepare_start(&flush_hook_,
                   [](uv_prepare_t* hook) { static_cast<Server*>(hook->data)->BeforePoll(); });
  for (uv_timer_t* timer :
       {&timer_, &delay_timer_, &pause_timer_, &garbage_timer_, &blocked_timer_}) {
    uv_timer_init(loop(), timer);
    timer->data = this;
  }
  constexpr int kSignals[] = {SIGTERM, SIGINT};
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    uv_signal_init(loop(), &signals_[i]);
    signals_[i].data = this;
    uv_signal_start(
        &signals_[i],
        [](uv_signal_t* signal, int) { static_cast<Server*>(signal->data)->OnSignal(); },
        kSignals[i]);
  }
}

Server::~Server() {
  Stop();
  tasks_.Close();
  migrator_.reset();
  persistence_.reset();
  // The first call only takes note of uv_stop; the second lets go of the closed handles.
  uv_run(loop(), UV_RUN_NOWAIT);
  uv_run(loop(), UV_RUN_NOWAIT);
}

absl::Status Server::Load() {
  executor_.set_loading(true);
  return persistence_->Load([this] { uv_run(loop(), UV_RUN_NOWAIT); });
}

int Server::Run() {
  executor_.set_loading(false);
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Server*>(timer->data)->OnTimer(); }, 0,
      TickMs(config_));
  uv_run(loop(), UV_RUN_DEFAULT);
  tasks_.Close();
  return 0;
}

void Server::UpdateClock() { keyspace_.set_now_ms(UnixMs()); }

// --- Upkeep ---

void Server::OnTimer() {
  UpdateClock();
  const uint64_t deadline = uv_hrtime() + kExpireBudgetNs;
  keyspace_.ExpireSome([deadline] { return uv_hrtime() > deadline; });
  Maintain();
  for (const auto& action : crons_) action();
  const int64_t now_ms = keyspace_.now_ms();
  if (now_ms - sampled_at_ms_ >= 1000) {
    SampleStats();
    CheckClients();
  }
}

void Server::Maintain() {
  const uint64_t deadline = uv_hrtime() + kMaintainBudgetNs;
  keyspace_.Maintain([deadline] { return uv_hrtime() > deadline; });
  if (!keyspace_.has_garbage()) return;
  // Goes on soon, so that memory comes back about as fast as it can be filled.
  uv_timer_start(
      &garbage_timer_, [](uv_timer_t* timer) { static_cast<Server*>(timer->data)->Maintain(); }, 1,
      0);
}

void Server::SampleStats() {
  const int64_t now_ms = keyspace_.now_ms();
  if (sampled_at_ms_ != 0 && stats_.commands >= sampled_commands_) {
    stats_.commands_per_second = (stats_.commands - sampled_commands_) * 1000 /
                                 static_cast<uint64_t>(now_ms - sampled_at_ms_);
  }
  sampled_at_ms_ = now_ms;
  sampled_commands_ = stats_.commands;
}

// --- Clients ---

void Server::ScheduleFlush(Connection* connection) {
  if (std::exchange(connection->flush_scheduled, true)) return;
  flush_list_.push_back(connection);
}

void Server::FlushOne(Connection* connection) {
  Client& client = connection->client();
  if (executor_.gate() != nullptr && !client.reply.empty() &&
      !executor_.gate()->MayAcknowledge(client)) {
    connection->Close();
  } else if (!connection->CloseIfOutputTooLarge()) {
    connection->Flush();
  }
}

void Server::BeforePoll() {
  FlushAll();
  AwaitBlocked();
  busy_poll_.BeforePoll(stats_.requests, config_.busy_poll_threshold);
}

void Server::FlushAll() {
  // A flush may close connections, and whoever hears of that may send to others.
  for (size_t i = 0; i < flush_list_.size(); ++i) {
    Connection* connection = flush_list_[i];
    if (connection == nullptr) continue;
    connection->flush_scheduled = false;
    FlushOne(connection);
  }
  flush_list_.clear();
}

void Server::Remove(Connection* connection) {
  executor_.Forget(connection->client());
  connection->client().subscriptions.reset();
  for (const auto& listener : close_listeners_) listener(connection->client());
  connections_.erase(connection->client().id);
  if (connection->flush_scheduled) {
    std::replace(flush_list_.begin(), flush_list_.end(), connection,
                 static_cast<Connection*>(nullptr));
  }
}

Client* Server::FindClient(ClientId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second->client();
}

bool Server::Send(ClientId id, std::string_view bytes) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return false;
  found->second->client().reply.append(bytes);
  ScheduleFlush(found->second);
  return true;
}

bool Server::SendNow(ClientId id, std::string_view bytes) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return false;
  found->second->client().reply.append(bytes);
  FlushOne(found->second);
  return connections_.count(id) != 0;
}

// Who is over its limit gets nothing more; it is closed at the end of the turn.
void Server::Push(ClientId id, std::string_view bytes) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection* connection = found->second;
  if (!connection->OutputTooLarge()) connection->client().Push(bytes);
  ScheduleFlush(connection);
}

void Server::ForEachClient(absl::FunctionRef<void(Client&)> visit) {
  for (auto& [id, connection] : connections_) visit(connection->client());
}

void Server::CloseClient(ClientId id) {
  const auto found = connections_.find(id);
  if (found != connections_.end()) found->second->Close();
}

// --- Process ---

void Server::RunAfter(std::chrono::milliseconds delay, std::function<void()> action) {
  uv_update_time(loop());
  delayed_.emplace(uv_now(loop()) + static_cast<uint64_t>(delay.count()), std::move(action));
  AwaitDelayed();
}

void Server::AwaitDelayed() {
  if (delayed_.empty() || stopped_) return;
  const uint64_t now = uv_now(loop());
  const uint64_t due = delayed_.begin()->first;
  uv_timer_start(
      &delay_timer_, [](uv_timer_t* timer) { static_cast<Server*>(timer->data)->RunDelayed(); },
      due > now ? due - now : 0, 0);
}

void Server::RunDelayed() {
  std::vector<std::function<void()>> due;
  const uint64_t now = uv_now(loop());
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    due.push_back(std::move(delayed_.begin()->second));
    delayed_.erase(delayed_.begin());
  }
  AwaitDelayed();
  for (const auto& action : due) action();
}

void Server::OnConfigChanged(std::string_view directive) {
  if (directive == "loglevel") SetLogLevel(config_.loglevel);
  if (directive == "hz") uv_timer_set_repeat(&timer_, TickMs(config_));
  for (const auto& listener : config_listeners_) listener(directive);
}

void Server::OnSignal() {
  if (shutting_down_) {
    Log(LogLevel::kWarning, "Second signal during shutdown: exiting now.");
    _exit(1);
  }
  RequestShutdown({});
}

void Server::RequestShutdown(const ShutdownRequest& request) {
  if (executor_.loading()) {
    Log(LogLevel::kWarning, "Received shutdown signal during loading, exiting now.");
    _exit(0);
  }
  if (std::exchange(shutting_down_, true) && !request.now) return;
  Log(LogLevel::kWarning, "User requested shutdown...");
  const auto done = [this, request] {
    PostToDataThread([this, request] { SaveAndStop(request); });
  };
  if (shutdown_action_ && !request.now) {
    shutdown_action_(done);
  } else {
    done();
  }
}

void Server::SaveAndStop(const ShutdownRequest& request) {
  if (stopped_) return;
  using Save = ShutdownRequest::Save;
  const bool wanted = request.save == Save::kYes ||
                      (request.save == Save::kAsConfigured && persistence_->wanted_at_exit());
  if (wanted && executor_.in_transaction() && !request.now) {
    // Half of it must not be in the file. What it waits for has a limit of time.
    return RunAfter(kTransactionPause, [this, request] { SaveAndStop(request); });
  }
  if (wanted) {
    Log(LogLevel::kNotice, "Saving the final RDB snapshot before exiting.");
    persistence_->StopBackground();
    const absl::Status status = persistence_->Save();
    if (absl::IsUnavailable(status) && !request.force) {
      // Whoever asked for this learns it from the log, and may still free some room on the disk.
      Log(LogLevel::kWarning, "Error trying to save the DB, can't exit.");
      shutting_down_ = false;
      return;
    }
  }
  Stop();
}

void Server::Stop() {
  if (std::exchange(stopped_, true)) return;
  FlushAll();
  std::vector<Connection*> all;
  for (auto& [id, connection] : connections_) all.push_back(connection);
  for (Connection* connection : all) connection->Close();
  for (const auto& listener : listeners_) CloseHandle(listener.get());
  CloseHandle(&flush_hook_);
  busy_poll_.Close();
  CloseHandle(&timer_);
  CloseHandle(&delay_timer_);
  CloseHandle(&pause_timer_);
  CloseHandle(&garbage_timer_);
  CloseHandle(&blocked_timer_);
  for (uv_signal_t& signal : signals_) CloseHandle(&signal);
  uv_stop(loop());
}

}  // namespace kv
