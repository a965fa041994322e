#ifndef KVSERVER_PUBSUB_H_
#define KVSERVER_PUBSUB_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "clusterkit/slot.h"
#include "kvserver/key_hash.h"

namespace kv {

class Host;
class PubSub;
struct Client;

enum class ChannelKind : uint8_t { kChannel, kPattern, kShardChannel };

// What one client is subscribed to, and if it is nothing, there is none. Ends with it.
class Subscriptions {
 public:
  using Names = std::set<std::string_view>;

  Subscriptions(PubSub& pubsub, Client& client) : pubsub_(pubsub), client_(client) {}
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  // Nothing happens if it is so already.
  void Add(ChannelKind kind, std::string_view name);
  void Remove(ChannelKind kind, std::string_view name);

  // Valid until they are removed.
  const Names& names(ChannelKind kind) const { return names_[static_cast<size_t>(kind)]; }
  // As answers tell it: channels and patterns together, shard channels apart.
  size_t Count(ChannelKind kind) const;
  bool empty() const { return bytes_ == 0; }
  // What they cost, and what one costs.
  size_t bytes() const { return bytes_; }
  static size_t CostOf(std::string_view name);

 private:
  PubSub& pubsub_;
  Client& client_;
  std::array<Names, 3> names_;
  size_t bytes_ = 0;
};

// Who of this node's clients is subscribed to what. Data thread only.
class PubSub {
 public:
  explicit PubSub(Host& host) : host_(host) {}
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  // Changes what a client is subscribed to; returns what is to be pushed to it about that. Without
  // a name nothing is changed.
  std::string Subscribe(Client& client, ChannelKind kind, std::string_view name);
  static std::string Unsubscribe(Client& client, ChannelKind kind,
                                 std::optional<std::string_view> name);

  // Gives a message to the subscribers that are here; returns to how many. Not for patterns, which
  // are looked at for each channel.
  size_t Deliver(ChannelKind kind, std::string_view channel, std::string_view message);
  // Ends the subscriptions to shard channels in slots that are `lost`, and tells their subscribers.
  void DropShardChannels(absl::FunctionRef<bool(clusterkit::SlotId)> lost);

  // Those that have a subscriber.
  size_t CountNames(ChannelKind kind) const;
  void ForEachName(ChannelKind kind, absl::FunctionRef<void(std::string_view)> visit) const;
  size_t CountSubscribers(ChannelKind kind, std::string_view name) const;

 private:
  friend class Subscriptions;

  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return KeyHash(name); }
  };
  using Subscribers = absl::flat_hash_set<Client*>;
  using Names = std::unordered_map<std::string, Subscribers, NameHash, std::equal_to<>>;
  // One group for all channels, one for all patterns; shard channels by slot, because they go with
  // their slot.
  using Groups = std::map<int, Names>;

  static int GroupOf(ChannelKind kind, std::string_view name);
  // The groups of a kind.
  std::pair<Groups::const_iterator, Groups::const_iterator> GroupsOf(ChannelKind kind) const;
  const Subscribers* Find(ChannelKind kind, std::string_view name) const;
  size_t Push(const Subscribers& subscribers, std::initializer_list<std::string_view> words);

  Host& host_;
  Groups groups_;
};

}  // namespace kv

#endif  // KVSERVER_PUBSUB_H_
