// FUNCTION and SCRIPT of a server that runs no functions and no scripts: there are none, none can
// be loaded, and the empty set of them can be copied, as redis-cli --cluster add-node does.

#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"
#include "kvserver/value_codec.h"

namespace kv {
namespace {

void FunctionDump(CommandContext& context) {
  std::string payload;
  SealPayload(payload);
  context.reply.Bulk(payload);
}

void FunctionRestore(CommandContext& context) {
  const Args args = context.args;
  if (args.size() > 4) return ReplySubcommandError(context);
  if (args.size() == 4 && !EqualsIgnoreCase(args[3], "FLUSH") &&
      !EqualsIgnoreCase(args[3], "APPEND") && !EqualsIgnoreCase(args[3], "REPLACE")) {
    return context.reply.Error(
        "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
  }
  const absl::StatusOr<std::string_view> contents = OpenPayload(args[2]);
  if (!contents.ok()) {
    return context.reply.Error(absl::StrCat("ERR ", contents.status().message()));
  }
  if (!contents->empty()) return context.reply.Error("ERR kvserver runs no functions");
  context.reply.Ok();
}

void FunctionList(CommandContext& context) {
  const Args args = context.args;
  bool with_code = false;
  bool pattern = false;
  for (size_t i = 2; i < args.size(); ++i) {
    if (!with_code && EqualsIgnoreCase(args[i], "WITHCODE")) {
      with_code = true;
    } else if (!pattern && EqualsIgnoreCase(args[i], "LIBRARYNAME")) {
      if (++i == args.size()) {
        return context.reply.Error("ERR library name argument was not given");
      }
      pattern = true;
    } else {
      std::string text = "ERR Unknown argument ";
      return context.reply.Error(text.append(args[i].substr(0, 128)));
    }
  }
  context.reply.Array(0);
}

void FunctionStats(CommandContext& context) {
  context.reply.Map(2);
  context.reply.Bulk("running_script");
  context.reply.Null();
  context.reply.Bulk("engines");
  context.reply.Map(1);
  context.reply.Bulk("LUA");
  context.reply.Map(2);
  context.reply.Bulk("libraries_count");
  context.reply.Integer(0);
  context.reply.Bulk("functions_count");
  context.reply.Integer(0);
}

bool IsFlush(Args args) {
  return args.size() == 2 || (args.size() == 3 && (EqualsIgnoreCase(args[2], "SYNC") ||
                                                   EqualsIgnoreCase(args[2], "ASYNC")));
}

void FunctionFlush(CommandContext& context) {
  if (IsFlush(context.args)) return context.reply.Ok();
  if (context.args.size() > 3) return ReplySubcommandError(context);
  context.reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
}

void FunctionDelete(CommandContext& context) { context.reply.Error("ERR Library not found"); }

void Kill(CommandContext& context) {
  context.reply.Error("NOTBUSY No scripts in execution right now.");
}

void FunctionHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "DELETE <LIBRARY NAME>",
      "    Delete the given library.",
      "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
      "    Return general information on all the libraries. There are none here.",
      "STATS",
      "    Return information about the current function running and the available engines.",
      "KILL",
      "    Kill the current running function.",
      "FLUSH [ASYNC|SYNC]",
      "    Delete all the libraries.",
      "DUMP",
      "    Return a serialized payload representing the current libraries, can be restored using "
      "FUNCTION RESTORE command",
      "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
      "    Restore the libraries represented by the given payload, which must hold none.",
      "HELP",
      "    Prints this help.",
  };
  ReplyHelp(context, kLines);
}

void ScriptExists(CommandContext& context) {
  const size_t count = context.args.size() - 2;
  context.reply.Array(count);
  for (size_t i = 0; i < count; ++i) context.reply.Integer(0);
}

void ScriptFlush(CommandContext& context) {
  if (IsFlush(context.args)) return context.reply.Ok();
  context.reply.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
}

void ScriptHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "EXISTS <sha1> [<sha1> ...]",
      "    Return information about the existence of the scripts in the script cache.",
      "FLUSH [ASYNC|SYNC]",
      "    Flush the Lua scripts cache, which is empty.",
      "KILL",
      "    Kill the currently executing Lua script.",
      "HELP",
      "    Prints this help.",
  };
  ReplyHelp(context, kLines);
}

}  // namespace

void AddScriptingCommands(CommandTable& table) {
  constexpr uint32_t kKill = kNoScript | kAllowBusy;
  constexpr std::string_view kAllShards = "request_policy:all_shards";
  constexpr std::string_view kAllNodes = "request_policy:all_nodes";
  constexpr std::string_view kAllSucceeded = "response_policy:all_succeeded";
  constexpr std::string_view kOneSucceeded = "response_policy:one_succeeded";
  table.Add(Container("function", "scripting", "7.0.0", "A container for function commands"));
  table.Add(
      Container("script", "scripting", "2.6.0", "A container for Lua scripts management commands"));
  // clang-format off
  const CommandSpec functions[] = {
      {"function|dump", 2, kNoScript, kCatScripting, {}, FunctionDump, "scripting", "7.0.0",
       "Dump all functions into a serialized binary payload"},
      {"function|restore", -3, kWrite | kDenyOom | kNoScript, kCatScripting, {}, FunctionRestore,
       "scripting", "7.0.0", "Restore all the functions on the given payload",
       {kAllShards, kAllSucceeded}},
      {"function|list", -2, kNoScript, kCatScripting, {}, FunctionList, "scripting", "7.0.0",
       "List information about all the functions", {"nondeterministic_output_order"}},
      {"function|stats", 2, kKill, kCatScripting, {}, FunctionStats, "scripting", "7.0.0",
       "Return information about the function currently running",
       {"nondeterministic_output", kAllShards, "response_policy:special"}},
      {"function|flush", -2, kWrite | kNoScript, kCatScripting, {}, FunctionFlush, "scripting",
       "7.0.0", "Deleting all functions", {kAllShards, kAllSucceeded}},
      {"function|delete", 3, kWrite | kNoScript, kCatScripting, {}, FunctionDelete, "scripting",
       "7.0.0", "Delete a function by name", {kAllShards, kAllSucceeded}},
      {"function|kill", 2, kKill, kCatScripting, {}, Kill, "scripting", "7.0.0",
       "Kill the function currently in execution.", {kAllShards, kOneSucceeded}},
      {"function|help", 2, kLoading | kStale, kCatScripting, {}, FunctionHelp, "scripting", "7.0.0",
       "Show helpful text about the different subcommands"},
  };
  const CommandSpec scripts[] = {
      {"script|exists", -3, kNoScript, kCatScripting, {}, ScriptExists, "scripting", "2.6.0",
       "Check existence of scripts in the script cache.",
       {kAllShards, "response_policy:agg_logical_and"}},
      {"script|flush", -2, kNoScript, kCatScripting, {}, ScriptFlush, "scripting", "2.6.0",
       "Remove all the scripts from the script cache.", {kAllNodes, kAllSucceeded}},
      {"script|kill", 2, kKill, kCatScripting, {}, Kill, "scripting", "2.6.0",
       "Kill the script currently in execution.", {kAllShards, kOneSucceeded}},
      {"script|help", 2, kLoading | kStale, kCatScripting, {}, ScriptHelp, "scripting", "5.0.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : functions) table.AddSubcommand("function", spec);
  for (const CommandSpec& spec : scripts) table.AddSubcommand("script", spec);
}

}  // namespace kv
