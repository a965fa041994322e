#include "kvserver/command.h"

#include <utility>

#include "kvserver/text.h"

namespace kv {
namespace {

// Hash of a name without regard to case, from its size and three of its characters. Setting bit 5
// folds letters, and merges a few other characters, which only costs a comparison.
size_t NameHash(std::string_view name) {
  constexpr size_t kFold = 0x20;
  if (name.empty()) return 0;
  const auto at = [name](size_t i) { return static_cast<unsigned char>(name[i]) | kFold; };
  return name.size() + at(0) * 37 + at(name.size() / 2) * 101 + at(name.size() - 1) * 241;
}

}  // namespace

CommandTable::CommandTable() = default;

void CommandTable::Add(CommandSpec spec) {
  spec.index = next_index_++;
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
  spec.index = next_index_++;
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

Args CountedKeys(const KeyRange& keys, Args args) {
  const auto first = static_cast<size_t>(keys.count) + 1;
  int64_t count = 0;
  if (args.size() <= first || !ParseInt(args[first - 1], &count)) return {};
  if (count < 1 || static_cast<uint64_t>(count) > args.size() - first) return {};
  return args.subspan(first, static_cast<size_t>(count));
}

void AddAllCommands(CommandTable& table) {
  AddStringCommands(table);
  AddCounterCommands(table);
  AddDumpCommands(table);
  AddMigrateCommand(table);
  AddHashCommands(table);
  AddListCommands(table);
  AddListMoveCommands(table);
  AddSetCommands(table);
  AddSetAlgebraCommands(table);
  AddSortedSetCommands(table);
  AddSortedSetRangeCommands(table);
  AddSortedSetPopCommands(table);
  AddSortedSetAlgebraCommands(table);
  AddMemberScanCommands(table);
  AddRandomMemberCommands(table);
  AddBitmapCommands(table);
  AddBitFieldCommands(table);
  AddLcsCommand(table);
  AddCopyCommands(table);
  AddSortCommands(table);
  AddGenericCommands(table);
  AddScanCommands(table);
  AddExpireCommands(table);
  AddServerCommands(table);
  AddDebugCommands(table);
  AddConfigCommands(table);
  AddCommandCommands(table);
  AddConnectionCommands(table);
  AddTransactionCommands(table);
  AddScriptingCommands(table);
  AddClientCommands(table);
  AddClientControlCommands(table);
  AddClientTrackingCommands(table);
  AddPubSubCommands(table);
  AddClusterStubs(table);
}

}  // namespace kv
