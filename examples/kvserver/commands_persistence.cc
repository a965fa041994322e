// SAVE, BGSAVE, LASTSAVE.

#include <string>

#include "absl/status/status.h"
#include "kvserver/command_util.h"
#include "kvserver/persistence.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void ReplyFault(CommandContext& context, const absl::Status& status) {
  context.reply.Error(std::string(status.message()));
}

void Save(CommandContext& context) {
  const absl::Status status = context.executor.persistence()->Save();
  if (!status.ok()) return ReplyFault(context, status);
  context.reply.Ok();
}

void BgSave(CommandContext& context) {
  const bool schedule = context.args.size() == 2 && EqualsIgnoreCase(context.args[1], "SCHEDULE");
  if (context.args.size() > 1 && !schedule) return ReplySyntaxError(context);
  bool scheduled = false;
  const absl::Status status = context.executor.persistence()->StartInBackground(&scheduled);
  if (!status.ok()) return ReplyFault(context, status);
  context.reply.Simple(scheduled ? "Background saving scheduled" : "Background saving started");
}

void LastSave(CommandContext& context) {
  context.reply.Integer(context.executor.persistence()->last_save_s());
}

}  // namespace

void AddPersistenceCommands(CommandTable& table) {
  // clang-format off
  const CommandSpec specs[] = {
      {"save", 1, kAdmin | kNoScript | kNoAsyncLoading | kNoMulti, 0, {}, Save, "server", "1.0.0",
       "Synchronously save the dataset to disk"},
      {"bgsave", -1, kAdmin | kNoScript | kNoAsyncLoading, 0, {}, BgSave, "server", "1.0.0",
       "Asynchronously save the dataset to disk"},
      {"lastsave", 1, kLoading | kStale | kFast, kCatAdmin | kCatDangerous, {}, LastSave, "server",
       "1.0.0", "Get the UNIX time stamp of the last successful save to disk",
       {"nondeterministic_output"}},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
