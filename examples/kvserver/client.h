#ifndef KVSERVER_CLIENT_H_
#define KVSERVER_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kvserver/reply_writer.h"

namespace kv {

struct CommandSpec;
struct Transaction;
class Monitoring;
class Subscriptions;
class Watch;

// Ids are never used twice, so an answer that arrives late cannot reach somebody else.
using ClientId = uint64_t;

enum class ClientKind : uint8_t {
  kNormal,
  kReplica,  // a replica that pulls our stream (set by PSYNC)
  kPrimary,  // pseudo client through which a replica applies its primary's stream
};

// CLIENT REPLY. kSkipping: the command that runs is the one whose reply is skipped.
enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext, kSkipping };

// What commands know of a client. It holds no socket: tests make one directly, and the pseudo
// client of a replication link has none. Data thread only.
struct Client {
  explicit Client(ClientId client_id);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // While blocked, a client's further input waits, in order. Ends with Server::Resume.
  void Block() { blocked = true; }
  // The same, for something that may never come. `give_up` lets go of it and writes what the client
  // gets when its time is up; CLIENT UNBLOCK uses it.
  void Block(std::function<void(ReplyWriter&)> give_up) {
    blocked = true;
    when_unblocked = std::move(give_up);
  }

  // Gives it something that is no reply, so that CLIENT REPLY does not silence it.
  void Push(std::string_view bytes) {
    (answering && reply_mode != ReplyMode::kOn ? pushes : reply).append(bytes);
  }

  // Whether somebody is there to wait: the commands of a transaction, and of a primary's stream, do
  // not.
  bool may_block() const { return kind == ClientKind::kNormal && !in_exec(); }

  bool in_multi() const { return transaction != nullptr; }
  // EXEC was said: what was queued runs, or waits for the answer of one of its commands.
  bool in_exec() const;

  const ClientId id;
  ClientKind kind = ClientKind::kNormal;
  Protocol protocol = Protocol::kResp2;
  ReplyMode reply_mode = ReplyMode::kOn;
  bool authenticated = true;
  bool blocked = false;
  bool held = false;               // the command in front of the input is postponed
  bool readonly = false;           // READONLY: reads may be served by a replica
  bool asking = false;             // ASKING: valid for the next command only
  bool no_evict = false;           // CLIENT NO-EVICT
  bool close_after_reply = false;  // input is ignored from now on
  // A write was executed whose reply is still in `reply`. CommandGate::MayAcknowledge reads it.
  bool unacknowledged_writes = false;
  // Set by the gate: `reply` holds what this node may say only while it is the owner of a slot.
  bool leased_replies = false;

  // Replies that were not given to the socket yet.
  std::string reply;
  // Its command runs; what is pushed meanwhile and must outlast a reply that is dropped.
  bool answering = false;
  std::string pushes;
  // Offset of the replication stream after this client's last write (for WAIT).
  uint64_t last_write_offset = 0;

  std::string name;             // CLIENT SETNAME
  std::string library_name;     // CLIENT SETINFO
  std::string library_version;  // CLIENT SETINFO
  std::string address;          // ip:port of the peer
  std::string local_address;    // ip:port that it connected to
  int fd = -1;
  int64_t created_ms = 0;      // unix time
  int64_t last_active_ms = 0;  // unix time of the last command
  const CommandSpec* last_command = nullptr;

  std::function<void(ReplyWriter&)> when_unblocked;  // null: only its answer ends a block
  std::unique_ptr<Transaction> transaction;          // after MULTI
  std::unique_ptr<Watch> watch;                      // after WATCH
  std::unique_ptr<Subscriptions> subscriptions;      // after SUBSCRIBE and its relatives
  std::unique_ptr<Monitoring> monitoring;            // after MONITOR

  size_t waiting_bytes = 0;         // of the request with which it waits for keys
  size_t pending_input_bytes = 0;   // received, not parsed yet
  size_t pending_output_bytes = 0;  // given to the socket, not taken by the kernel yet
};

}  // namespace kv

#endif  // KVSERVER_CLIENT_H_
