#ifndef KVSERVER_COMMAND_GATE_H_
#define KVSERVER_COMMAND_GATE_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "clusterkit/slot.h"
#include "kvserver/client.h"
#include "kvserver/command.h"
#include "kvserver/pubsub.h"

namespace kv {

// What the gate is asked about: one request, or those of a transaction as a whole. Valid during
// the call only.
struct GateQuery {
  Client& client;                      // the gate may set leased_replies
  const CommandSpec& spec;             // EXEC's for a transaction
  absl::Span<const Request> requests;  // one, or what EXEC is about to run
  uint32_t flags;                      // of `spec` and of all requests
  clusterkit::SlotId slot;             // of the first key
  bool same_slot;                      // whether all keys hash to `slot`
  bool waits = false;                  // for these keys, which are not expected to be here yet

  // Whether ASKING preceded the request, or is part of it.
  bool asking() const { return client.asking || (spec.flags & kAsking) != 0; }

  // Calls `visit(std::string_view key)` for each key, repeated ones included.
  template <typename Visitor>
  void ForEachKey(Visitor visit) const {
    for (const Request& request : requests) kv::ForEachKey(*request.spec, request.args, visit);
  }
};

enum class GateVerdict : uint8_t {
  kExecute,
  kRedirect,  // answer the refusal text instead: the keys are not served here
  kRefuse,    // the same, for another reason; EXEC puts "EXECABORT" before it
  kHold,      // keep the request and all that follows it until Server::ReleaseHeld
};

// Decides whether a request with keys may run here; the stand-alone server has none. Called on
// the data thread, once per keyed request and once per client and flush: keep it cheap.
class CommandGate {
 public:
  virtual ~CommandGate() = default;

  // `refusal` is set to the error text without its dash ("MOVED 42 10.0.0.1:7000"). Between MULTI
  // and EXEC each request is asked about when it is queued, and all of them again at EXEC. Not
  // asked for the pseudo client that applies the primary's stream.
  virtual GateVerdict Admit(const GateQuery& query, std::string* refusal) = 0;

  // Asked right before a client's replies go to its socket; client.unacknowledged_writes tells
  // whether they acknowledge a write. False: the replies are dropped and the connection closed,
  // so that a write that a new primary may not have is never acknowledged.
  virtual bool MayAcknowledge(const Client& client) = 0;
};

// Carries published messages to the other nodes.
class MessageRelay {
 public:
  virtual ~MessageRelay() = default;
  // `kind` is that of the channel. Nobody waits for anything: what cannot be sent is lost.
  virtual void Relay(ChannelKind kind, std::string_view channel, std::string_view message) = 0;
};

// Receives each change of the data set in an order and form that replays to the same data:
// relative expiries are absolute, expired keys come as DEL.
class ReplicationSink {
 public:
  virtual ~ReplicationSink() = default;
  // `args` is valid during the call only.
  virtual void Propagate(Args args) = 0;
  // Bytes of the stream so far.
  virtual uint64_t offset() const = 0;
  // Whether as many replicas follow closely as min-replicas-to-write asks for.
  virtual bool EnoughGoodReplicas() const { return true; }
};

}  // namespace kv

#endif  // KVSERVER_COMMAND_GATE_H_
