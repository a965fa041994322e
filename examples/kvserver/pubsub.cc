#include "kvserver/pubsub.h"

#include <utility>
#include <vector>

#include "kvserver/executor.h"
#include "kvserver/glob.h"

namespace kv {
namespace {

constexpr int kChannelGroup = -2;
constexpr int kPatternGroup = -1;
constexpr int kShardGroups = 0;  // and up

std::string AnswerTo(const Client& client, ChannelKind kind, std::string_view word,
                     std::optional<std::string_view> name) {
  constexpr std::string_view kPrefixes[] = {"", "p", "s"};
  std::string bytes;
  ReplyWriter reply(&bytes, client.protocol);
  reply.Push(3);
  reply.Bulk(std::string(kPrefixes[static_cast<size_t>(kind)]).append(word));
  if (name.has_value()) {
    reply.Bulk(*name);
  } else {
    reply.Null();
  }
  const Subscriptions* all = client.subscriptions.get();
  reply.Integer(all == nullptr ? 0 : static_cast<int64_t>(all->Count(kind)));
  return bytes;
}

}  // namespace

// --- Of one client -------------------------------------------------------------------------------

Subscriptions::~Subscriptions() {
  for (const auto kind :
       {ChannelKind::kChannel, ChannelKind::kPattern, ChannelKind::kShardChannel}) {
    while (!names(kind).empty()) Remove(kind, *names(kind).begin());
  }
}

// The name is kept once for all; what else there is for one, roughly.
size_t Subscriptions::CostOf(std::string_view name) {
  constexpr size_t kNodes = 200;
  return kNodes + name.size();
}

size_t Subscriptions::Count(ChannelKind kind) const {
  if (kind == ChannelKind::kShardChannel) return names(kind).size();
  return names(ChannelKind::kChannel).size() + names(ChannelKind::kPattern).size();
}

void Subscriptions::Add(ChannelKind kind, std::string_view name) {
  PubSub::Names& group = pubsub_.groups_[PubSub::GroupOf(kind, name)];
  auto found = group.find(name);
  if (found == group.end()) found = group.emplace(name, PubSub::Subscribers()).first;
  if (!found->second.insert(&client_).second) return;
  names_[static_cast<size_t>(kind)].insert(found->first);
  bytes_ += CostOf(name);
}

void Subscriptions::Remove(ChannelKind kind, std::string_view name) {
  if (names_[static_cast<size_t>(kind)].erase(name) == 0) return;
  bytes_ -= CostOf(name);
  const auto group = pubsub_.groups_.find(PubSub::GroupOf(kind, name));
  const auto found = group->second.find(name);
  found->second.erase(&client_);
  if (found->second.empty()) group->second.erase(found);
  if (group->second.empty()) pubsub_.groups_.erase(group);
}

// --- Of all --------------------------------------------------------------------------------------

int PubSub::GroupOf(ChannelKind kind, std::string_view name) {
  if (kind == ChannelKind::kChannel) return kChannelGroup;
  if (kind == ChannelKind::kPattern) return kPatternGroup;
  return kShardGroups + clusterkit::SlotForKey(name).value;
}

std::pair<PubSub::Groups::const_iterator, PubSub::Groups::const_iterator> PubSub::GroupsOf(
    ChannelKind kind) const {
  if (kind == ChannelKind::kShardChannel) {
    return {groups_.lower_bound(kShardGroups), groups_.end()};
  }
  return groups_.equal_range(GroupOf(kind, {}));
}

const PubSub::Subscribers* PubSub::Find(ChannelKind kind, std::string_view name) const {
  const auto group = groups_.find(GroupOf(kind, name));
  if (group == groups_.end()) return nullptr;
  const auto found = group->second.find(name);
  return found == group->second.end() ? nullptr : &found->second;
}

std::string PubSub::Subscribe(Client& client, ChannelKind kind, std::string_view name) {
  if (client.subscriptions == nullptr) {
    client.subscriptions = std::make_unique<Subscriptions>(*this, client);
  }
  client.subscriptions->Add(kind, name);
  return AnswerTo(client, kind, "subscribe", name);
}

std::string PubSub::Unsubscribe(Client& client, ChannelKind kind,
                                std::optional<std::string_view> name) {
  if (name.has_value() && client.subscriptions != nullptr) {
    client.subscriptions->Remove(kind, *name);
    if (client.subscriptions->empty()) client.subscriptions.reset();
  }
  return AnswerTo(client, kind, "unsubscribe", name);
}

size_t PubSub::Push(const Subscribers& subscribers, std::initializer_list<std::string_view> words) {
  std::string bytes;
  ReplyWriter push(&bytes, Protocol::kResp3);
  push.Push(words.size());
  for (const std::string_view word : words) push.Bulk(word);
  for (const Client* client : subscribers) {
    bytes[0] = client->protocol == Protocol::kResp3 ? '>' : '*';
    host_.Push(client->id, bytes);
  }
  return subscribers.size();
}

size_t PubSub::Deliver(ChannelKind kind, std::string_view channel, std::string_view message) {
  const bool sharded = kind == ChannelKind::kShardChannel;
  size_t receivers = 0;
  if (const Subscribers* subscribers = Find(kind, channel)) {
    receivers += Push(*subscribers, {sharded ? "smessage" : "message", channel, message});
  }
  const auto patterns = groups_.find(kPatternGroup);
  if (sharded || patterns == groups_.end()) return receivers;
  for (const auto& [pattern, subscribers] : patterns->second) {
    if (!GlobMatches(pattern, channel)) continue;
    receivers += Push(subscribers, {"pmessage", pattern, channel, message});
  }
  return receivers;
}

void PubSub::DropShardChannels(absl::FunctionRef<bool(clusterkit::SlotId)> lost) {
  std::vector<std::pair<std::string, Client*>> dropped;
  for (auto group = groups_.lower_bound(kShardGroups); group != groups_.end(); ++group) {
    if (!lost({static_cast<uint16_t>(group->first - kShardGroups)})) continue;
    for (const auto& [name, subscribers] : group->second) {
      for (Client* client : subscribers) dropped.emplace_back(name, client);
    }
  }
  for (const auto& [name, client] : dropped) {
    host_.Push(client->id, Unsubscribe(*client, ChannelKind::kShardChannel, name));
  }
}

size_t PubSub::CountNames(ChannelKind kind) const {
  size_t count = 0;
  const auto [first, last] = GroupsOf(kind);
  for (auto group = first; group != last; ++group) count += group->second.size();
  return count;
}

void PubSub::ForEachName(ChannelKind kind, absl::FunctionRef<void(std::string_view)> visit) const {
  const auto [first, last] = GroupsOf(kind);
  for (auto group = first; group != last; ++group) {
    for (const auto& [name, subscribers] : group->second) visit(name);
  }
}

size_t PubSub::CountSubscribers(ChannelKind kind, std::string_view name) const {
  const Subscribers* subscribers = Find(kind, name);
  return subscribers == nullptr ? 0 : subscribers->size();
}

}  // namespace kv
