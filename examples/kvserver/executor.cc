#include "kvserver/executor.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/command_context.h"
#include "kvserver/text.h"

namespace kv {
namespace {

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

bool Executor::Resolve(Client& client, Args args, const CommandSpec** found) {
  ReplyWriter reply(&client.reply, client.protocol);
  const CommandSpec* spec = parts_.commands.Find(args[0]);
  if (spec == nullptr) {
    reply.Error(UnknownCommandText(args));
    return false;
  }
  if (!spec->subcommands.empty() && args.size() > 1) {
    const CommandSpec* sub = CommandTable::FindSubcommand(*spec, args[1]);
    if (sub == nullptr) {
      reply.Error(UnknownSubcommandText(*spec, args[1]));
      return false;
    }
    spec = sub;
  }
  if (!spec->ArityFits(args.size())) {
    reply.Error(absl::StrCat("ERR wrong number of arguments for '", spec->name, "' command"));
    return false;
  }
  if (!client.authenticated && (spec->flags & kNoAuth) == 0) {
    reply.Error("NOAUTH Authentication required.");
    return false;
  }
  *found = spec;
  return true;
}

GateVerdict Executor::AskGate(Client& client, const CommandSpec& spec, Args args) {
  GateQuery query{client, spec, args, {}, true};
  bool first = true;
  ForEachKey(spec, args, [&](std::string_view key) {
    const clusterkit::SlotId slot = clusterkit::SlotForKey(key);
    if (first) query.slot = slot;
    if (slot != query.slot) query.same_slot = false;
    first = false;
  });
  if (first) return GateVerdict::kExecute;
  std::string refusal;
  const GateVerdict verdict = gate_->Admit(query, &refusal);
  if (verdict == GateVerdict::kRefuse) ReplyWriter(&client.reply, client.protocol).Error(refusal);
  return verdict;
}

Executor::Outcome Executor::Execute(Client& client, Args args) {
  const size_t reply_start = client.reply.size();
  const CommandSpec* spec = nullptr;
  bool run = Resolve(client, args, &spec);
  if (run && gate_ != nullptr && client.kind != ClientKind::kPrimary && spec->has_keys()) {
    const GateVerdict verdict = AskGate(client, *spec, args);
    if (verdict == GateVerdict::kHold) {
      client.held = true;
      return Outcome::kHeld;
    }
    run = verdict == GateVerdict::kExecute;
  }
  if (run && replica_ && (spec->flags & kWrite) != 0 && client.kind != ClientKind::kPrimary) {
    ReplyWriter(&client.reply, client.protocol)
        .Error("READONLY You can't write against a read only replica.");
    run = false;
  }

  if (client.reply_mode == ReplyMode::kSkipNext) client.reply_mode = ReplyMode::kSkipping;
  if (run) Call(client, *spec, args);
  ++parts_.stats.commands;
  if (client.reply.size() > reply_start && client.reply[reply_start] == '-') {
    ++parts_.stats.errors;
  }
  // ASKING is for the next command, which is this one unless it was ASKING itself.
  if (client.asking && (spec == nullptr || (spec->flags & kKeepsAsking) == 0)) {
    client.asking = false;
  }
  if (client.reply_mode != ReplyMode::kOn) {
    client.reply.resize(reply_start);
    if (client.reply_mode == ReplyMode::kSkipping) client.reply_mode = ReplyMode::kOn;
  }
  return client.blocked ? Outcome::kBlocked : Outcome::kDone;
}

void Executor::Call(Client& client, const CommandSpec& spec, Args args) {
  Keyspace& keyspace = parts_.keyspace;
  CommandContext context{args,  spec,     client, ReplyWriter(&client.reply, client.protocol),
                         *this, keyspace, sink_};
  const uint64_t changes = keyspace.changes();
  client.last_command = &spec;
  spec.handler(context);
  if (keyspace.changes() == changes) return;
  if (!context.propagated) context.Propagate(args);
  if (sink_ != nullptr) client.last_write_offset = sink_->offset();
  client.unacknowledged_writes = true;
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
