#ifndef KVSERVER_COMMAND_H_
#define KVSERVER_COMMAND_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace kv {

struct CommandContext;
using Args = absl::Span<const std::string_view>;
using CommandHandler = void (*)(CommandContext&);
using KeyVisitor = absl::FunctionRef<void(std::string_view key)>;
using KeyFinder = void (*)(Args, KeyVisitor);

// Bits of CommandSpec::flags. The names in COMMAND's reply are Redis's.
enum CommandFlag : uint32_t {
  kWrite = 1u << 0,     // may change the data set: refused on replicas, propagated
  kReadonly = 1u << 1,  // reads keys and changes nothing
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubsub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,  // served while the data set is being loaded
  kStale = 1u << 8,    // served by a replica whose data is out of date
  kSkipSlowlog = 1u << 9,
  kAsking = 1u << 10,  // runs as if ASKING preceded it (the gate looks)
  kFast = 1u << 11,
  kNoAuth = 1u << 12,  // served before AUTH
  kNoAsyncLoading = 1u << 14,
  kNoMulti = 1u << 15,
  kAllowBusy = 1u << 16,
  kMovableKeys = 1u << 17,  // CommandSpec::find_keys tells where the keys are
  // Ours, not printed.
  kMayReplicate = 1u << 23,  // PUBLISH: not while writes are paused
  kKeepsAsking = 1u << 24,   // does not use up Client::asking
  kHidden = 1u << 25,        // not listed by COMMAND
  kNotQueued = 1u << 26,     // runs at once between MULTI and EXEC too
  kRunsQueued = 1u << 27,    // EXEC: has the keys and the flags of what was queued
  kDebugging = 1u << 28,     // only where enable-debug-command allows it
  kMigrates = 1u << 29,      // MIGRATE: runs where its slot is open too, whatever keys are here
  kSubscriber = 1u << 30,    // served to RESP2 clients with subscriptions, who get nothing else
};
// Commands that read or change the data set.
inline constexpr uint32_t kDataFlags = kWrite | kReadonly;

// Bits of CommandSpec::categories: those that Redis does not derive from the flags.
enum AclCategory : uint32_t {
  kCatKeyspace = 1u << 0,
  kCatString = 1u << 1,
  kCatDangerous = 1u << 2,
  kCatConnection = 1u << 3,
  kCatTransaction = 1u << 4,
  kCatAdmin = 1u << 5,
  kCatSet = 1u << 6,
  kCatList = 1u << 7,
  kCatHash = 1u << 8,
  kCatScripting = 1u << 9,
  kCatSortedSet = 1u << 10,
  kCatBitmap = 1u << 11,
};

// Keys of which COMMAND only says that there are some: where, in words, and how they are accessed.
struct UnknownKeys {
  std::string_view notes;
  std::string_view access;
};

// Which arguments are keys: `first`, `first + step`, ... up to `last`; a negative `last` counts
// from the end (-1 = the last argument). No keys if first is 0.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
  std::string_view access = {};         // blank-separated words of COMMAND's key specification
  std::string_view second_access = {};  // of the second key, where it differs (RENAME)
  std::string_view notes = {};
  std::string_view keyword = {};         // more keys follow it, up to the end (MIGRATE)
  std::string_view keyword_access = {};  // of these
  // The position of the argument that says how many keys follow it. What comes first may be another
  // one; then these have the second access.
  int count = 0;
  absl::Span<const UnknownKeys> unknown = {};

  // They are routed as keys are, but name no values: channels.
  bool are_channels() const { return access == kNotKeys; }
  static constexpr std::string_view kNotKeys = "not_key";
};

struct CommandSpec {
  std::string name;  // lower case; a subcommand's is "container|sub"
  int arity = 1;     // counts the name, and a subcommand's name; negative = at least that many
  uint32_t flags = 0;
  uint32_t categories = 0;
  KeyRange keys = {};
  CommandHandler handler = nullptr;  // null for a container
  std::string_view group = {};       // for COMMAND DOCS
  std::string_view since = {};
  std::string_view summary = {};
  std::vector<std::string_view> tips = {};
  std::vector<CommandSpec> subcommands = {};
  KeyFinder find_keys = nullptr;  // instead of `keys`, which then only describes
  size_t index = 0;               // set by CommandTable: a small number of its own

  bool ArityFits(size_t args) const {
    return arity >= 0 ? args == static_cast<size_t>(arity) : args >= static_cast<size_t>(-arity);
  }
  bool has_keys() const { return keys.first != 0 || keys.count != 0; }
};

// A request whose command was found and whose arity was checked. `args` begin with the name.
struct Request {
  const CommandSpec* spec = nullptr;  // the subcommand's, where there is one
  Args args;
};

// The keys that an argument counts; none if the number makes no sense.
Args CountedKeys(const KeyRange& keys, Args args);

// Calls `visit(std::string_view key)` for each key of such a request.
template <typename Visitor>
void ForEachKey(const CommandSpec& spec, Args args, Visitor visit) {
  if (!spec.has_keys()) return;
  if (spec.find_keys != nullptr) {
    return spec.find_keys(args, visit);
  }
  if (spec.keys.count != 0) {
    const Args counted = CountedKeys(spec.keys, args);
    if (!counted.empty() && spec.keys.first != 0) visit(args[spec.keys.first]);
    for (const std::string_view key : counted) visit(key);
    return;
  }
  const int size = static_cast<int>(args.size());
  const int last = spec.keys.last < 0 ? size + spec.keys.last : spec.keys.last;
  for (int i = spec.keys.first; i <= last && i < size; i += spec.keys.step) visit(args[i]);
}

// The usual ranges; the words describe the access, see KeyRange.
constexpr KeyRange OneKey(std::string_view access, std::string_view notes = {}) {
  return {1, 1, 1, access, {}, notes};
}
constexpr KeyRange AllKeys(std::string_view access, int step = 1) { return {1, -1, step, access}; }

// Of two keys, the second with an access of its own.
constexpr KeyRange TwoKeys(std::string_view access, std::string_view second_access) {
  return {1, 2, 1, access, second_access};
}
// As many keys as an argument says, behind it.
constexpr KeyRange CountedKeys(std::string_view access, int count = 1) {
  KeyRange keys = {0, 0, 0, access};
  keys.count = count;
  return keys;
}
// A key, and as many more as the argument behind it says.
constexpr KeyRange KeyAndCountedKeys(std::string_view access, std::string_view counted_access) {
  KeyRange keys = {1, 1, 1, access, counted_access};
  keys.count = 2;
  return keys;
}

// A command that only holds subcommands.
inline CommandSpec Container(std::string name, std::string_view group, std::string_view since,
                             std::string_view summary) {
  return {std::move(name), -2, 0, 0, {}, nullptr, group, since, summary};
}

// A subcommand of DEBUG. Others than those of containers, they are no commands of their own:
// COMMAND and INFO know DEBUG only.
struct DebugCommand {
  std::string_view name;  // upper case
  int arity = 2;          // as of a CommandSpec: counts DEBUG and the name
  CommandHandler handler = nullptr;
  std::string_view arguments = {};          // "<key> [<key> ...]"
  std::vector<std::string_view> help = {};  // lines
};

// All commands by name. Filled before the server starts; then read only, data thread only.
class CommandTable {
 public:
  CommandTable();

  // Adds a command, or replaces the one of that name: the cluster half overrides CLUSTER, WAIT,
  // READONLY and others this way. Pointers to other specs stay valid.
  void Add(CommandSpec spec);
  // Adds or replaces a subcommand ("container|sub") of a known container.
  void AddSubcommand(std::string_view container, CommandSpec spec);
  void AddDebug(DebugCommand command) { debug_commands_.push_back(std::move(command)); }

  // Ignores case. Null if unknown.
  const CommandSpec* Find(std::string_view name) const;
  // Finds `name` ("sub", without the container) in a container's subcommands.
  static const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view name);

  // In order of registration.
  const std::deque<CommandSpec>& all() const { return specs_; }
  const std::vector<DebugCommand>& debug_commands() const { return debug_commands_; }

 private:
  // Open addressing, at most a quarter full, so most lookups cost one comparison.
  static constexpr size_t kBuckets = 1024;

  std::deque<CommandSpec> specs_;
  std::vector<DebugCommand> debug_commands_;
  size_t next_index_ = 0;
  std::array<const CommandSpec*, kBuckets> buckets_ = {};
};

// The commands of the stand-alone server, one function per file commands_*.cc.
void AddStringCommands(CommandTable& table);
void AddCounterCommands(CommandTable& table);
void AddDumpCommands(CommandTable& table);
void AddMigrateCommand(CommandTable& table);
void AddHashCommands(CommandTable& table);
void AddListCommands(CommandTable& table);
void AddListMoveCommands(CommandTable& table);
void AddSetCommands(CommandTable& table);
void AddSetAlgebraCommands(CommandTable& table);
void AddSortedSetCommands(CommandTable& table);
void AddSortedSetRangeCommands(CommandTable& table);
void AddSortedSetPopCommands(CommandTable& table);
void AddSortedSetAlgebraCommands(CommandTable& table);
void AddMemberScanCommands(CommandTable& table);
void AddRandomMemberCommands(CommandTable& table);
void AddBitmapCommands(CommandTable& table);
void AddBitFieldCommands(CommandTable& table);
void AddLcsCommand(CommandTable& table);
void AddCopyCommands(CommandTable& table);
void AddSortCommands(CommandTable& table);
void AddGenericCommands(CommandTable& table);
void AddScanCommands(CommandTable& table);
void AddExpireCommands(CommandTable& table);
void AddServerCommands(CommandTable& table);
void AddPersistenceCommands(CommandTable& table);
void AddDebugCommands(CommandTable& table);
void AddConfigCommands(CommandTable& table);
void AddCommandCommands(CommandTable& table);
void AddConnectionCommands(CommandTable& table);
void AddTransactionCommands(CommandTable& table);
void AddScriptingCommands(CommandTable& table);
void AddClientCommands(CommandTable& table);
void AddClientControlCommands(CommandTable& table);
void AddClientTrackingCommands(CommandTable& table);
void AddPubSubCommands(CommandTable& table);
void AddClusterStubs(CommandTable& table);  // what a server without cluster support answers
void AddAllCommands(CommandTable& table);

}  // namespace kv

#endif  // KVSERVER_COMMAND_H_
