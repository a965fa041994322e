// EXEC: running what was queued, over waits if need be, and propagating it as one.

#include <utility>

#include "kvserver/command_context.h"
#include "kvserver/executor.h"
#include "kvserver/transaction.h"

namespace kv {

using State = Transaction::State;

void DiscardTransaction(Client& client) {
  client.transaction.reset();
  client.watch.reset();
}

void Executor::RunTransaction(CommandContext& exec) {
  Client& client = exec.client;
  Transaction& transaction = *client.transaction;
  client.watch.reset();
  transaction.state = State::kRunning;
  exec.reply.Array(transaction.queue.size());
  exec.PropagateNothing();  // Its commands do that.
  ContinueTransaction(client);
}

void Executor::ContinueTransaction(Client& client) {
  Transaction& transaction = *client.transaction;
  const bool data = (transaction.flags & kDataFlags) != 0;
  const uint64_t started = CommandStats::Now();
  if (data) running_ = &transaction;
  if (transaction.next > 0) {
    // What happened during the wait may forbid the rest: a new role, a slot that left.
    std::string refusal;
    const GateVerdict verdict =
        JudgeData(client, *client.last_command, transaction.rest(), transaction.flags, &refusal);
    if (verdict != GateVerdict::kExecute) transaction.refusal = std::move(refusal);
  }
  while (!client.blocked && transaction.next < transaction.queue.size()) {
    const Request& request = transaction.queue.requests()[transaction.next++];
    if (transaction.refusal.empty() || (request.spec->flags & kDataFlags) == 0) {
      Call(client, request);
    } else {
      ReplyWriter(&client.reply, client.protocol).Error(transaction.refusal);
    }
  }
  CommandStats& calls = parts_.stats.calls;
  calls.Stop();
  calls.Of(*client.last_command).nanoseconds += CommandStats::Now() - started;
  if (!client.blocked) return EndTransaction(client);
  if (data) exclusive_ = &client;
  if ((transaction.flags & kWrite) != 0 && !transaction.long_write.has_value()) {
    transaction.long_write.emplace(parts_.pause);
  }
}

void Executor::EndTransaction(Client& client) {
  const std::unique_ptr<Transaction> transaction = std::move(client.transaction);
  if (running_ == transaction.get()) running_ = nullptr;
  static constexpr std::string_view kMulti[] = {"MULTI"};
  static constexpr std::string_view kExec[] = {"EXEC"};
  const absl::Span<const Request> changes = transaction->stream.requests();
  if (changes.size() > 1) Propagate(kMulti);
  for (const Request& change : changes) Propagate(change.args);
  if (changes.size() > 1) Propagate(kExec);
  if (!changes.empty()) client.last_write_offset = sink_->offset();
  if (exclusive_ != &client) return;
  exclusive_ = nullptr;
  parts_.host.ReleaseHeld();
}

void Executor::Forget(const Client& client) {
  if (client.blocked) blocked_.Remove(client);
  if (exclusive_ != &client) return;
  exclusive_ = nullptr;
  running_ = nullptr;
}

void Executor::Propagate(Args args) {
  if (sink_ == nullptr) return;
  if (running_ != nullptr) {
    running_->stream.Add(nullptr, args);
  } else {
    sink_->Propagate(args);
  }
}

}  // namespace kv
