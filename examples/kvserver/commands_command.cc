// COMMAND: what commands there are, for clients that route by key position.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "kvserver/command_util.h"
#include "kvserver/glob.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// In the order in which Redis prints them.
constexpr std::pair<uint32_t, std::string_view> kFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubsub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kAllowBusy, "allow_busy"},
    {kMovableKeys, "movablekeys"},
};

using Words = std::vector<std::string_view>;

Words FlagsOf(const CommandSpec& spec) {
  Words words;
  for (const auto& [bit, name] : kFlagNames) {
    if ((spec.flags & bit) != 0) words.push_back(name);
  }
  return words;
}

// As in Redis, most categories follow from the flags.
Words CategoriesOf(const CommandSpec& spec) {
  const bool admin = (spec.flags & kAdmin) != 0 || (spec.categories & kCatAdmin) != 0;
  const bool dangerous = (spec.flags & kAdmin) != 0 || (spec.categories & kCatDangerous) != 0;
  Words words;
  if ((spec.categories & kCatKeyspace) != 0) words.push_back("@keyspace");
  if ((spec.flags & kReadonly) != 0) words.push_back("@read");
  if ((spec.flags & kWrite) != 0) words.push_back("@write");
  if ((spec.categories & kCatSet) != 0) words.push_back("@set");
  if ((spec.categories & kCatSortedSet) != 0) words.push_back("@sortedset");
  if ((spec.categories & kCatList) != 0) words.push_back("@list");
  if ((spec.categories & kCatHash) != 0) words.push_back("@hash");
  if ((spec.categories & kCatString) != 0) words.push_back("@string");
  if ((spec.categories & kCatBitmap) != 0) words.push_back("@bitmap");
  if ((spec.flags & kPubsub) != 0) words.push_back("@pubsub");
  if (admin) words.push_back("@admin");
  words.push_back((spec.flags & kFast) != 0 ? "@fast" : "@slow");
  if ((spec.flags & kBlocking) != 0) words.push_back("@blocking");
  if (dangerous) words.push_back("@dangerous");
  if ((spec.categories & kCatConnection) != 0) words.push_back("@connection");
  if ((spec.categories & kCatTransaction) != 0) words.push_back("@transaction");
  if ((spec.categories & kCatScripting) != 0) words.push_back("@scripting");
  return words;
}

void WriteSimpleSet(ReplyWriter& reply, const Words& words) {
  reply.Set(words.size());
  for (const std::string_view word : words) reply.Simple(word);
}

void WriteBulkPair(ReplyWriter& reply, std::string_view first, std::string_view second) {
  reply.Bulk(first);
  reply.Bulk(second);
}

// One key specification: where keys begin, and how many follow.
struct KeySpec {
  std::string_view access;
  int begin = 0;
  int last = 0;
  std::string_view keyword = {};  // not empty: they begin behind it; it is looked for from the end
  bool counted = false;           // the argument at `begin` says how many follow it
  std::string_view notes = {};
  bool unknown = false;
};

void WriteBeginSearch(ReplyWriter& reply, const KeySpec& spec) {
  reply.Map(2);
  if (spec.keyword.empty()) {
    WriteBulkPair(reply, "type", "index");
    reply.Bulk("spec");
    reply.Map(1);
    reply.Bulk("index");
    reply.Integer(spec.begin);
  } else {
    WriteBulkPair(reply, "type", "keyword");
    reply.Bulk("spec");
    reply.Map(2);
    WriteBulkPair(reply, "keyword", spec.keyword);
    reply.Bulk("startfrom");
    reply.Integer(-2);
  }
}

void WriteFindKeys(ReplyWriter& reply, const KeySpec& spec, int step) {
  using Field = std::pair<std::string_view, int>;
  const Field counted[] = {{"keynumidx", 0}, {"firstkey", 1}, {"keystep", 1}};
  const Field range[] = {{"lastkey", spec.last}, {"keystep", step}, {"limit", 0}};
  reply.Map(2);
  WriteBulkPair(reply, "type", spec.counted ? "keynum" : "range");
  reply.Bulk("spec");
  reply.Map(3);
  for (const auto& [name, value] : spec.counted ? counted : range) {
    reply.Bulk(name);
    reply.Integer(value);
  }
}

void WriteUnknown(ReplyWriter& reply) {
  reply.Map(2);
  WriteBulkPair(reply, "type", "unknown");
  reply.Bulk("spec");
  reply.Map(0);
}

void WriteKeySpec(ReplyWriter& reply, const KeyRange& keys, const KeySpec& spec) {
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(spec.access.data(), spec.access.size()), ' ');
  const std::string_view notes = spec.unknown ? spec.notes : keys.notes;
  reply.Map(notes.empty() ? 3 : 4);
  if (!notes.empty()) WriteBulkPair(reply, "notes", notes);
  reply.Bulk("flags");
  reply.Set(words.size());
  for (const std::string& word : words) reply.Simple(word);
  reply.Bulk("begin_search");
  if (spec.unknown) {
    WriteUnknown(reply);
    reply.Bulk("find_keys");
    return WriteUnknown(reply);
  }
  WriteBeginSearch(reply, spec);
  reply.Bulk("find_keys");
  WriteFindKeys(reply, spec, keys.step);
}

std::vector<KeySpec> KeySpecsOf(const KeyRange& keys) {
  const int last = keys.last < 0 ? keys.last : 0;
  std::vector<KeySpec> specs;
  if (keys.first != 0) specs.push_back({keys.access, keys.first, 0});
  if (keys.count != 0) {
    const std::string_view access = specs.empty() ? keys.access : keys.second_access;
    specs.push_back({access, keys.count, 0, {}, /*counted=*/true});
  } else if (!keys.keyword.empty()) {
    specs.push_back({keys.keyword_access, 0, -1, keys.keyword});
  } else if (!keys.second_access.empty()) {
    specs.push_back({keys.second_access, keys.first + 1, last});
  } else if (!specs.empty()) {
    specs[0].last = keys.last < 0 ? keys.last : keys.last - keys.first;
  }
  for (const UnknownKeys& unknown : keys.unknown) {
    specs.push_back({unknown.access, 0, 0, {}, false, unknown.notes, /*unknown=*/true});
  }
  return specs;
}

void WriteKeySpecs(ReplyWriter& reply, const KeyRange& keys) {
  const std::vector<KeySpec> specs = KeySpecsOf(keys);
  reply.Set(specs.size());
  for (const KeySpec& spec : specs) WriteKeySpec(reply, keys, spec);
}

void WriteEntry(ReplyWriter& reply, const CommandSpec& spec) {
  reply.Array(10);
  reply.Bulk(spec.name);
  reply.Integer(spec.arity);
  WriteSimpleSet(reply, FlagsOf(spec));
  reply.Integer(spec.keys.first);
  reply.Integer(spec.keys.last);
  reply.Integer(spec.keys.step);
  WriteSimpleSet(reply, CategoriesOf(spec));
  reply.Set(spec.tips.size());
  for (const std::string_view tip : spec.tips) reply.Bulk(tip);
  WriteKeySpecs(reply, spec.keys);
  if (spec.subcommands.empty()) return reply.Set(0);
  reply.Array(spec.subcommands.size());
  for (const CommandSpec& sub : spec.subcommands) WriteEntry(reply, sub);
}

Words WriteDocsFields(const CommandSpec& spec) {
  return {"summary", spec.summary, "since", spec.since, "group", spec.group};
}

void WriteDocs(ReplyWriter& reply, const CommandSpec& spec) {
  const Words fields = WriteDocsFields(spec);
  reply.Bulk(spec.name);
  reply.Map(fields.size() / 2 + (spec.subcommands.empty() ? 0 : 1));
  for (const std::string_view field : fields) reply.Bulk(field);
  if (spec.subcommands.empty()) return;
  reply.Bulk("subcommands");
  reply.Map(spec.subcommands.size());
  for (const CommandSpec& sub : spec.subcommands) WriteDocs(reply, sub);
}

std::vector<const CommandSpec*> Listed(const CommandContext& context) {
  std::vector<const CommandSpec*> specs;
  for (const CommandSpec& spec : context.executor.parts().commands.all()) {
    if ((spec.flags & kHidden) == 0) specs.push_back(&spec);
  }
  return specs;
}

// By name, or "container|sub". Null if unknown or not listed.
const CommandSpec* FindByFullName(const CommandContext& context, std::string_view name) {
  const size_t bar = name.find('|');
  const CommandSpec* spec = context.executor.parts().commands.Find(name.substr(0, bar));
  if (spec != nullptr && bar != std::string_view::npos) {
    spec = CommandTable::FindSubcommand(*spec, name.substr(bar + 1));
  }
  return spec != nullptr && (spec->flags & kHidden) == 0 ? spec : nullptr;
}

void Command(CommandContext& context) {
  const auto specs = Listed(context);
  context.reply.Array(specs.size());
  for (const CommandSpec* spec : specs) WriteEntry(context.reply, *spec);
}

void CommandInfo(CommandContext& context) {
  if (context.args.size() == 2) return Command(context);
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view name : context.args.subspan(2)) {
    const CommandSpec* spec = FindByFullName(context, name);
    if (spec == nullptr) {
      context.reply.Null();
    } else {
      WriteEntry(context.reply, *spec);
    }
  }
}

void CommandDocs(CommandContext& context) {
  std::vector<const CommandSpec*> specs;
  if (context.args.size() == 2) {
    specs = Listed(context);
  } else {
    for (const std::string_view name : context.args.subspan(2)) {
      if (const CommandSpec* spec = FindByFullName(context, name)) specs.push_back(spec);
    }
  }
  context.reply.Map(specs.size());
  for (const CommandSpec* spec : specs) WriteDocs(context.reply, *spec);
}

void CommandCount(CommandContext& context) {
  context.reply.Integer(static_cast<int64_t>(Listed(context).size()));
}

void CommandList(CommandContext& context) {
  const Args args = context.args;
  const bool filtered = args.size() == 5 && EqualsIgnoreCase(args[2], "FILTERBY");
  if (args.size() != 2 && !filtered) return ReplySyntaxError(context);
  const bool by_pattern = filtered && EqualsIgnoreCase(args[3], "PATTERN");
  const bool by_category = filtered && EqualsIgnoreCase(args[3], "ACLCAT");
  const bool by_module = filtered && EqualsIgnoreCase(args[3], "MODULE");
  if (filtered && !by_pattern && !by_category && !by_module) return ReplySyntaxError(context);

  const auto matches = [&](const CommandSpec& spec) {
    if (by_module) return false;
    if (by_pattern) return GlobMatches(args[4], spec.name, /*ignore_case=*/true);
    if (!by_category) return true;
    for (const std::string_view category : CategoriesOf(spec)) {
      if (EqualsIgnoreCase(category.substr(1), args[4])) return true;
    }
    return false;
  };
  Words names;
  for (const CommandSpec* spec : Listed(context)) {
    if (matches(*spec)) names.push_back(spec->name);
    for (const CommandSpec& sub : spec->subcommands) {
      if (matches(sub)) names.push_back(sub.name);
    }
  }
  if (filtered) {
    context.reply.Array(names.size());
  } else {
    context.reply.Set(names.size());
  }
  for (const std::string_view name : names) context.reply.Bulk(name);
}

void CommandGetKeys(CommandContext& context) {
  const Args request = context.args.subspan(2);
  const CommandSpec* spec = context.executor.parts().commands.Find(request[0]);
  if (spec != nullptr && !spec->subcommands.empty() && request.size() > 1) {
    spec = CommandTable::FindSubcommand(*spec, request[1]);
  }
  if (spec == nullptr) return context.reply.Error("ERR Invalid command specified");
  if (!spec->has_keys() || spec->keys.are_channels()) {
    return context.reply.Error("ERR The command has no key arguments");
  }
  if (!spec->ArityFits(request.size())) {
    return context.reply.Error("ERR Invalid number of arguments specified for command");
  }
  Words keys;
  ForEachKey(*spec, request, [&](std::string_view key) { keys.push_back(key); });
  if (keys.empty()) return context.reply.Error("ERR Invalid arguments specified for command");
  context.reply.Array(keys.size());
  for (const std::string_view key : keys) context.reply.Bulk(key);
}

void CommandHelp(CommandContext& context) {
  constexpr std::string_view kLines[] = {
      "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "(no subcommand)",
      "    Return details about all commands.",
      "COUNT",
      "    Return the total number of commands in this server.",
      "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
      "    Return a list of all commands in this server.",
      "INFO [<command-name> ...]",
      "    Return details about multiple commands.",
      "DOCS [<command-name> ...]",
      "    Return documentation details about multiple commands.",
      "GETKEYS <full-command>",
      "    Return the keys from a full command.",
      "HELP",
      "    Print this help.",
  };
  ReplyHelp(context, kLines);
}

}  // namespace

void AddCommandCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kLoading | kStale;
  const Words unordered = {"nondeterministic_output_order"};
  CommandSpec command = Container("command", "server", "2.8.13", "Get array of command details");
  command.arity = -1;
  command.flags = kFlags;
  command.categories = kCatConnection;
  command.handler = Command;
  command.tips = unordered;
  table.Add(std::move(command));
  // clang-format off
  const CommandSpec specs[] = {
      {"command|count", 2, kFlags, kCatConnection, {}, CommandCount, "server", "2.8.13",
       "Get total number of commands"},
      {"command|info", -2, kFlags, kCatConnection, {}, CommandInfo, "server", "2.8.13",
       "Get array of specific command details, or all when no argument is given.", unordered},
      {"command|docs", -2, kFlags, kCatConnection, {}, CommandDocs, "server", "7.0.0",
       "Get array of specific command documentation", unordered},
      {"command|list", -2, kFlags, kCatConnection, {}, CommandList, "server", "7.0.0",
       "Get an array of command names", unordered},
      {"command|getkeys", -4, kFlags, kCatConnection, {}, CommandGetKeys, "server", "2.8.13",
       "Extract keys given a full command"},
      {"command|help", 2, kFlags, kCatConnection, {}, CommandHelp, "server", "5.0.0",
       "Show helpful text about the different subcommands"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("command", spec);
}

}  // namespace kv
