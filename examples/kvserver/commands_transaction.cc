// MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing and running are the executor's.

#include <memory>

#include "kvserver/command_util.h"
#include "kvserver/transaction.h"
#include "kvserver/watch_table.h"

namespace kv {
namespace {

void Multi(CommandContext& context) {
  if (context.client.in_multi()) return context.reply.Error("ERR MULTI calls can not be nested");
  context.client.transaction = std::make_unique<Transaction>();
  context.reply.Ok();
}

void Exec(CommandContext& context) {
  Client& client = context.client;
  if (!client.in_multi()) return context.reply.Error("ERR EXEC without MULTI");
  const bool failed = client.transaction->state == Transaction::State::kFailed;
  const bool broken = client.watch != nullptr && client.watch->Broken();
  if (!failed && !broken) return context.executor.RunTransaction(context);
  DiscardTransaction(client);
  if (!failed) return context.reply.NullArray();
  context.reply.Error("EXECABORT Transaction discarded because of previous errors.");
}

void Discard(CommandContext& context) {
  if (!context.client.in_multi()) return context.reply.Error("ERR DISCARD without MULTI");
  DiscardTransaction(context.client);
  context.reply.Ok();
}

void WatchKeys(CommandContext& context) {
  Client& client = context.client;
  if (client.in_multi()) return context.reply.Error("ERR WATCH inside MULTI is not allowed");
  if (client.watch == nullptr) client.watch = std::make_unique<Watch>(context.executor.watches());
  if (client.watch->bytes() + RequestQueue::CostOf(context.args) >
      static_cast<size_t>(context.config().client_query_buffer_limit)) {
    return context.reply.Error("ERR the watched keys exceed client-query-buffer-limit");
  }
  for (const std::string_view key : context.args.subspan(1)) client.watch->Add(key);
  context.reply.Ok();
}

void Unwatch(CommandContext& context) {
  context.client.watch.reset();
  context.reply.Ok();
}

}  // namespace

void AddTransactionCommands(CommandTable& table) {
  constexpr uint32_t kAnyTime = kNoScript | kLoading | kStale;
  constexpr uint32_t kQuick = kAnyTime | kFast | kAllowBusy;
  // clang-format off
  const CommandSpec specs[] = {
      {"multi", 1, kQuick | kNotQueued, kCatTransaction, {}, Multi, "transactions", "1.2.0",
       "Mark the start of a transaction block"},
      {"exec", 1, kAnyTime | kSkipSlowlog | kNotQueued | kRunsQueued, kCatTransaction, {}, Exec,
       "transactions", "1.2.0", "Execute all commands issued after MULTI"},
      {"discard", 1, kQuick | kNotQueued, kCatTransaction, {}, Discard, "transactions", "2.0.0",
       "Discard all commands issued after MULTI"},
      {"watch", -2, kQuick | kNotQueued, kCatTransaction, AllKeys("RO"), WatchKeys,
       "transactions", "2.2.0",
       "Watch the given keys to determine execution of the MULTI/EXEC block"},
      {"unwatch", 1, kQuick, kCatTransaction, {}, Unwatch, "transactions", "2.2.0",
       "Forget about all watched keys"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
