#ifndef KVSERVER_EXECUTOR_H_
#define KVSERVER_EXECUTOR_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "kvserver/client.h"
#include "kvserver/command.h"
#include "kvserver/command_gate.h"
#include "kvserver/config.h"
#include "kvserver/keyspace.h"

namespace kv {

class ClusterHost;
class InfoRegistry;

struct Stats {
  uint64_t connections = 0;
  uint64_t rejected_connections = 0;
  uint64_t commands = 0;
  uint64_t errors = 0;  // error replies
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t commands_per_second = 0;  // sampled
};

// What commands need of the process around them. Server implements it; tests use a stand-in.
class Host {
 public:
  virtual ~Host() = default;
  // Graceful: returns at once, the process ends later with exit code 0.
  virtual void RequestShutdown() = 0;
  virtual void ForEachClient(absl::FunctionRef<void(Client&)> visit) = 0;
  virtual size_t client_count() const = 0;
  // Closes a connection; if it is the one being served, after its reply.
  virtual void CloseClient(ClientId id) = 0;
  // Answers a client that blocked, and takes up its input again. Nothing happens if it is gone.
  virtual void Resume(ClientId id, absl::FunctionRef<void(ReplyWriter&)> write) = 0;
  virtual void RunAfter(std::chrono::milliseconds delay, std::function<void()> action) = 0;
  // A directive was changed by CONFIG SET.
  virtual void OnConfigChanged(std::string_view directive) = 0;
};

// Runs requests: looks the command up, checks arity, authentication and gate, calls the handler,
// propagates what it changed. Knows no sockets. Data thread only.
class Executor {
 public:
  // All must outlive the executor.
  struct Parts {
    Keyspace& keyspace;
    const CommandTable& commands;
    Config& config;
    InfoRegistry& info;
    Stats& stats;
    Host& host;
  };

  enum class Outcome {
    kDone,     // the reply is in client.reply
    kBlocked,  // the reply comes later, through Host::Resume
    kHeld,     // the gate postponed the request; give it again after Server::ReleaseHeld
  };

  explicit Executor(const Parts& parts) : parts_(parts) {}

  // Null (the default): every request may run. / Nothing is propagated.
  void set_gate(CommandGate* gate) { gate_ = gate; }
  void set_replication_sink(ReplicationSink* sink) { sink_ = sink; }
  ReplicationSink* replication_sink() const { return sink_; }
  CommandGate* gate() const { return gate_; }
  // For the handlers of cluster commands. Null without cluster support.
  void set_cluster(ClusterHost* cluster) { cluster_ = cluster; }
  ClusterHost* cluster() const { return cluster_; }

  // On a replica, writes of ordinary clients are refused and expired keys are hidden.
  void set_replica(bool replica);
  bool replica() const { return replica_; }
  // While paused, nothing is deleted by expiry, so that the stream stands still.
  void set_expiry_paused(bool paused);

  // Runs one request; `args` is not empty and valid during the call only.
  Outcome Execute(Client& client, Args args);

  // Applies a command of the primary's stream. `source` has kind kPrimary; its replies are
  // dropped. False if the command is unknown or failed, which means that the data differ.
  bool ApplyFromPrimary(Client& source, Args args);

  const Parts& parts() const { return parts_; }

 private:
  // Finds the command and checks arity and authentication. False: an error was answered.
  bool Resolve(Client& client, Args args, const CommandSpec** found);
  GateVerdict AskGate(Client& client, const CommandSpec& spec, Args args);
  void Call(Client& client, const CommandSpec& spec, Args args);
  void UpdateExpiryMode();

  Parts parts_;
  CommandGate* gate_ = nullptr;
  ReplicationSink* sink_ = nullptr;
  ClusterHost* cluster_ = nullptr;
  bool replica_ = false;
  bool expiry_paused_ = false;
};

}  // namespace kv

#endif  // KVSERVER_EXECUTOR_H_
