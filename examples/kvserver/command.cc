#include "kvserver/command.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kvserver/text.h"

namespace kv {
namespace {

// Hash of a name without regard to case: setting bit 5 folds letters, and merges a few other
// characters, which only costs a comparison.
size_t NameHash(std::string_view name) {
  uint64_t hash = name.size();
  for (size_t i = 0; i < name.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, name.data() + i, std::min<size_t>(8, name.size() - i));
    hash = (hash ^ (word | 0x2020202020202020u)) * 0x9e3779b97f4a7c15u;
  }
  return static_cast<size_t>(hash >> 40);
}

}  // namespace

CommandTable::CommandTable() = default;

void CommandTable::Add(CommandSpec spec) {
  size_t bucket = NameHash(spec.name) % kBuckets;
  for (; buckets_[bucket] != nullptr; bucket = (bucket + 1) % kBuckets) {
    if (buckets_[bucket]->name == spec.name) {
      const_cast<CommandSpec&>(*buckets_[bucket]) = std::move(spec);
      return;
    }
  }
  specs_.push_back(std::move(spec));
  buckets_[bucket] = &specs_.back();
}

void CommandTable::AddSubcommand(std::string_view container, CommandSpec spec) {
  for (CommandSpec& parent : specs_) {
    if (parent.name != container) continue;
    for (CommandSpec& known : parent.subcommands) {
      if (known.name == spec.name) {
        known = std::move(spec);
        return;
      }
    }
    parent.subcommands.push_back(std::move(spec));
    return;
  }
}

const CommandSpec* CommandTable::Find(std::string_view name) const {
  constexpr size_t kMaxName = 64;
  if (name.size() > kMaxName) return nullptr;
  for (size_t bucket = NameHash(name) % kBuckets; buckets_[bucket] != nullptr;
       bucket = (bucket + 1) % kBuckets) {
    if (EqualsIgnoreCase(buckets_[bucket]->name, name)) return buckets_[bucket];
  }
  return nullptr;
}

const CommandSpec* CommandTable::FindSubcommand(const CommandSpec& container,
                                                std::string_view name) {
  for (const CommandSpec& spec : container.subcommands) {
    const std::string_view sub = std::string_view(spec.name).substr(container.name.size() + 1);
    if (EqualsIgnoreCase(sub, name)) return &spec;
  }
  return nullptr;
}

void AddAllCommands(CommandTable& table) {
  AddStringCommands(table);
  AddCounterCommands(table);
  AddGenericCommands(table);
  AddScanCommands(table);
  AddExpireCommands(table);
  AddServerCommands(table);
  AddConfigCommands(table);
  AddCommandCommands(table);
  AddConnectionCommands(table);
  AddClientCommands(table);
  AddClusterStubs(table);
}

}  // namespace kv
