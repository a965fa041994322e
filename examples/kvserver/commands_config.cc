// CONFIG.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/log.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void ConfigGet(CommandContext& context) {
  const auto pairs = MatchDirectives(context.config(), context.args.subspan(2));
  context.reply.Map(pairs.size());
  for (const auto& [name, value] : pairs) {
    context.reply.Bulk(name);
    context.reply.Bulk(value);
  }
}

void ReplySetFailed(CommandContext& context, std::string_view directive, std::string_view cause) {
  std::string text = "ERR CONFIG SET failed (possibly related to argument '";
  context.reply.Error(text.append(directive).append("') - ").append(cause));
}

// Whether all directives exist and may be changed now; answers an error otherwise. What is wrong
// with their values comes second, as in Redis.
bool MayBeSet(CommandContext& context) {
  const Args args = context.args;
  std::vector<std::string> names;
  for (size_t i = 2; i < args.size(); i += 2) {
    const std::string name = ToLower(args[i]);
    const Directive* directive = FindDirective(name);
    const auto change = directive == nullptr ? Directive::Change::kAnyTime : directive->change;
    if (directive == nullptr && !IsRedisDirective(name)) {
      std::string text = "ERR Unknown option or number of arguments for CONFIG SET - '";
      context.reply.Error(text.append(args[i]).append("'"));
    } else if (change == Directive::Change::kNever) {
      ReplySetFailed(context, args[i], "can't set immutable config");
    } else if (change == Directive::Change::kProtected) {
      ReplySetFailed(context, args[i], "can't set protected config");
    } else if (std::find(names.begin(), names.end(), name) != names.end()) {
      ReplySetFailed(context, args[i], "duplicate parameter");
    } else {
      names.push_back(name);
      continue;
    }
    return false;
  }
  return true;
}

// Changes all of the given directives, or none.
void ConfigSet(CommandContext& context) {
  const Args args = context.args;
  if (args.size() % 2 != 0) return ReplySyntaxError(context);
  if (!MayBeSet(context)) return;
  Config changed = context.config();
  std::vector<std::string> warnings;
  for (size_t i = 2; i < args.size(); i += 2) {
    const std::vector<std::string> words = {ToLower(args[i]), std::string(args[i + 1])};
    std::string warning;
    const absl::Status status = ApplyDirective(changed, words, &warning);
    if (!status.ok()) {
      return ReplySetFailed(context, args[i],
                            std::string_view(status.message().data(), status.message().size()));
    }
    if (!warning.empty()) warnings.push_back(warning);
  }
  context.config() = std::move(changed);
  for (const std::string& warning : warnings) Log(LogLevel::kWarning, warning);
  for (size_t i = 2; i < args.size(); i += 2) context.host().OnConfigChanged(ToLower(args[i]));
  context.reply.Ok();
}

void ConfigResetStat(CommandContext& context) {
  context.stats() = Stats();
  context.keyspace.ForgetExpiredTotal();
  context.reply.Ok();
}

void ConfigRewrite(CommandContext& context) {
  if (context.config().config_file.empty()) {
    return context.reply.Error("ERR The server is running without a config file");
  }
  const absl::Status status = RewriteConfigFile(context.config());
  if (!status.ok()) {
    Log(LogLevel::kWarning,
        absl::StrCat("CONFIG REWRITE failed: ", absl::string_view(status.message())));
    return context.reply.Error(
        absl::StrCat("ERR Rewriting config file: ", absl::string_view(status.message())));
  }
  Log(LogLevel::kWarning, "CONFIG REWRITE executed with success.");
  context.reply.Ok();
}

void ConfigHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "GET <pattern>",
      "    Return parameters matching the glob-like <pattern> and their values.",
      "SET <directive> <value>",
      "    Set the configuration <directive> to <value>.",
      "RESETSTAT",
      "    Reset statistics reported by the INFO command.",
      "REWRITE",
      "    Rewrite the configuration file.",
      "HELP",
      "    Prints this help.",
  };
  ReplyHelp(context, kLines);
}

}  // namespace

void AddConfigCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;
  table.Add(
      Container("config", "server", "2.0.0", "A container for server configuration commands"));
  // clang-format off
  const CommandSpec specs[] = {
      {"config|get", -3, kFlags, 0, {}, ConfigGet, "server", "2.0.0",
       "Get the values of configuration parameters"},
      {"config|set", -4, kFlags, 0, {}, ConfigSet, "server", "2.0.0",
       "Set configuration parameters to the given values",
       {"request_policy:all_nodes", "response_policy:all_succeeded"}},
      {"config|resetstat", 2, kFlags, 0, {}, ConfigResetStat, "server", "2.0.0",
       "Reset the stats returned by INFO"},
      {"config|rewrite", 2, kFlags, 0, {}, ConfigRewrite, "server", "2.8.0",
       "Rewrite the configuration file with the in memory configuration"},
      {"config|help", 2, kLoading | kStale, 0, {}, ConfigHelp, "server", "5.0.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("config", spec);
}

}  // namespace kv
