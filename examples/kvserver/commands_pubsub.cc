// SUBSCRIBE, PUBLISH and their relatives for patterns and shard channels; PUBSUB.

#include <optional>
#include <string>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/glob.h"
#include "kvserver/pubsub.h"

namespace kv {
namespace {

template <ChannelKind kKind>
void Subscribe(CommandContext& context) {
  Client& client = context.client;
  const Args names = context.args.subspan(1);
  if (kKind == ChannelKind::kShardChannel && client.in_exec()) {
    return context.reply.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  }
  size_t bytes = client.subscriptions == nullptr ? 0 : client.subscriptions->bytes();
  for (const std::string_view name : names) bytes += Subscriptions::CostOf(name);
  if (bytes > static_cast<size_t>(context.config().client_query_buffer_limit)) {
    return context.reply.Error("ERR the subscriptions exceed client-query-buffer-limit");
  }
  for (const std::string_view name : names) {
    client.Push(context.executor.pubsub().Subscribe(client, kKind, name));
  }
}

template <ChannelKind kKind>
void Unsubscribe(CommandContext& context) {
  Client& client = context.client;
  std::vector<std::string> all;
  Args names = context.args.subspan(1);
  std::vector<std::string_view> views;
  if (names.empty() && client.subscriptions != nullptr) {
    const Subscriptions::Names& own = client.subscriptions->names(kKind);
    all.assign(own.begin(), own.end());
    views.assign(all.begin(), all.end());
    names = views;
  }
  if (names.empty()) client.Push(PubSub::Unsubscribe(client, kKind, std::nullopt));
  for (const std::string_view name : names) client.Push(PubSub::Unsubscribe(client, kKind, name));
}

template <ChannelKind kKind>
void Publish(CommandContext& context) {
  const size_t receivers =
      context.executor.pubsub().Deliver(kKind, context.args[1], context.args[2]);
  if (MessageRelay* relay = context.executor.message_relay()) {
    relay->Relay(kKind, context.args[1], context.args[2]);
  }
  context.reply.Integer(static_cast<int64_t>(receivers));
}

// What a relay sends to another node. It waits for no answer, so it gets none.
template <ChannelKind kKind>
void DeliverHere(CommandContext& context) {
  context.executor.pubsub().Deliver(kKind, context.args[1], context.args[2]);
}

template <ChannelKind kKind>
void ListChannels(CommandContext& context) {
  if (context.args.size() > 3) return ReplySubcommandError(context);
  std::vector<std::string_view> names;
  context.executor.pubsub().ForEachName(kKind, [&](std::string_view name) {
    if (context.args.size() == 2 || GlobMatches(context.args[2], name)) names.push_back(name);
  });
  context.reply.Array(names.size());
  for (const std::string_view name : names) context.reply.Bulk(name);
}

template <ChannelKind kKind>
void CountSubscribers(CommandContext& context) {
  const Args names = context.args.subspan(2);
  context.reply.Array(2 * names.size());
  for (const std::string_view name : names) {
    context.reply.Bulk(name);
    context.reply.Integer(
        static_cast<int64_t>(context.executor.pubsub().CountSubscribers(kKind, name)));
  }
}

void CountPatterns(CommandContext& context) {
  context.reply.Integer(
      static_cast<int64_t>(context.executor.pubsub().CountNames(ChannelKind::kPattern)));
}

void PubSubHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CHANNELS [<pattern>]",
      "    Return the currently active channels matching a <pattern> (default: '*').",
      "NUMPAT",
      "    Return number of subscriptions to patterns.",
      "NUMSUB [<channel> ...]",
      "    Return the number of subscribers for the specified channels, excluding",
      "    pattern subscriptions(default: no channels).",
      "SHARDCHANNELS [<pattern>]",
      "    Return the currently active shard level channels matching a <pattern> (default: '*').",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Return the number of subscribers for the specified shard level channel(s)",
      "HELP",
      "    Prints this help.",
  };
  ReplyHelp(context, kLines);
}

}  // namespace

void AddPubSubCommands(CommandTable& table) {
  constexpr ChannelKind kChannel = ChannelKind::kChannel;
  constexpr ChannelKind kPattern = ChannelKind::kPattern;
  constexpr ChannelKind kShard = ChannelKind::kShardChannel;
  constexpr uint32_t kAsk = kPubsub | kLoading | kStale;
  constexpr uint32_t kListen = kAsk | kNoScript | kSubscriber;
  constexpr uint32_t kSend = kAsk | kFast | kMayReplicate;
  constexpr KeyRange kShardChannels = AllKeys(KeyRange::kNotKeys);
  // clang-format off
  const CommandSpec specs[] = {
      {"subscribe", -2, kListen, 0, {}, Subscribe<kChannel>, "pubsub", "2.0.0",
       "Listen for messages published to the given channels"},
      {"unsubscribe", -1, kListen, 0, {}, Unsubscribe<kChannel>, "pubsub", "2.0.0",
       "Stop listening for messages posted to the given channels"},
      {"psubscribe", -2, kListen, 0, {}, Subscribe<kPattern>, "pubsub", "2.0.0",
       "Listen for messages published to channels matching the given patterns"},
      {"punsubscribe", -1, kListen, 0, {}, Unsubscribe<kPattern>, "pubsub", "2.0.0",
       "Stop listening for messages posted to channels matching the given patterns"},
      {"ssubscribe", -2, kListen, 0, kShardChannels, Subscribe<kShard>, "pubsub", "7.0.0",
       "Listen for messages published to the given shard channels"},
      {"sunsubscribe", -1, kListen, 0, kShardChannels, Unsubscribe<kShard>, "pubsub",
       "7.0.0", "Stop listening for messages posted to the given shard channels"},
      {"publish", 3, kSend, 0, {}, Publish<kChannel>, "pubsub", "2.0.0",
       "Post a message to a channel"},
      {"spublish", 3, kSend, 0, OneKey(KeyRange::kNotKeys), Publish<kShard>, "pubsub",
       "7.0.0", "Post a message to a shard channel"},
      {"publish-local", 3, kAsk | kHidden | kNoMulti, 0, {}, DeliverHere<kChannel>},
      {"spublish-local", 3, kAsk | kHidden | kNoMulti, 0, {}, DeliverHere<kShard>},
  };
  for (const CommandSpec& spec : specs) table.Add(spec);
  table.Add(Container("pubsub", "pubsub", "2.8.0", "A container for Pub/Sub commands"));
  const CommandSpec subcommands[] = {
      {"pubsub|channels", -2, kAsk, 0, {}, ListChannels<kChannel>, "pubsub", "2.8.0",
       "List active channels"},
      {"pubsub|numpat", 2, kAsk, 0, {}, CountPatterns, "pubsub", "2.8.0",
       "Get the count of unique patterns pattern subscriptions"},
      {"pubsub|numsub", -2, kAsk, 0, {}, CountSubscribers<kChannel>, "pubsub", "2.8.0",
       "Get the count of subscribers for channels"},
      {"pubsub|shardchannels", -2, kAsk, 0, {}, ListChannels<kShard>, "pubsub", "7.0.0",
       "List active shard channels"},
      {"pubsub|shardnumsub", -2, kAsk, 0, {}, CountSubscribers<kShard>, "pubsub", "7.0.0",
       "Get the count of subscribers for shard channels"},
      {"pubsub|help", 2, kLoading | kStale, 0, {}, PubSubHelp, "pubsub", "6.2.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : subcommands) table.AddSubcommand("pubsub", spec);
}

}  // namespace kv
