// INFO, TIME, SHUTDOWN.

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

// There is nothing to save, so SAVE and NOSAVE come to the same, and FORCE has nothing to ignore.
void Shutdown(CommandContext& context) {
  bool abort = false;
  bool other = false;
  bool save = false;
  bool nosave = false;
  bool now = false;
  for (const std::string_view word : context.args.subspan(1)) {
    if (EqualsIgnoreCase(word, "ABORT")) {
      abort = true;
      continue;
    }
    other = true;
    if (EqualsIgnoreCase(word, "NOSAVE")) {
      nosave = true;
    } else if (EqualsIgnoreCase(word, "SAVE")) {
      save = true;
    } else if (EqualsIgnoreCase(word, "NOW")) {
      now = true;
    } else if (!EqualsIgnoreCase(word, "FORCE")) {
      return ReplySyntaxError(context);
    }
  }
  if ((save && nosave) || (abort && other)) return ReplySyntaxError(context);
  if (!abort) {
    // No reply: the client sees its connection end.
    context.client.Block();
    return context.host().RequestShutdown(now);
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
      {"shutdown", -1, kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy, 0, {},
       Shutdown, "server", "1.0.0",
       "Synchronously save the dataset to disk and then shut down the server"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
