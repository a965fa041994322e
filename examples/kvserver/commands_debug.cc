// DEBUG: for tests. Other files add subcommands with CommandTable::AddDebug.

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/debug_digest.h"
#include "kvserver/log.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void Help(CommandContext& context) {
  std::vector<std::string> lines = {
      "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"};
  for (const DebugCommand& command : context.executor.parts().commands.debug_commands()) {
    std::string title(command.name);
    if (!command.arguments.empty()) title.append(" ").append(command.arguments);
    lines.push_back(std::move(title));
    for (const std::string_view line : command.help) {
      lines.push_back(std::string("    ").append(line));
    }
  }
  lines.insert(lines.end(), {"HELP", "    Print this help."});
  ReplyHelp(context, std::vector<std::string_view>(lines.begin(), lines.end()));
}

void Debug(CommandContext& context) {
  const std::string_view name = context.args[1];
  const auto given = static_cast<int>(context.args.size());
  if (EqualsIgnoreCase(name, "HELP") && given == 2) return Help(context);
  for (const DebugCommand& command : context.executor.parts().commands.debug_commands()) {
    if (!EqualsIgnoreCase(command.name, name)) continue;
    if (command.arity >= 0 ? given != command.arity : given < -command.arity) break;
    return command.handler(context);
  }
  ReplySubcommandError(context);
}

// Stops the data thread, as a command that takes long would. The cluster's thread goes on.
void Sleep(CommandContext& context) {
  long double seconds = 0;
  if (!ParseLongDouble(context.args[2], &seconds) || seconds < 0) seconds = 0;
  std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(seconds)));
  context.reply.Ok();
}

void WriteLog(CommandContext& context) {
  constexpr size_t kMaxText = 1024;
  Log(LogLevel::kWarning, std::string("DEBUG LOG: ").append(context.args[2].substr(0, kMaxText)));
  context.reply.Ok();
}

void SetActiveExpire(CommandContext& context) {
  int64_t active = 0;
  context.keyspace.set_active_expiry(ParseInt(context.args[2], &active) && active != 0);
  context.reply.Ok();
}

}  // namespace

void AddDebugCommands(CommandTable& table) {
  table.Add({"debug",
             -2,
             kAdmin | kNoScript | kLoading | kStale | kDebugging,
             0,
             {},
             Debug,
             "server",
             "1.0.0",
             "A container for debugging commands"});
  // clang-format off
  const DebugCommand commands[] = {
      {"DIGEST", 2, DebugDigest, "",
       {"Output a hex signature representing the current DB content."}},
      {"DIGEST-VALUE", -2, DebugDigestValue, "<key> [<key> ...]",
       {"Output a hex signature of the values of all the specified keys."}},
      {"LOG", 3, WriteLog, "<message>", {"Write <message> to the server log."}},
      {"SET-ACTIVE-EXPIRE", 3, SetActiveExpire, "<0|1>",
       {"Setting it to 0 disables expiring keys in background when they are not",
        "accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
        "default."}},
      {"SLEEP", 3, Sleep, "<seconds>", {"Stop the server for <seconds>. Decimals allowed."}},
  };
  // clang-format on
  for (const DebugCommand& command : commands) table.AddDebug(command);
}

}  // namespace kv
