#include "kvserver/executor.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/command_context.h"
#include "kvserver/memory_use.h"
#include "kvserver/persistence.h"
#include "kvserver/text.h"
#include "kvserver/transaction.h"

namespace kv {
namespace {

constexpr std::string_view kLoadingText = "LOADING Redis is loading the dataset in memory";
constexpr size_t kMaxQuoted = 128;  // of what an error repeats from a request

// The part of an argument that Redis would print with "%s".
std::string_view Printable(std::string_view arg, size_t limit) {
  return arg.substr(0, std::min(arg.find('\0'), limit));
}

std::string UnknownCommandText(Args args) {
  std::string quoted;
  for (size_t i = 1; i < args.size() && quoted.size() < kMaxQuoted; ++i) {
    const std::string_view shown = Printable(args[i], kMaxQuoted - quoted.size());
    quoted.append("'").append(shown).append("' ");
  }
  std::string text = "ERR unknown command '";
  text.append(Printable(args[0], kMaxQuoted));
  return text.append("', with args beginning with: ").append(quoted);
}

std::string UnknownSubcommandText(const CommandSpec& container, std::string_view name) {
  std::string text = "ERR unknown subcommand '";
  text.append(Printable(name, kMaxQuoted));
  return text.append("'. Try ").append(ToUpper(container.name)).append(" HELP.");
}

bool MayDebug(const Config& config, const Client& client) {
  if (config.enable_debug_command == "yes") return true;
  const std::string& from = client.address;
  return config.enable_debug_command == "local" &&
         (from.rfind("127.", 0) == 0 || from.rfind("[::1]", 0) == 0);
}

// A RESP2 client could not tell replies from messages.
bool FitsSubscriber(const Client& client, const CommandSpec& spec, std::string* refusal) {
  if (client.protocol != Protocol::kResp2 || (spec.flags & kSubscriber) != 0) return true;
  *refusal = absl::StrCat("ERR Can't execute '", spec.name,
                          "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                          "allowed in this context");
  return false;
}

// What EXEC answers where another command would answer `refusal`.
std::string AbortText(std::string_view refusal) {
  constexpr std::string_view kPlain = "ERR ";
  if (refusal.substr(0, kPlain.size()) == kPlain) refusal.remove_prefix(kPlain.size());
  return std::string("EXECABORT Transaction discarded because of: ").append(refusal);
}

// The command whose answer comes now.
const CommandSpec& WaitingCommand(const Client& client) {
  if (!client.in_exec()) return *client.last_command;
  return *client.transaction->queue.requests()[client.transaction->next - 1].spec;
}

void EndAnswer(Client& client) {
  client.answering = false;
  if (!client.pushes.empty()) client.reply += std::exchange(client.pushes, {});
}

void AnswerLater(Client& client, size_t reply_start) {
  // A transaction that waits in its middle has said nothing yet.
  if (client.in_exec()) {
    client.transaction->reply = client.reply.substr(reply_start);
    client.reply.resize(reply_start);
  }
  EndAnswer(client);
}

}  // namespace

void Executor::set_replica(bool replica) {
  replica_ = replica;
  UpdateExpiryMode();
}

void Executor::set_expiry_paused(bool paused) {
  expiry_paused_ = paused;
  UpdateExpiryMode();
}

void Executor::UpdateExpiryMode() {
  parts_.keyspace.set_expiry_mode(replica_ || expiry_paused_ ? ExpiryMode::kHide
                                                             : ExpiryMode::kDelete);
}

// --- May it run? ---------------------------------------------------------------------------------

const CommandSpec* Executor::Find(Args args, std::string* refusal) const {
  const CommandSpec* spec = parts_.commands.Find(args[0]);
  if (spec == nullptr) {
    // Those of a cluster are added when the data are here.
    *refusal = loading_ ? std::string(kLoadingText) : UnknownCommandText(args);
    return nullptr;
  }
  if (!spec->subcommands.empty() && args.size() > 1) {
    const CommandSpec* sub = CommandTable::FindSubcommand(*spec, args[1]);
    if (sub == nullptr) {
      *refusal = UnknownSubcommandText(*spec, args[1]);
      return nullptr;
    }
    spec = sub;
  }
  if (!spec->ArityFits(args.size())) {
    *refusal = absl::StrCat("ERR wrong number of arguments for '", spec->name, "' command");
  }
  return spec;
}

GateVerdict Executor::Judge(Client& client, const Request& request, std::string* refusal) {
  const CommandSpec& spec = *request.spec;
  if ((spec.flags & kDebugging) != 0 && !MayDebug(parts_.config, client)) {
    *refusal =
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
        "you can run it from a local connection, otherwise you need to set this option in the "
        "configuration file, and then restart the server.";
    return GateVerdict::kRefuse;
  }
  if ((spec.flags & kNoAuth) == 0 && NeedsPassword(client)) {
    *refusal = "NOAUTH Authentication required.";
    return GateVerdict::kRefuse;
  }
  if (loading_ && (spec.flags & kLoading) == 0) {
    *refusal = kLoadingText;
    return GateVerdict::kRefuse;
  }
  if (client.kind == ClientKind::kPrimary) return GateVerdict::kExecute;
  absl::Span<const Request> requests = absl::MakeConstSpan(&request, 1);
  uint32_t flags = spec.flags;
  if (client.in_multi()) {
    if ((spec.flags & kNoMulti) != 0) {
      *refusal = "ERR Command not allowed inside a transaction";
      return GateVerdict::kRefuse;
    }
    if ((spec.flags & kRunsQueued) != 0) {
      requests = client.transaction->queue.requests();
      flags |= client.transaction->flags;
    }
  }
  const bool leased = client.leased_replies;
  GateVerdict verdict = JudgeData(client, spec, requests, flags, refusal);
  if (verdict != GateVerdict::kExecute) return verdict;
  if (client.subscriptions != nullptr && !FitsSubscriber(client, spec, refusal)) {
    verdict = GateVerdict::kRefuse;
  } else if (Held(client, requests, flags)) {
    verdict = GateVerdict::kHold;
  } else {
    return verdict;
  }
  client.leased_replies = leased;  // What is not executed acknowledges nothing.
  return verdict;
}

bool Executor::Held(const Client& client, absl::Span<const Request> requests,
                    uint32_t flags) const {
  const Pause::Kind pause = parts_.pause.kind();
  if (pause != Pause::Kind::kNone && client.kind == ClientKind::kNormal) {
    if (pause == Pause::Kind::kAll || (flags & (kWrite | kMayReplicate)) != 0) return true;
  }
  // What is only queued now meets the locks at EXEC.
  bool locked = false;
  if (locks_.any() && (flags & kWrite) != 0 && (!client.in_multi() || (flags & kRunsQueued) != 0)) {
    for (const Request& request : requests) {
      if ((request.spec->flags & kWrite) == 0) continue;
      ForEachKey(*request.spec, request.args,
                 [&](std::string_view key) { locked = locked || locks_.Locked(key); });
    }
  }
  return locked;
}

GateVerdict Executor::JudgeData(Client& client, const CommandSpec& spec,
                                absl::Span<const Request> requests, uint32_t flags,
                                std::string* refusal) {
  if (gate_ != nullptr) {
    const GateVerdict verdict = AskGate(client, spec, requests, flags, refusal);
    if (verdict != GateVerdict::kExecute) return verdict;
  }
  if (LacksMemory(client, spec, flags)) {
    *refusal = "OOM command not allowed when used memory > 'maxmemory'.";
    return GateVerdict::kRefuse;
  }
  const bool listens = client.kind == ClientKind::kReplica || client.monitoring != nullptr;
  if (listens && (flags & (kDataFlags | kMayReplicate)) != 0) {
    *refusal = "ERR Replica can't interact with the keyspace";
    return GateVerdict::kRefuse;
  }
  if ((flags & kWrite) != 0) {
    *refusal = std::string(WriteRefusal());
    if (!refusal->empty()) return GateVerdict::kRefuse;
  }
  return GateVerdict::kExecute;
}

bool Executor::LacksMemory(const Client& client, const CommandSpec& spec, uint32_t flags) const {
  if (parts_.config.maxmemory == 0) return false;
  // What is queued takes memory, whatever it is.
  const bool queued = client.in_multi() && (spec.flags & (kNotQueued | kRunsQueued)) == 0;
  return (queued || (flags & kDenyOom) != 0) && UsedMemory() > parts_.config.maxmemory;
}

std::string_view Executor::WriteRefusal() const {
  if (replica_) return "READONLY You can't write against a read only replica.";
  if (persistence_ != nullptr && persistence_->refuses_writes()) {
    return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
           "persist to disk. Commands that may modify the data set are disabled, because this "
           "instance is "
           "configured to report errors during writes if RDB snapshotting fails "
           "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about "
           "the RDB error.";
  }
  const Config& config = parts_.config;
  const bool needs_replicas = config.min_replicas_to_write > 0 && config.min_replicas_max_lag > 0;
  if (needs_replicas && (sink_ == nullptr || !sink_->EnoughGoodReplicas())) {
    return "NOREPLICAS Not enough good replicas to write.";
  }
  return {};
}

GateVerdict Executor::AskGate(Client& client, const CommandSpec& spec,
                              absl::Span<const Request> requests, uint32_t flags,
                              std::string* refusal, bool waits) {
  GateQuery query{client, spec, requests, flags, {}, true, waits};
  bool first = true;
  query.ForEachKey([&](std::string_view key) {
    const clusterkit::SlotId slot = clusterkit::SlotForKey(key);
    if (first) query.slot = slot;
    if (slot != query.slot) query.same_slot = false;
    first = false;
  });
  return first ? GateVerdict::kExecute : gate_->Admit(query, refusal);
}

// --- One request ---------------------------------------------------------------------------------

Executor::Outcome Executor::Execute(Client& client, Args args) {
  if (exclusive_ != nullptr && client.kind == ClientKind::kNormal) {
    client.held = true;
    return Outcome::kHeld;
  }
  std::string refusal;
  const Request request{Find(args, &refusal), args};
  GateVerdict verdict = GateVerdict::kRefuse;
  if (refusal.empty()) verdict = Judge(client, request, &refusal);
  if (verdict == GateVerdict::kHold) {
    client.held = true;
    return Outcome::kHeld;
  }

  ++parts_.stats.requests;
  const size_t reply_start = client.reply.size();
  client.answering = true;
  if (client.reply_mode == ReplyMode::kSkipNext) client.reply_mode = ReplyMode::kSkipping;
  if (request.spec != nullptr) client.last_command = request.spec;
  if (verdict != GateVerdict::kExecute) {
    Refuse(client, request.spec, verdict, refusal);
  } else if (client.in_multi() && (request.spec->flags & kNotQueued) == 0) {
    Queue(client, request);
  } else {
    Call(client, request);
    if (blocked_.any_ready()) ServeBlocked();
  }
  if (client.blocked) {
    AnswerLater(client, reply_start);
    return Outcome::kBlocked;
  }
  Finish(client, request.spec, reply_start);
  return Outcome::kDone;
}

void Executor::Refuse(Client& client, const CommandSpec* spec, GateVerdict verdict,
                      const std::string& refusal) {
  const bool exec = spec != nullptr && (spec->flags & kRunsQueued) != 0;
  std::string text = refusal;
  if (exec) {
    DiscardTransaction(client);
    if (verdict == GateVerdict::kRefuse) text = AbortText(refusal);
  } else if (client.in_multi()) {
    client.transaction->state = Transaction::State::kFailed;
  }
  if (spec != nullptr) ++parts_.stats.calls.Of(*spec).rejected;
  ReplyWriter(&client.reply, client.protocol).Error(text);
  parts_.stats.CountError(absl::StrCat("-", text));
}

void Executor::Queue(Client& client, const Request& request) {
  Transaction& transaction = *client.transaction;
  ReplyWriter reply(&client.reply, client.protocol);
  const auto limit = static_cast<size_t>(parts_.config.client_query_buffer_limit +
                                         parts_.config.proto_max_bulk_len);
  if (client.kind != ClientKind::kPrimary &&
      transaction.queue.bytes() + RequestQueue::CostOf(request.args) > limit) {
    return Refuse(client, request.spec, GateVerdict::kRefuse,
                  "ERR the transaction exceeds client-query-buffer-limit");
  }
  // What will not run is not kept.
  if (transaction.state == Transaction::State::kQueueing) {
    transaction.queue.Add(request.spec, request.args);
    transaction.flags |= request.spec->flags;
  }
  reply.Simple("QUEUED");
}

void Executor::Call(Client& client, const Request& request, const std::string_view* ready_key) {
  Keyspace& keyspace = parts_.keyspace;
  CommandContext context{
      request.args, *request.spec, client, ReplyWriter(&client.reply, client.protocol),
      *this,        keyspace,      sink_,  ready_key};
  const uint64_t changes = keyspace.changes();
  const size_t reply_start = client.reply.size();
  if (ready_key == nullptr) {
    ++parts_.stats.commands;
    parts_.stats.calls.Begin(*request.spec);
  } else {
    parts_.stats.calls.GoOn(*request.spec);
  }
  request.spec->handler(context);
  if (ready_key == nullptr) feed_.Tell(client, request);
  CountReply(client, *request.spec, reply_start);
  const bool changed = keyspace.changes() != changes;
  watches_.EndCommand(changed);
  if (!changed) return;
  if (!context.propagated) Propagate(request.args);
  if (sink_ != nullptr) client.last_write_offset = sink_->offset();
  client.unacknowledged_writes = true;
  if (!blocked_.any()) return;
  ForEachKey(*request.spec, request.args,
             [this](std::string_view key) { blocked_.MarkReady(key); });
}

void Executor::CountReply(const Client& client, const CommandSpec& spec, size_t reply_start) {
  if (client.reply.size() <= reply_start || client.reply[reply_start] != '-') return;
  ++parts_.stats.calls.Of(spec).failed;
  parts_.stats.CountError(std::string_view(client.reply).substr(reply_start));
}

void Executor::Finish(Client& client, const CommandSpec* spec, size_t reply_start) {
  // ASKING is for the next command, which is this one unless it was ASKING itself; a transaction
  // counts as one.
  if (client.asking && !client.in_multi() &&
      (spec == nullptr || (spec->flags & kKeepsAsking) == 0)) {
    client.asking = false;
  }
  if (client.reply_mode != ReplyMode::kOn) {
    client.reply.resize(reply_start);
    if (client.reply_mode == ReplyMode::kSkipping) client.reply_mode = ReplyMode::kOn;
  }
  EndAnswer(client);
}

void Executor::Resume(Client& client, absl::FunctionRef<void(ReplyWriter&)> write) {
  client.blocked = false;
  client.when_unblocked = nullptr;
  client.answering = true;
  const size_t reply_start = client.reply.size();
  if (client.in_exec()) client.reply += std::exchange(client.transaction->reply, {});
  const size_t answer_start = client.reply.size();
  ReplyWriter reply(&client.reply, client.protocol);
  write(reply);
  CountReply(client, WaitingCommand(client), answer_start);
  if (client.in_exec()) ContinueTransaction(client);
  if (blocked_.any_ready()) ServeBlocked();
  if (client.blocked) return AnswerLater(client, reply_start);
  Finish(client, client.last_command, reply_start);
}

bool Executor::ApplyFromPrimary(Client& source, Args args) {
  parts_.keyspace.set_expiry_mode(ExpiryMode::kIgnore);
  const uint64_t errors = parts_.stats.errors;
  Execute(source, args);
  source.reply.clear();
  UpdateExpiryMode();
  return parts_.stats.errors == errors;
}

}  // namespace kv
