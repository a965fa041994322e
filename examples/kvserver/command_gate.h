#ifndef KVSERVER_COMMAND_GATE_H_
#define KVSERVER_COMMAND_GATE_H_

#include <string>

#include "clusterkit/slot.h"
#include "kvserver/client.h"
#include "kvserver/command.h"

namespace kv {

// What the gate is asked about. Valid during the call only.
struct GateQuery {
  Client& client;           // the gate may set leased_replies
  const CommandSpec& spec;  // the subcommand's, where there is one
  Args args;                // the whole request, name included; ForEachKey(spec, args, ...)
  clusterkit::SlotId slot;  // of the first key
  bool same_slot;           // whether all keys hash to `slot`

  // Whether ASKING preceded the request, or is part of it.
  bool asking() const { return client.asking || (spec.flags & kAsking) != 0; }
};

enum class GateVerdict : uint8_t {
  kExecute,
  kRefuse,  // answer the refusal text instead
  kHold,    // keep the request and all that follows it until Server::ReleaseHeld
};

// Decides whether a request with keys may run here; the stand-alone server has none. Called on
// the data thread, once per keyed request and once per client and flush: keep it cheap.
class CommandGate {
 public:
  virtual ~CommandGate() = default;

  // For kRefuse, `refusal` is set to the error text without its dash ("MOVED 42 10.0.0.1:7000").
  // Not asked for the pseudo client that applies the primary's stream.
  virtual GateVerdict Admit(const GateQuery& query, std::string* refusal) = 0;

  // Asked right before a client's replies go to its socket; client.unacknowledged_writes tells
  // whether they acknowledge a write. False: the replies are dropped and the connection closed,
  // so that a write that a new primary may not have is never acknowledged.
  virtual bool MayAcknowledge(const Client& client) = 0;
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
};

}  // namespace kv

#endif  // KVSERVER_COMMAND_GATE_H_
