#ifndef KVSERVER_COMMAND_CONTEXT_H_
#define KVSERVER_COMMAND_CONTEXT_H_

#include <initializer_list>
#include <string_view>

#include "kvserver/executor.h"

namespace kv {

// One call of a command handler. A handler reads `args`, writes exactly one reply, and counts
// what it changed with keyspace.CountChange(); a request that changed something is propagated as
// it came unless the handler called Propagate itself.
struct CommandContext {
  Args args;
  const CommandSpec& spec;
  Client& client;
  ReplyWriter reply;
  Executor& executor;
  Keyspace& keyspace;
  ReplicationSink* sink;  // null: nobody listens; skip building what Propagate would get
  // Set for a command that has waited for one of its keys: this one has something for it, and it is
  // to look at no other.
  const std::string_view* ready_key = nullptr;
  bool propagated = false;

  // Those of the keys that the command is to look at.
  Args Candidates(Args keys) const { return ready_key != nullptr ? Args(ready_key, 1) : keys; }

  // Propagates this instead of the request, or, called repeatedly, all of these.
  void Propagate(Args rewritten) {
    propagated = true;
    executor.Propagate(rewritten);
  }
  void Propagate(std::initializer_list<std::string_view> rewritten) {
    Propagate(Args(rewritten.begin(), rewritten.size()));
  }
  // Changes of this request are local (a replica must not repeat them).
  void PropagateNothing() { propagated = true; }

  Config& config() const { return executor.parts().config; }
  Host& host() const { return executor.parts().host; }
  Stats& stats() const { return executor.parts().stats; }
};

}  // namespace kv

#endif  // KVSERVER_COMMAND_CONTEXT_H_
