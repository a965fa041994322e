// INFO, TIME, SHUTDOWN, DEBUG.

#include <cmath>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/debug_digest.h"
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

// NOW and FORCE skip what Redis does before it goes, and SAVE what it writes; all accepted.
void Shutdown(CommandContext& context) {
  bool abort = false;
  bool save = false;
  bool nosave = false;
  for (const std::string_view word : context.args.subspan(1)) {
    if (EqualsIgnoreCase(word, "NOSAVE")) {
      nosave = true;
    } else if (EqualsIgnoreCase(word, "SAVE")) {
      save = true;
    } else if (EqualsIgnoreCase(word, "ABORT")) {
      abort = true;
    } else if (!EqualsIgnoreCase(word, "NOW") && !EqualsIgnoreCase(word, "FORCE")) {
      return ReplySyntaxError(context);
    }
  }
  if ((save && nosave) || (abort && context.args.size() > 2)) return ReplySyntaxError(context);
  if (abort) return context.reply.Error("ERR No shutdown in progress.");
  // No reply: the client sees its connection end.
  context.client.Block();
  context.host().RequestShutdown();
}

bool DebugAllowed(const CommandContext& context) {
  const std::string& mode = context.config().enable_debug_command;
  if (mode == "yes") return true;
  const std::string& from = context.client.address;
  return mode == "local" && (from.rfind("127.", 0) == 0 || from.rfind("[::1]", 0) == 0);
}

void Debug(CommandContext& context) {
  if (!DebugAllowed(context)) {
    return context.reply.Error(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
        "you can run it from a local connection, otherwise you need to set this option in the "
        "configuration file, and then restart the server.");
  }
  const std::string_view what = context.args[1];
  if (EqualsIgnoreCase(what, "SLEEP") && context.args.size() == 3) {
    long double seconds = 0;
    if (!ParseLongDouble(context.args[2], &seconds) || seconds < 0) seconds = 0;
    // Stops the data thread, which is what it is for.
    std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(seconds)));
    return context.reply.Ok();
  }
  if (EqualsIgnoreCase(what, "DIGEST") && context.args.size() == 2) return DebugDigest(context);
  if (EqualsIgnoreCase(what, "DIGEST-VALUE")) return DebugDigestValue(context);
  if (EqualsIgnoreCase(what, "HELP") && context.args.size() == 2) {
    constexpr std::string_view kLines[] = {
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DIGEST",
        "    Output a hex signature representing the current DB content.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Output a hex signature of the values of all the specified keys.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.",
        "HELP",
        "    Print this help.",
    };
    return ReplyHelp(context, kLines);
  }
  std::string text = "ERR unknown subcommand or wrong number of arguments for '";
  context.reply.Error(text.append(what.substr(0, 128)).append("'. Try DEBUG HELP."));
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
      {"debug", -2, kAdmin | kNoScript | kLoading | kStale, 0, {}, Debug, "server", "1.0.0",
       "A container for debugging commands"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
