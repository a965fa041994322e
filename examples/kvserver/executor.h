#ifndef KVSERVER_EXECUTOR_H_
#define KVSERVER_EXECUTOR_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "kvserver/blocked_clients.h"
#include "kvserver/client.h"
#include "kvserver/command.h"
#include "kvserver/command_feed.h"
#include "kvserver/command_gate.h"
#include "kvserver/config.h"
#include "kvserver/key_locks.h"
#include "kvserver/keyspace.h"
#include "kvserver/pause.h"
#include "kvserver/pubsub.h"
#include "kvserver/stats.h"
#include "kvserver/watch_table.h"

namespace kv {

class ClusterHost;
class InfoRegistry;
class Migrator;
class Persistence;
struct CommandContext;

struct ShutdownRequest {
  enum class Save : uint8_t { kAsConfigured, kYes, kNo };

  bool now = false;    // without what should come first, also if that has begun
  bool force = false;  // even if the data cannot be saved
  Save save = Save::kAsConfigured;
};

// What commands need of the process around them. Server implements it; tests use a stand-in.
class Host {
 public:
  virtual ~Host() = default;
  // Returns at once, the process ends later with exit code 0.
  virtual void RequestShutdown(const ShutdownRequest& request) = 0;
  virtual bool shutting_down() const = 0;
  virtual void ForEachClient(absl::FunctionRef<void(Client&)> visit) = 0;
  virtual size_t client_count() const = 0;
  // Closes a connection; if it is the one being served, after its reply.
  virtual void CloseClient(ClientId id) = 0;
  // Answers a client that blocked, and takes up its input again. Nothing happens if it is gone.
  virtual void Resume(ClientId id, absl::FunctionRef<void(ReplyWriter&)> write) = 0;
  // For a client that blocked and has its answer in its reply: sends that, and takes up its input
  // again, but not within this call.
  virtual void ResumeSoon(ClientId id) = 0;
  // Takes up the input of all clients whose requests were held, soon; those that are blocked go
  // first (Executor::ServeBlocked).
  virtual void ReleaseHeld() = 0;
  // Never from within this call.
  virtual void RunAfter(std::chrono::milliseconds delay, std::function<void()> action) = 0;
  // Gives a client something that is no answer. Nothing happens if it is gone.
  virtual void Push(ClientId id, std::string_view bytes) = 0;
  // A directive was changed by CONFIG SET.
  virtual void OnConfigChanged(std::string_view directive) = 0;
};

// Runs requests: looks the command up, checks arity, authentication and gate, calls the handler or
// queues the request for EXEC, propagates what it changed. Knows no sockets. Data thread only.
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
    Pause& pause;
  };

  enum class Outcome {
    kDone,     // the reply is in client.reply
    kBlocked,  // the reply comes later, through Host::Resume
    kHeld,     // the request is postponed; give it again after Host::ReleaseHeld
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
  // For MIGRATE's handler. Null where there are no sockets.
  void set_migrator(Migrator* migrator) { migrator_ = migrator; }
  void set_persistence(Persistence* persistence) { persistence_ = persistence; }
  Persistence* persistence() const { return persistence_; }
  Migrator* migrator() const { return migrator_; }
  // Null without other nodes.
  void set_message_relay(MessageRelay* relay) { relay_ = relay; }
  MessageRelay* message_relay() const { return relay_; }
  PubSub& pubsub() { return pubsub_; }
  CommandFeed& feed() { return feed_; }
  WatchTable& watches() { return watches_; }
  KeyLocks& locks() { return locks_; }

  // On a replica, writes of ordinary clients are refused and expired keys are hidden.
  void set_replica(bool replica);
  bool replica() const { return replica_; }
  // At start, until the data are here: only what needs none of them is served.
  void set_loading(bool loading) { loading_ = loading; }
  bool loading() const { return loading_; }
  // While paused, nothing is deleted by expiry, so that the stream stands still.
  void set_expiry_paused(bool paused);

  // Nothing but AUTH and its like is served to this client. A password that is set later does not
  // concern clients that were here before; one that is removed locks nobody out.
  bool NeedsPassword(const Client& client) const {
    return !client.authenticated && !parts_.config.requirepass.empty();
  }

  // Runs one request; `args` is not empty and valid during the call only.
  Outcome Execute(Client& client, Args args);
  // For Host::Resume: `write` answers the command that blocked this client. It may be blocked again
  // behind that, by the next command of its transaction.
  void Resume(Client& client, absl::FunctionRef<void(ReplyWriter&)> write);

  // For EXEC: runs what was queued. A command that answers later stops the transaction there, and
  // its answer takes it up again. Nobody else sees or changes the data set in between: if the
  // transaction has to do with it, all other requests are held. A client that goes away meanwhile
  // stops nothing.
  void RunTransaction(CommandContext& exec);
  // Such a transaction waits for an answer: what others want to do must wait too.
  bool exclusive() const { return exclusive_ != nullptr; }
  // Some of the changes of a transaction may have been made, and not propagated.
  bool in_transaction() const { return exclusive_ != nullptr || running_ != nullptr; }
  // Whether what this client has begun may change the data set now.
  bool MayChangeData(ClientId id) const { return exclusive_ == nullptr || exclusive_->id == id; }

  // For commands that wait: the client blocks until one of `keys`, which are arguments in a row,
  // holds a value of the type, and the command runs again for that key (CommandContext::ready_key).
  // Where a client must not block it is answered that nothing came.
  void BlockOnKeys(CommandContext& context, Args keys, ValueType type, int64_t timeout_ms);
  const BlockedClients& blocked() const { return blocked_; }
  // Serves those for whom there is something now, unless their requests have to be held.
  void ServeBlocked();
  // To be called at blocked().deadline_ms(), by the clock of the pause.
  void ExpireBlocked();
  // Sends away those whose keys are not served here any more.
  void RecheckBlocked();
  // This node is no longer a primary: answers all that wait so, and closes their connections.
  void DisconnectBlocked();

  // The client goes, whatever it was doing.
  void Forget(const Client& client);

  // Hands a change of the data set to the replication stream; those of a transaction at its end,
  // as one.
  void Propagate(Args args);

  // Applies a command of the primary's stream. `source` has kind kPrimary; its replies are
  // dropped. False if the command is unknown or failed, which means that the data differ. Between
  // MULTI and EXEC nothing is applied.
  bool ApplyFromPrimary(Client& source, Args args);

  const Parts& parts() const { return parts_; }

 private:
  // The command of a request; null: `refusal` says why it cannot be run by anybody.
  const CommandSpec* Find(Args args, std::string* refusal) const;
  // Whether these requests have to wait: for the end of a pause, or for their keys.
  bool Held(const Client& client, absl::Span<const Request> requests, uint32_t flags) const;
  // Whether the request may run, or be queued, here and now.
  GateVerdict Judge(Client& client, const Request& request, std::string* refusal);
  // Of everything but the rules of one command: role, gate.
  GateVerdict JudgeData(Client& client, const CommandSpec& spec, absl::Span<const Request> requests,
                        uint32_t flags, std::string* refusal);
  // Whether a command would take memory where there is no more to be had.
  bool LacksMemory(const Client& client, const CommandSpec& spec, uint32_t flags) const;
  // What forbids all writes for now; empty: nothing.
  std::string_view WriteRefusal() const;
  GateVerdict AskGate(Client& client, const CommandSpec& spec, absl::Span<const Request> requests,
                      uint32_t flags, std::string* refusal, bool waits = false);
  void Refuse(Client& client, const CommandSpec* spec, GateVerdict verdict,
              const std::string& refusal);
  void Queue(Client& client, const Request& request);
  void Call(Client& client, const Request& request, const std::string_view* ready_key = nullptr);
  // Counts the reply from `reply_start` on, if it is an error.
  void CountReply(const Client& client, const CommandSpec& spec, size_t reply_start);
  // The request is answered, from `reply_start` on.
  void Finish(Client& client, const CommandSpec* spec, size_t reply_start);

  void ContinueTransaction(Client& client);
  void EndTransaction(Client& client);
  void UpdateExpiryMode();

  // False: they have to wait for the end of a pause, or of a lock.
  bool ServeBlockedOn(std::string_view key);
  void Unblock(Client& client, absl::FunctionRef<void(const Request&)> answer);

  Parts parts_;
  CommandGate* gate_ = nullptr;
  ReplicationSink* sink_ = nullptr;
  ClusterHost* cluster_ = nullptr;
  Migrator* migrator_ = nullptr;
  Persistence* persistence_ = nullptr;
  MessageRelay* relay_ = nullptr;
  KeyLocks locks_;
  PubSub pubsub_{parts_.host};
  CommandFeed feed_{parts_.host};
  WatchTable watches_{parts_.keyspace};
  BlockedClients blocked_;
  // The transaction whose changes are being collected, and the client whose transaction waits
  // while others must not see the data set; if there are both, they belong together.
  Transaction* running_ = nullptr;
  Client* exclusive_ = nullptr;
  bool replica_ = false;
  bool loading_ = false;
  bool expiry_paused_ = false;
};

// What clients are told that wait for what only a primary has.
inline constexpr std::string_view kUnblockedByRoleChange =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

// Forgets what a client has queued and what it watches.
void DiscardTransaction(Client& client);

}  // namespace kv

#endif  // KVSERVER_EXECUTOR_H_
