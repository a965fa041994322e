#ifndef KVSERVER_WATCH_TABLE_H_
#define KVSERVER_WATCH_TABLE_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kvserver/keyspace.h"

namespace kv {

class WatchTable;

// The keys that one client watches. Forgets them when it is destroyed.
class Watch {
 public:
  explicit Watch(WatchTable& table) : table_(table) {}
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void Add(std::string_view key);
  // Whether a key was changed, or has expired, since it was added.
  bool Broken() const;
  // Of the keys, and what keeping them costs.
  size_t bytes() const { return bytes_; }

 private:
  friend class WatchTable;

  WatchTable& table_;
  std::vector<std::string_view> keys_;  // in the table
  size_t bytes_ = 0;
  bool touched_ = false;
};

// WATCH: who is to know which keys change. Hears of every change from the keyspace, so it does not
// matter who makes it: a client, the primary's stream, expiry, the loss of a slot.
class WatchTable final : private Keyspace::Observer {
 public:
  explicit WatchTable(Keyspace& keyspace) : keyspace_(keyspace) {}
  WatchTable(const WatchTable&) = delete;
  WatchTable& operator=(const WatchTable&) = delete;

  // At the end of a command. If it changed nothing, the entries that it took hold of to change
  // them are as they were.
  void EndCommand(bool changed) {
    if (!uncertain_.empty()) Settle(changed);
  }

 private:
  friend class Watch;

  struct Watcher {
    Watch* watch;
    // The key was there, but past its time, when it was added: that it goes is no change.
    bool expired;
  };
  using Watchers = std::map<std::string, std::vector<Watcher>, std::less<>>;

  void BeforeMaybeChange(std::string_view key) override;
  void BeforeChange(std::string_view key) override;
  void BeforeClear() override;
  void Touch(std::string_view key, std::vector<Watcher>& watchers);
  void Settle(bool changed);

  Keyspace& keyspace_;
  Watchers watchers_;
  std::vector<std::string> uncertain_;  // watched keys that the command at work may change
};

}  // namespace kv

#endif  // KVSERVER_WATCH_TABLE_H_
