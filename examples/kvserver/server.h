#ifndef KVSERVER_SERVER_H_
#define KVSERVER_SERVER_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "kvserver/busy_poll.h"
#include "kvserver/command.h"
#include "kvserver/config.h"
#include "kvserver/executor.h"
#include "kvserver/info.h"
#include "kvserver/keyspace.h"
#include "kvserver/pause.h"
#include "kvserver/task_queue.h"

namespace kv {

class Connection;
class Migrator;
class Persistence;

// The data thread: a libuv loop with the listening sockets, the clients and the upkeep timer.
// Everything is to be used on the thread that calls Run, before or during it, except
// PostToDataThread.
//
// How the cluster half plugs in, all before Run:
//   commands().Add(...)                     CLUSTER, READONLY, ASKING, WAIT, PSYNC, ...
//   executor().set_gate(...)                redirections, the serving lease
//   executor().set_replication_sink(...)    the replication stream
//   info().Set("Replication", ...)          sections of INFO
//   AddCron, OnClientClosed, OnShutdown     hooks below
class Server : public Host {
 public:
  explicit Server(Config config);
  ~Server() override;

  Config& config() { return config_; }
  Keyspace& keyspace() { return keyspace_; }
  CommandTable& commands() { return commands_; }
  InfoRegistry& info() { return info_; }
  Executor& executor() { return executor_; }
  Stats& stats() { return stats_; }
  Pause& pause() { return pause_; }
  Persistence& persistence() { return *persistence_; }
  // For sockets and timers of the replication link.
  uv_loop_t* loop() { return &loop_.uv; }
  const std::string& run_id() const { return run_id_; }
  int64_t started_ms() const { return started_ms_; }

  // Between Listen and Run: loads the snapshot, if there is one. Clients are told to wait until
  // Run.
  absl::Status Load();
  // Binds the configured addresses. The error text is fit for the log.
  absl::Status Listen();
  // Serves until a shutdown is complete; returns the exit code.
  int Run();

  // Runs `task` on the data thread, in order of posting. Any thread; dropped once Run returned.
  void PostToDataThread(absl::AnyInvocable<void()> task) { tasks_.Post(std::move(task)); }

  // Gives bytes to a client outside request and reply (a replica's stream). False if it is gone.
  bool Send(ClientId id, std::string_view bytes);
  // The same, at once instead of at the end of the turn.
  bool SendNow(ClientId id, std::string_view bytes);
  Client* FindClient(ClientId id);

  // Called each 1000 / hz ms.
  void AddCron(std::function<void()> action) { crons_.push_back(std::move(action)); }
  // Called when a connection closes, with its client still valid.
  void OnClientClosed(std::function<void(const Client&)> action) {
    close_listeners_.push_back(std::move(action));
  }
  // Called after CONFIG SET changed a directive.
  void OnConfigChange(std::function<void(std::string_view directive)> action) {
    config_listeners_.push_back(std::move(action));
  }
  // Called when a shutdown was requested; the process ends when it has called `done`, which may
  // be later (a hand-over to a replica). Clients are served in between.
  void OnShutdown(std::function<void(std::function<void()> done)> action) {
    shutdown_action_ = std::move(action);
  }

  // Host.
  void RequestShutdown(const ShutdownRequest& request) override;
  bool shutting_down() const override { return shutting_down_; }
  void ForEachClient(absl::FunctionRef<void(Client&)> visit) override;
  size_t client_count() const override { return connections_.size(); }
  void CloseClient(ClientId id) override;
  void Resume(ClientId id, absl::FunctionRef<void(ReplyWriter&)> write) override;
  void ResumeSoon(ClientId id) override;
  void ReleaseHeld() override;
  void RunAfter(std::chrono::milliseconds delay, std::function<void()> action) override;
  void Push(ClientId id, std::string_view bytes) override;
  void OnConfigChanged(std::string_view directive) override;

 private:
  friend class Connection;

  // Initialized before, and closed after, what lives on it.
  struct Loop {
    Loop();
    ~Loop();
    uv_loop_t uv;
  };

  absl::Status ListenOn(const std::string& address, bool optional);
  void Accept(uv_stream_t* listener);
  // The error that a connection is turned away with, or empty.
  std::string_view RefusalFor(Connection& connection) const;
  void Remove(Connection* connection);
  void ScheduleFlush(Connection* connection);
  // Asks the gate, then writes.
  void FlushOne(Connection* connection);
  void FlushAll();
  void BeforePoll();
  void UpdateClock();
  void OnTimer();
  void Maintain();
  void CheckClients();  // idle ones, and limits of memory
  void EvictClients();
  void SampleStats();
  void AwaitDelayed();
  void RunDelayed();
  void OnPause();
  void AwaitBlocked();
  void OnSignal();
  void SaveAndStop(const ShutdownRequest& request);
  void Stop();

  Config config_;
  Stats stats_;
  Loop loop_;
  TaskQueue tasks_;
  BusyPoll busy_poll_;
  Keyspace keyspace_;
  CommandTable commands_;
  InfoRegistry info_;
  Pause pause_;
  Executor executor_;
  std::unique_ptr<Migrator> migrator_;
  std::unique_ptr<Persistence> persistence_;
  std::string run_id_;
  int64_t started_ms_ = 0;

  std::vector<std::unique_ptr<uv_tcp_t>> listeners_;
  // Owned by the loop: a closing connection deletes itself when libuv lets go of it.
  std::unordered_map<ClientId, Connection*> connections_;
  std::vector<Connection*> flush_list_;
  ClientId next_client_id_ = 1;
  // Shared by all connections that have no unfinished request: its bytes are parsed in place.
  std::vector<char> read_buffer_;

  uv_prepare_t flush_hook_;
  uv_timer_t timer_;
  uv_timer_t delay_timer_;
  uv_timer_t pause_timer_;
  uv_timer_t garbage_timer_;
  uv_timer_t blocked_timer_;
  int64_t blocked_timer_ms_ = BlockedClients::kForever;  // when it is due
  Pause::Kind paused_ = Pause::Kind::kNone;
  bool release_posted_ = false;
  std::multimap<uint64_t, std::function<void()>> delayed_;  // by time of the loop in ms
  uv_signal_t signals_[2];
  std::vector<std::function<void()>> crons_;
  std::vector<std::function<void(const Client&)>> close_listeners_;
  std::vector<std::function<void(std::string_view)>> config_listeners_;
  std::function<void(std::function<void()>)> shutdown_action_;
  bool shutting_down_ = false;
  bool stopped_ = false;
  uint64_t sampled_commands_ = 0;
  int64_t sampled_at_ms_ = 0;
};

// Adds the sections that the stand-alone server can fill.
void AddInfoSections(Server& server);

}  // namespace kv

#endif  // KVSERVER_SERVER_H_
