// CLIENT: what a connection is called, which there are, and how to close one.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"
#include "kvserver/transaction.h"
#include "kvserver/watch_table.h"

namespace kv {
namespace {

constexpr std::string_view kBadName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

std::string FlagsOf(const Client& client) {
  std::string flags;
  if (client.kind == ClientKind::kReplica) flags += 'S';
  if (client.kind == ClientKind::kPrimary) flags += 'M';
  if (client.monitoring != nullptr) flags += 'O';
  if (client.subscriptions != nullptr) flags += 'P';
  if (client.in_multi()) flags += 'x';
  if (client.blocked || client.held) flags += 'b';
  if (client.watch != nullptr && client.watch->Broken()) flags += 'd';
  if (client.close_after_reply) flags += 'c';
  if (client.readonly) flags += 'r';
  if (client.no_evict) flags += 'e';
  return flags.empty() ? "N" : flags;
}

// Null: of those with subscriptions, for which there is no kind.
std::optional<ClientKind> ListedKind(const Client& client) {
  if (client.kind == ClientKind::kNormal && client.subscriptions != nullptr) return std::nullopt;
  return client.kind;
}

std::string Describe(const Client& client, int64_t now_ms) {
  const size_t output = client.reply.size() + client.pending_output_bytes;
  const auto queued =
      client.in_multi() ? static_cast<int64_t>(client.transaction->queue.size()) : -1;
  const size_t queued_bytes = client.in_multi() ? client.transaction->queue.bytes() : 0;
  const Subscriptions* subscriptions = client.subscriptions.get();
  const auto names = [subscriptions](ChannelKind kind) {
    return subscriptions == nullptr ? 0 : subscriptions->names(kind).size();
  };
  const size_t subscribed_bytes = subscriptions == nullptr ? 0 : subscriptions->bytes();
  return absl::StrCat(
      "id=", client.id, " addr=", client.address, " laddr=", client.local_address,
      " fd=", client.fd, " name=", client.name, " age=", (now_ms - client.created_ms) / 1000,
      " idle=", (now_ms - client.last_active_ms) / 1000, " flags=", FlagsOf(client),
      " db=0 sub=", names(ChannelKind::kChannel), " psub=", names(ChannelKind::kPattern),
      " ssub=", names(ChannelKind::kShardChannel), " multi=", queued,
      " qbuf=", client.pending_input_bytes, " qbuf-free=0 argv-mem=", client.waiting_bytes,
      " multi-mem=", queued_bytes, " rbs=", client.reply.capacity(), " rbp=0 obl=", output,
      " oll=0 omem=", client.pending_output_bytes, " tot-mem=",
      sizeof(Client) + client.pending_input_bytes + client.waiting_bytes + queued_bytes +
          subscribed_bytes + client.reply.capacity() + client.pending_output_bytes,
      " events=", client.pending_output_bytes > 0 ? "rw" : "r",
      " cmd=", client.last_command == nullptr ? "NULL" : client.last_command->name,
      " user=default redir=-1 resp=", static_cast<int>(client.protocol),
      " lib-name=", client.library_name, " lib-ver=", client.library_version);
}

bool KindArg(CommandContext& context, std::string_view word, std::optional<ClientKind>* kind) {
  if (EqualsIgnoreCase(word, "normal")) {
    *kind = ClientKind::kNormal;
  } else if (EqualsIgnoreCase(word, "slave") || EqualsIgnoreCase(word, "replica")) {
    *kind = ClientKind::kReplica;
  } else if (EqualsIgnoreCase(word, "master")) {
    *kind = ClientKind::kPrimary;
  } else if (EqualsIgnoreCase(word, "pubsub")) {
    *kind = std::nullopt;
  } else {
    std::string text = "ERR Unknown client type '";
    context.reply.Error(text.append(word).append("'"));
    return false;
  }
  return true;
}

// Oldest first, as Redis lists them.
std::vector<Client*> AllClients(CommandContext& context) {
  std::vector<Client*> clients;
  context.host().ForEachClient([&clients](Client& client) { clients.push_back(&client); });
  std::sort(clients.begin(), clients.end(),
            [](const Client* a, const Client* b) { return a->id < b->id; });
  return clients;
}

void ClientList(CommandContext& context) {
  const Args args = context.args;
  std::vector<Client*> clients = AllClients(context);
  if (args.size() == 4 && EqualsIgnoreCase(args[2], "TYPE")) {
    std::optional<ClientKind> kind;
    if (!KindArg(context, args[3], &kind)) return;
    std::erase_if(clients, [kind](const Client* client) { return ListedKind(*client) != kind; });
  } else if (args.size() > 3 && EqualsIgnoreCase(args[2], "ID")) {
    const std::vector<Client*> all = std::exchange(clients, {});
    for (const std::string_view arg : args.subspan(3)) {
      int64_t id = 0;
      if (!ParseInt(arg, &id)) return context.reply.Error("ERR Invalid client ID");
      const auto found = std::lower_bound(
          all.begin(), all.end(), static_cast<ClientId>(id),
          [](const Client* client, ClientId wanted) { return client->id < wanted; });
      if (found != all.end() && (*found)->id == static_cast<ClientId>(id))
        clients.push_back(*found);
    }
  } else if (args.size() != 2) {
    return ReplySyntaxError(context);
  }
  std::string text;
  for (const Client* client : clients) {
    absl::StrAppend(&text, Describe(*client, context.keyspace.now_ms()), "\n");
  }
  context.reply.Verbatim(text);
}

void ClientInfo(CommandContext& context) {
  context.reply.Verbatim(Describe(context.client, context.keyspace.now_ms()) + "\n");
}

struct KillFilter {
  std::optional<ClientId> id = {};
  std::optional<std::string_view> address = {};
  std::optional<std::string_view> local_address = {};
  bool by_kind = false;
  std::optional<ClientKind> kind = {};
  bool skip_me = true;

  bool Matches(const Client& client, const Client& me) const {
    if (id.has_value() && client.id != *id) return false;
    if (address.has_value() && client.address != *address) return false;
    if (local_address.has_value() && client.local_address != *local_address) return false;
    if (by_kind && ListedKind(client) != kind) return false;
    return !(skip_me && &client == &me);
  }
};

bool ParseKillOption(CommandContext& context, std::string_view option, std::string_view value,
                     KillFilter* filter) {
  if (EqualsIgnoreCase(option, "ID")) {
    int64_t id = 0;
    if (!ParseInt(value, &id) || id < 1) {
      context.reply.Error("ERR client-id should be greater than 0");
      return false;
    }
    filter->id = static_cast<ClientId>(id);
  } else if (EqualsIgnoreCase(option, "TYPE")) {
    filter->by_kind = true;
    return KindArg(context, value, &filter->kind);
  } else if (EqualsIgnoreCase(option, "ADDR")) {
    filter->address = value;
  } else if (EqualsIgnoreCase(option, "LADDR")) {
    filter->local_address = value;
  } else if (EqualsIgnoreCase(option, "USER")) {
    if (value != "default") {
      std::string text = "ERR No such user '";
      context.reply.Error(text.append(value).append("'"));
      return false;
    }
  } else if (EqualsIgnoreCase(option, "SKIPME") &&
             (EqualsIgnoreCase(value, "yes") || EqualsIgnoreCase(value, "no"))) {
    filter->skip_me = EqualsIgnoreCase(value, "yes");
  } else {
    ReplySyntaxError(context);
    return false;
  }
  return true;
}

void ClientKill(CommandContext& context) {
  const Args args = context.args;
  KillFilter filter;
  const bool plain_address = args.size() == 3;  // the form that answers OK or an error
  if (plain_address) {
    filter.address = args[2];
    filter.skip_me = false;
  } else {
    if (args.size() % 2 != 0) return ReplySyntaxError(context);
    for (size_t i = 2; i < args.size(); i += 2) {
      if (!ParseKillOption(context, args[i], args[i + 1], &filter)) return;
    }
  }
  std::vector<ClientId> ids;
  context.host().ForEachClient([&](Client& client) {
    if (filter.Matches(client, context.client)) ids.push_back(client.id);
  });
  for (const ClientId id : ids) {
    if (id == context.client.id) {
      context.client.close_after_reply = true;
    } else {
      context.host().CloseClient(id);
    }
  }
  if (!plain_address) return context.reply.Integer(static_cast<int64_t>(ids.size()));
  if (ids.empty()) return context.reply.Error("ERR No such client");
  context.reply.Ok();
}

void ClientSetName(CommandContext& context) {
  if (!IsValidName(context.args[2])) return context.reply.Error(kBadName);
  context.client.name = std::string(context.args[2]);
  context.reply.Ok();
}

void ClientGetName(CommandContext& context) {
  if (context.client.name.empty()) return context.reply.Null();
  context.reply.Bulk(context.client.name);
}

void ClientSetInfo(CommandContext& context) {
  const std::string_view option = context.args[2];
  std::string* target = nullptr;
  if (EqualsIgnoreCase(option, "LIB-NAME")) target = &context.client.library_name;
  if (EqualsIgnoreCase(option, "LIB-VER")) target = &context.client.library_version;
  if (target == nullptr) {
    std::string text = "ERR Unrecognized option '";
    return context.reply.Error(text.append(option).append("'"));
  }
  if (!IsValidName(context.args[3])) {
    return context.reply.Error(absl::StrCat(
        "ERR ", ToLower(option), " cannot contain spaces, newlines or special characters."));
  }
  *target = std::string(context.args[3]);
  context.reply.Ok();
}

void ClientIdCommand(CommandContext& context) {
  context.reply.Integer(static_cast<int64_t>(context.client.id));
}

void ClientNoEvict(CommandContext& context) {
  const std::string_view word = context.args[2];
  const bool on = EqualsIgnoreCase(word, "on");
  if (!on && !EqualsIgnoreCase(word, "off")) return ReplySyntaxError(context);
  context.client.no_evict = on;
  context.reply.Ok();
}

void ClientReply(CommandContext& context) {
  const std::string_view word = context.args[2];
  if (EqualsIgnoreCase(word, "on")) {
    context.client.reply_mode = ReplyMode::kOn;
    context.reply.Ok();
  } else if (EqualsIgnoreCase(word, "off")) {
    context.client.reply_mode = ReplyMode::kOff;
  } else if (EqualsIgnoreCase(word, "skip")) {
    if (context.client.reply_mode != ReplyMode::kOff) {
      context.client.reply_mode = ReplyMode::kSkipNext;
    }
  } else {
    ReplySyntaxError(context);
  }
}

void ClientHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CACHING (YES|NO)",
      "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
      "GETREDIR",
      "    Return the client ID we are redirecting to when tracking is enabled.",
      "GETNAME",
      "    Return the name of the current connection.",
      "ID",
      "    Return the ID of the current connection.",
      "INFO",
      "    Return information about the current client connection.",
      "KILL <ip:port>",
      "    Kill connection made from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Kill connections. Options are:",
      "    * ADDR <ip:port>",
      "      Kill connections made from the specified address",
      "    * LADDR <ip:port>",
      "      Kill connections made to specified local address",
      "    * ID <client-id>",
      "      Kill the connection with that ID.",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Kill connections by type.",
      "    * USER <username>",
      "      Kill connections authenticated by <username>.",
      "    * SKIPME (YES|NO)",
      "      Skip killing current connection (default: yes).",
      "LIST [options ...]",
      "    Return information about client connections. Options:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Return clients of specified type.",
      "    * ID <client-id> [<client-id> [...]]",
      "      Return clients with those IDs.",
      "UNPAUSE",
      "    Stop the current client pause, resuming traffic.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Suspend all, or just write, clients for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Control the replies sent to the current connection.",
      "SETINFO (LIB-NAME|LIB-VER) <value>",
      "    Set information about the client library.",
      "SETNAME <name>",
      "    Assign the name <name> to the current connection.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    Unblock the specified blocked client.",
      "TRACKING OFF",
      "    Server assisted client side caching is not supported.",
      "TRACKINGINFO",
      "    Report tracking status for the current connection.",
      "NO-EVICT (ON|OFF)",
      "    Protect current client connection from eviction.",
      "HELP",
      "    Prints this help.",
  };
  ReplyHelp(context, kLines);
}

}  // namespace

void AddClientCommands(CommandTable& table) {
  constexpr uint32_t kPlain = kNoScript | kLoading | kStale;
  constexpr uint32_t kAdmins = kPlain | kAdmin;
  table.Add(
      Container("client", "connection", "2.4.0", "A container for client connection commands"));
  // clang-format off
  const CommandSpec specs[] = {
      {"client|id", 2, kPlain, kCatConnection, {}, ClientIdCommand, "connection", "5.0.0",
       "Returns the client ID for the current connection"},
      {"client|info", 2, kPlain, kCatConnection, {}, ClientInfo, "connection", "6.2.0",
       "Returns information about the current client connection.", {"nondeterministic_output"}},
      {"client|list", -2, kAdmins, kCatConnection, {}, ClientList, "connection", "2.4.0",
       "Get the list of client connections", {"nondeterministic_output"}},
      {"client|kill", -3, kAdmins, kCatConnection, {}, ClientKill, "connection", "2.4.0",
       "Kill the connection of a client"},
      {"client|setname", 3, kPlain, kCatConnection, {}, ClientSetName, "connection", "2.6.9",
       "Set the current connection name"},
      {"client|getname", 2, kPlain, kCatConnection, {}, ClientGetName, "connection", "2.6.9",
       "Get the current connection name"},
      {"client|setinfo", 4, kPlain, kCatConnection, {}, ClientSetInfo, "connection", "7.2.0",
       "Set client or connection specific info"},
      {"client|no-evict", 3, kAdmins, kCatConnection, {}, ClientNoEvict, "connection", "7.0.0",
       "Set client eviction mode for the current connection"},
      {"client|reply", 3, kPlain, kCatConnection, {}, ClientReply, "connection", "3.2.0",
       "Instruct the server whether to reply to commands"},
      {"client|help", 2, kLoading | kStale, kCatConnection, {}, ClientHelp, "connection", "5.0.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("client", spec);
}

}  // namespace kv
