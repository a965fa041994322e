// MIGRATE: moves keys to another server. What happens on the way is in migrate_transfer.h.

#include <string>
#include <utility>

#include "kvserver/command_util.h"
#include "kvserver/migrator.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr size_t kKey = 3;
constexpr size_t kOptions = 6;
constexpr int64_t kDefaultTimeoutMs = 1000;

// How many arguments belong to an option; -1: it is KEYS, and all that follow do.
int ArgumentsOf(std::string_view option) {
  if (EqualsIgnoreCase(option, "AUTH")) return 1;
  if (EqualsIgnoreCase(option, "AUTH2")) return 2;
  return EqualsIgnoreCase(option, "KEYS") ? -1 : 0;
}

// The keys of any request, also of one that is wrong.
Args KeysOf(Args args) {
  for (size_t i = kOptions; args[kKey].empty() && i < args.size(); ++i) {
    const int arguments = ArgumentsOf(args[i]);
    if (arguments < 0) return args.subspan(i + 1);
    i += static_cast<size_t>(arguments);
  }
  return args.subspan(kKey, 1);
}

bool ParseOptions(CommandContext& context, MigrateRequest* request) {
  const Args args = context.args;
  for (size_t i = kOptions; i < args.size(); ++i) {
    const size_t left = args.size() - i - 1;
    if (EqualsIgnoreCase(args[i], "COPY")) {
      request->copy = true;
    } else if (EqualsIgnoreCase(args[i], "REPLACE")) {
      request->replace = true;
    } else if (EqualsIgnoreCase(args[i], "AUTH") && left >= 1) {
      request->user.reset();
      request->password = std::string(args[++i]);
    } else if (EqualsIgnoreCase(args[i], "AUTH2") && left >= 2) {
      request->user = std::string(args[++i]);
      request->password = std::string(args[++i]);
    } else if (EqualsIgnoreCase(args[i], "KEYS")) {
      if (args[kKey].empty()) return true;
      context.reply.Error(
          "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
      return false;
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

void Migrate(CommandContext& context) {
  MigrateRequest request;
  if (!ParseOptions(context, &request)) return;
  if (!IntegerArg(context, context.args[5], &request.timeout_ms)) return;
  if (!IntegerArg(context, context.args[4], &request.database)) return;
  if (request.timeout_ms <= 0) request.timeout_ms = kDefaultTimeoutMs;
  request.host = std::string(context.args[1]);
  request.port = std::string(context.args[2]);
  for (const std::string_view key : KeysOf(context.args)) {
    if (context.keyspace.Find(key) != nullptr) request.keys.emplace_back(key);
  }
  if (request.keys.empty()) return context.reply.Simple("NOKEY");
  context.executor.migrator()->Begin(context.client, std::move(request));
}

}  // namespace

void AddMigrateCommand(CommandTable& table) {
  CommandSpec spec = {"migrate",
                      -6,
                      kWrite | kMovableKeys | kMigrates,
                      kCatKeyspace | kCatDangerous,
                      {3, 3, 1, "RW access delete", {}, {}, "KEYS", "RW access delete incomplete"},
                      Migrate,
                      "generic",
                      "2.6.0",
                      "Atomically transfer a key from a Redis instance to another one.",
                      {"nondeterministic_output"}};
  spec.find_keys = [](Args args, KeyVisitor visit) {
    for (const std::string_view key : KeysOf(args)) visit(key);
  };
  table.Add(std::move(spec));
}

}  // namespace kv
