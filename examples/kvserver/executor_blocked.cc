// Commands that wait for keys: who gets what there is, and who waits in vain.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kvserver/command_context.h"
#include "kvserver/executor.h"

namespace kv {

using Waiter = BlockedClients::Waiter;

void Executor::BlockOnKeys(CommandContext& context, Args keys, ValueType type, int64_t timeout_ms) {
  Client& client = context.client;
  if (!client.may_block()) return context.reply.NullArray();
  if (client.reply.empty()) client.leased_replies = false;  // Who waits was acknowledged nothing.
  const int64_t now_ms = parts_.pause.now_ms();
  const bool forever = timeout_ms == 0 || timeout_ms >= BlockedClients::kForever - now_ms;
  client.Block([this, &client](ReplyWriter& reply) {
    blocked_.Remove(client);
    reply.NullArray();
  });
  blocked_.Add(client, {&context.spec, context.args}, keys, type,
               forever ? BlockedClients::kForever : now_ms + timeout_ms);
}

void Executor::ServeBlocked() {
  // In the middle of a transaction nobody else sees what there is.
  if (in_transaction()) return;
  std::vector<std::string> held;
  while (const std::optional<std::string> key = blocked_.TakeReady()) {
    if (!ServeBlockedOn(*key)) held.push_back(*key);
  }
  for (const std::string& key : held) blocked_.MarkReady(key);
  parts_.stats.calls.Stop();
}

bool Executor::ServeBlockedOn(std::string_view key) {
  while (const Entry* entry = parts_.keyspace.Find(key)) {
    Waiter* waiter = blocked_.First(key, entry->value.type());
    if (waiter == nullptr) break;
    Client& client = waiter->client;
    std::string refusal;
    const GateVerdict verdict = Judge(client, waiter->request(), &refusal);
    if (verdict == GateVerdict::kHold) return false;
    Unblock(client, [&](const Request& request) {
      if (verdict == GateVerdict::kExecute) {
        Call(client, request, &key);
      } else {
        Refuse(client, request.spec, verdict, refusal);
      }
    });
  }
  return true;
}

// `answer` writes the reply. What the client has sent since then is taken up later, since it must
// not run inside of another's request.
void Executor::Unblock(Client& client, absl::FunctionRef<void(const Request&)> answer) {
  const std::unique_ptr<Waiter> waiter = blocked_.Remove(client);
  client.when_unblocked = nullptr;
  const size_t reply_start = client.reply.size();
  answer(waiter->request());
  Finish(client, waiter->request().spec, reply_start);
  parts_.host.ResumeSoon(client.id);
}

void Executor::ExpireBlocked() {
  const int64_t now_ms = parts_.pause.now_ms();
  while (const Waiter* due = blocked_.FirstDue(now_ms)) {
    Client& client = due->client;
    blocked_.Remove(client);
    parts_.host.Resume(client.id, [](ReplyWriter& reply) { reply.NullArray(); });
  }
}

void Executor::RecheckBlocked() {
  if (gate_ == nullptr || !blocked_.any()) return;
  struct Redirect {
    Client& client;
    GateVerdict verdict;
    std::string text;
  };
  std::vector<Redirect> redirects;
  blocked_.ForEach([&](Waiter& waiter) {
    Client& client = waiter.client;
    const Request& request = waiter.request();
    const bool leased = client.leased_replies;
    std::string text;
    const GateVerdict verdict = AskGate(client, *request.spec, absl::MakeConstSpan(&request, 1),
                                        request.spec->flags, &text, /*waits=*/true);
    client.leased_replies = leased;
    if (verdict != GateVerdict::kRedirect && verdict != GateVerdict::kRefuse) return;
    redirects.push_back({client, verdict, std::move(text)});
  });
  for (const Redirect& redirect : redirects) {
    Unblock(redirect.client, [&redirect, this](const Request& request) {
      Refuse(redirect.client, request.spec, redirect.verdict, redirect.text);
    });
  }
}

void Executor::DisconnectBlocked() {
  std::vector<Client*> clients;
  blocked_.ForEach([&clients](Waiter& waiter) { clients.push_back(&waiter.client); });
  for (Client* client : clients) {
    client->close_after_reply = true;
    Unblock(*client, [client](const Request&) {
      ReplyWriter(&client->reply, client->protocol).Error(kUnblockedByRoleChange);
    });
  }
}

}  // namespace kv
