#include "kvserver/watch_table.h"

#include <utility>

namespace kv {

void Watch::Add(std::string_view key) {
  // What comes too late to matter is not kept.
  if (touched_) return;
  auto found = table_.watchers_.find(key);
  if (found == table_.watchers_.end()) {
    found = table_.watchers_.emplace(key, std::vector<WatchTable::Watcher>()).first;
  }
  for (const WatchTable::Watcher& watcher : found->second) {
    if (watcher.watch == this) return;
  }
  found->second.push_back({this, table_.keyspace_.HasExpired(key)});
  keys_.push_back(found->first);
  bytes_ += sizeof(*found) + sizeof(WatchTable::Watcher) + key.size();
  table_.keyspace_.set_observer(&table_);
}

Watch::~Watch() {
  for (const std::string_view key : keys_) {
    const auto found = table_.watchers_.find(key);
    std::erase_if(found->second, [this](const auto& watcher) { return watcher.watch == this; });
    if (found->second.empty()) table_.watchers_.erase(found);
  }
  if (table_.watchers_.empty()) table_.keyspace_.set_observer(nullptr);
}

bool Watch::Broken() const {
  if (touched_) return true;
  // A key whose time is up counts as gone, whether or not somebody has deleted it.
  for (const std::string_view key : keys_) {
    for (const WatchTable::Watcher& watcher : table_.watchers_.find(key)->second) {
      if (watcher.watch == this && !watcher.expired && table_.keyspace_.HasExpired(key)) {
        return true;
      }
    }
  }
  return false;
}

void WatchTable::BeforeMaybeChange(std::string_view key) {
  if (watchers_.find(key) != watchers_.end()) uncertain_.emplace_back(key);
}

void WatchTable::BeforeChange(std::string_view key) {
  const auto found = watchers_.find(key);
  if (found != watchers_.end()) Touch(key, found->second);
}

void WatchTable::BeforeClear() {
  for (auto& [key, watchers] : watchers_) {
    if (keyspace_.Holds(key)) Touch(key, watchers);
  }
}

void WatchTable::Touch(std::string_view key, std::vector<Watcher>& watchers) {
  const bool only_goes = keyspace_.HasExpired(key);
  for (Watcher& watcher : watchers) {
    if (!std::exchange(watcher.expired, false) || !only_goes) watcher.watch->touched_ = true;
  }
}

void WatchTable::Settle(bool changed) {
  const std::vector<std::string> keys = std::exchange(uncertain_, {});
  if (!changed) return;
  for (const std::string& key : keys) BeforeChange(key);
}

}  // namespace kv
