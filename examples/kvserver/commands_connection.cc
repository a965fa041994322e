// PING, ECHO, AUTH, HELLO and others about the connection itself.

#include <string>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void Ping(CommandContext& context) {
  if (context.args.size() > 2) return ReplyArityError(context);
  if (context.client.subscriptions != nullptr && !context.reply.resp3()) {
    // Like a message, to those who can only get messages.
    context.reply.Array(2);
    context.reply.Bulk("pong");
    context.reply.Bulk(context.args.size() == 1 ? std::string_view() : context.args[1]);
  } else if (context.args.size() == 1) {
    context.reply.Simple("PONG");
  } else {
    context.reply.Bulk(context.args[1]);
  }
}

void Echo(CommandContext& context) { context.reply.Bulk(context.args[1]); }

void Quit(CommandContext& context) {
  context.reply.Ok();
  context.client.close_after_reply = true;
}

void Select(CommandContext& context) {
  int64_t index = 0;
  if (!IntegerArg(context, context.args[1], &index)) return;
  if (context.config().cluster_enabled && index != 0) {
    return context.reply.Error("ERR SELECT is not allowed in cluster mode");
  }
  if (index != 0) return context.reply.Error("ERR DB index is out of range");
  context.reply.Ok();
}

bool CredentialsFit(const Config& config, std::string_view user, std::string_view password) {
  if (user != "default") return false;
  // Without a password the default user takes any.
  if (config.requirepass.empty()) return true;
  // Looks at each byte, so that the time does not tell how much was right.
  const std::string& expected = config.requirepass;
  unsigned difference = expected.size() == password.size() ? 0 : 1;
  for (size_t i = 0; i < password.size(); ++i) {
    const char want = expected[i % expected.size()];
    difference |= static_cast<unsigned char>(password[i] ^ want);
  }
  return difference == 0;
}

constexpr std::string_view kWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";

void Auth(CommandContext& context) {
  if (context.args.size() > 3) return ReplySyntaxError(context);
  if (context.args.size() == 2 && context.config().requirepass.empty()) {
    return context.reply.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are "
        "you sure your configuration is correct?");
  }
  const std::string_view user = context.args.size() == 3 ? context.args[1] : "default";
  if (!CredentialsFit(context.config(), user, context.args.back())) {
    return context.reply.Error(kWrongPass);
  }
  context.client.authenticated = true;
  context.reply.Ok();
}

struct HelloOptions {
  int64_t protocol = 0;  // 0: not given
  std::string_view user = {};
  std::string_view password = {};
  bool auth = false;
  std::string_view name = {};
  bool set_name = false;
};

bool ParseHello(CommandContext& context, HelloOptions* options) {
  const Args args = context.args;
  if (args.size() == 1) return true;
  if (!ParseInt(args[1], &options->protocol)) {
    context.reply.Error("ERR Protocol version is not an integer or out of range");
    return false;
  }
  if (options->protocol != 2 && options->protocol != 3) {
    context.reply.Error("NOPROTO unsupported protocol version");
    return false;
  }
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t left = args.size() - i - 1;
    if (EqualsIgnoreCase(args[i], "AUTH") && left >= 2) {
      options->auth = true;
      options->user = args[i + 1];
      options->password = args[i + 2];
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "SETNAME") && left >= 1) {
      options->set_name = true;
      options->name = args[++i];
      if (!IsValidName(options->name)) {
        context.reply.Error(
            "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
      }
    } else {
      std::string text = "ERR Syntax error in HELLO option '";
      context.reply.Error(text.append(args[i]).append("'"));
      return false;
    }
  }
  return true;
}

void Hello(CommandContext& context) {
  HelloOptions options;
  if (!ParseHello(context, &options)) return;
  Client& client = context.client;
  if (options.auth) {
    if (!CredentialsFit(context.config(), options.user, options.password)) {
      return context.reply.Error(kWrongPass);
    }
    client.authenticated = true;
  }
  if (context.executor.NeedsPassword(client)) {
    return context.reply.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (options.set_name) client.name = std::string(options.name);
  if (options.protocol != 0) client.protocol = static_cast<Protocol>(options.protocol);

  ReplyWriter reply(&client.reply, client.protocol);
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(static_cast<int64_t>(client.protocol));
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(client.id));
  reply.Bulk("mode");
  reply.Bulk(context.config().cluster_enabled ? "cluster" : "standalone");
  reply.Bulk("role");
  reply.Bulk(context.executor.replica() ? "replica" : "master");
  reply.Bulk("modules");
  reply.Array(0);
}

void Reset(CommandContext& context) {
  Client& client = context.client;
  DiscardTransaction(client);
  client.subscriptions.reset();
  client.monitoring.reset();
  client.protocol = Protocol::kResp2;
  client.reply_mode = ReplyMode::kOn;
  client.name.clear();
  client.no_evict = false;
  client.readonly = false;
  client.asking = false;
  client.authenticated = context.config().requirepass.empty();
  ReplyWriter(&client.reply, client.protocol).Simple("RESET");
}

// Browsers can be made to send requests here: such a connection gets no answer.
void RefuseHttp(CommandContext& context) {
  context.client.reply.clear();
  context.client.close_after_reply = true;
}

}  // namespace

void AddConnectionCommands(CommandTable& table) {
  constexpr uint32_t kAnyTime = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;
  // clang-format off
  const CommandSpec specs[] = {
      {"ping", -1, kFast | kSubscriber, kCatConnection, {}, Ping, "connection", "1.0.0",
       "Ping the server", {"request_policy:all_shards", "response_policy:all_succeeded"}},
      {"echo", 2, kLoading | kStale | kFast, kCatConnection, {}, Echo, "connection", "1.0.0",
       "Echo the given string"},
      {"quit", -1, kAnyTime | kNotQueued | kSubscriber, kCatConnection, {}, Quit, "connection",
       "1.0.0", "Close the connection"},
      {"select", 2, kLoading | kStale | kFast, kCatConnection, {}, Select, "connection", "1.0.0",
       "Change the selected database for the current connection"},
      {"auth", -2, kAnyTime, kCatConnection, {}, Auth, "connection", "1.0.0",
       "Authenticate to the server"},
      {"hello", -1, kAnyTime, kCatConnection, {}, Hello, "connection", "6.0.0",
       "Handshake with Redis"},
      {"reset", 1, kAnyTime | kNotQueued | kSubscriber, kCatConnection, {}, Reset, "connection",
       "6.2.0", "Reset the connection"},
      {"post", -1, kAnyTime | kHidden | kNotQueued, 0, {}, RefuseHttp},
      {"host:", -1, kAnyTime | kHidden | kNotQueued, 0, {}, RefuseHttp},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
