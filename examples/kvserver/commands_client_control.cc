// CLIENT PAUSE, UNPAUSE, UNBLOCK: what clients do to each other's requests.

#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void PauseClients(CommandContext& context) {
  const Args args = context.args;
  Pause::Kind kind = Pause::Kind::kAll;
  int64_t timeout_ms = 0;
  if (args.size() > 4) return ReplySubcommandError(context);
  if (args.size() == 4 && EqualsIgnoreCase(args[3], "WRITE")) {
    kind = Pause::Kind::kWrites;
  } else if (args.size() == 4 && !EqualsIgnoreCase(args[3], "ALL")) {
    return context.reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  if (!TimeoutArg(context, args[2], &timeout_ms)) return;
  Pause& pause = context.executor.parts().pause;
  const int64_t now_ms = pause.now_ms();
  const int64_t longest = std::numeric_limits<int64_t>::max() - now_ms;
  pause.Begin(Pause::Reason::kClientPause, kind, now_ms + std::min(timeout_ms, longest));
  context.reply.Ok();
}

void UnpauseClients(CommandContext& context) {
  context.executor.parts().pause.End(Pause::Reason::kClientPause);
  context.reply.Ok();
}

void UnblockClient(CommandContext& context) {
  const Args args = context.args;
  bool error = false;
  int64_t id = 0;
  if (args.size() > 4) return ReplySubcommandError(context);
  if (args.size() == 4) {
    error = EqualsIgnoreCase(args[3], "ERROR");
    if (!error && !EqualsIgnoreCase(args[3], "TIMEOUT")) {
      return context.reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
  }
  if (!IntegerArg(context, args[2], &id)) return;
  Client* target = nullptr;
  context.host().ForEachClient([&](Client& client) {
    if (client.id == static_cast<ClientId>(id)) target = &client;
  });
  // Only what waits for something that may never come; other answers come of themselves.
  if (target == nullptr || target->when_unblocked == nullptr) return context.reply.Integer(0);
  std::string answer;
  ReplyWriter writer(&answer, target->protocol);
  std::exchange(target->when_unblocked, nullptr)(writer);
  if (error) {
    answer.clear();
    writer.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  }
  // Later, because its next requests must not run inside of this one.
  Host& host = context.host();
  host.RunAfter(std::chrono::milliseconds(0), [&host, id = target->id, answer] {
    host.Resume(id, [&answer](ReplyWriter& reply) { reply.Raw(answer); });
  });
  context.reply.Integer(1);
}

}  // namespace

void AddClientControlCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;
  // clang-format off
  const CommandSpec specs[] = {
      {"client|pause", -3, kFlags, kCatConnection, {}, PauseClients, "connection", "2.9.50",
       "Stop processing commands from clients for some time"},
      {"client|unpause", 2, kFlags, kCatConnection, {}, UnpauseClients, "connection", "6.2.0",
       "Resume processing of clients that were paused"},
      {"client|unblock", -3, kFlags, kCatConnection, {}, UnblockClient, "connection", "5.0.0",
       "Unblock a client blocked in a blocking command from a different connection"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("client", spec);
}

}  // namespace kv
