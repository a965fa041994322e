// INFO, TIME, MONITOR, SHUTDOWN.

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/info.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void Info(CommandContext& context) {
  context.reply.Verbatim(context.executor.parts().info.Text(context.args.subspan(1)));
}

void Time(CommandContext& context) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  context.reply.Array(2);
  context.reply.BulkInteger(us / 1000000);
  context.reply.BulkInteger(us % 1000000);
}

void Monitor(CommandContext& context) {
  Client& client = context.client;
  if (client.in_exec()) {
    return context.reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  }
  if (client.kind == ClientKind::kNormal && client.monitoring == nullptr) {
    client.monitoring = std::make_unique<Monitoring>(context.executor.feed(), client);
  }
  context.reply.Simple("OK");
}

void Shutdown(CommandContext& context) {
  using Save = ShutdownRequest::Save;
  ShutdownRequest request;
  bool abort = false;
  bool other = false;
  bool both = false;
  const auto choose = [&](Save save) {
    both = both || (request.save != Save::kAsConfigured && request.save != save);
    request.save = save;
  };
  for (const std::string_view word : context.args.subspan(1)) {
    if (EqualsIgnoreCase(word, "ABORT")) {
      abort = true;
      continue;
    }
    other = true;
    if (EqualsIgnoreCase(word, "NOSAVE")) {
      choose(Save::kNo);
    } else if (EqualsIgnoreCase(word, "SAVE")) {
      choose(Save::kYes);
    } else if (EqualsIgnoreCase(word, "NOW")) {
      request.now = true;
    } else if (EqualsIgnoreCase(word, "FORCE")) {
      request.force = true;
    } else {
      return ReplySyntaxError(context);
    }
  }
  if (both || (abort && other)) return ReplySyntaxError(context);
  if (!abort) {
    // No reply: the client sees its connection end.
    context.client.Block();
    return context.host().RequestShutdown(request);
  }
  // What is under way is the node's departure, which its peers know of.
  context.reply.Error(context.host().shutting_down()
                          ? "ERR The shutdown cannot be aborted any more."
                          : "ERR No shutdown in progress.");
}

}  // namespace

void AddServerCommands(CommandTable& table) {
  // clang-format off
  const CommandSpec specs[] = {
      {"info", -1, kLoading | kStale, kCatDangerous, {}, Info, "server", "1.0.0",
       "Get information and statistics about the server",
       {"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}},
      {"time", 1, kLoading | kStale | kFast, 0, {}, Time, "server", "2.6.0",
       "Return the current server time", {"nondeterministic_output"}},
      {"monitor", 1, kAdmin | kNoScript | kLoading | kStale, 0, {}, Monitor, "server", "1.0.0",
       "Listen for all requests received by the server in real time"},
      {"shutdown", -1, kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy, 0, {},
       Shutdown, "server", "1.0.0",
       "Synchronously save the dataset to disk and then shut down the server"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
