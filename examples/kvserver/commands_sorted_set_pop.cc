// ZPOPMIN, ZPOPMAX and ZMPOP.

#include <algorithm>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

enum class End : uint8_t { kMin, kMax };

// Takes `count` members, no more than there are, from one end of a sorted set and replies them;
// `pairs`: each as an array with its score.
void PopMembers(CommandContext& context, Entry* entry, End end, size_t count, bool pairs) {
  SortedSetValue& set = entry->value.sorted_set();
  const size_t first = end == End::kMin ? 0 : set.size() - count;
  const ScoredMember* member = set.AtRank(end == End::kMin ? 0 : set.size() - 1);
  for (size_t i = 0; i < count; ++i) {
    if (pairs) context.reply.Array(2);
    context.reply.Bulk(member->name());
    context.reply.Double(member->score());
    member = end == End::kMin ? member->next() : member->previous();
  }
  if (count == set.size()) {
    context.keyspace.Erase(entry);
  } else {
    set.RemoveRanks(first, count);
  }
  context.keyspace.CountChange();
}

void Pop(CommandContext& context, End end) {
  if (context.args.size() > 3) return ReplySyntaxError(context);
  const bool counted = context.args.size() == 3;
  int64_t wanted = 1;
  if (counted && !CountArg(context, context.args[2], &wanted)) return;
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSortedSet, &entry)) return;
  if (entry == nullptr || wanted == 0) return context.reply.Array(0);
  const size_t count = std::min(static_cast<size_t>(wanted), entry->value.sorted_set().size());
  const bool pairs = counted && context.reply.resp3();
  context.reply.Array(pairs ? count : 2 * count);
  PopMembers(context, entry, end, count, pairs);
}

void ZPopMin(CommandContext& context) { Pop(context, End::kMin); }
void ZPopMax(CommandContext& context) { Pop(context, End::kMax); }

void ZMPop(CommandContext& context) {
  PopRequest request;
  if (!ParsePopRequest(context, "MIN", "MAX", &request)) return;
  for (const std::string_view key : request.keys) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kSortedSet, &entry)) return;
    if (entry == nullptr) continue;
    const size_t count = std::min(request.count, entry->value.sorted_set().size());
    context.reply.Array(2);
    context.reply.Bulk(key);
    context.reply.Array(count);
    PopMembers(context, entry, request.first_end ? End::kMin : End::kMax, count, /*pairs=*/true);
    // Which key it is has been decided here.
    context.Propagate({request.first_end ? "ZPOPMIN" : "ZPOPMAX", key,
                       Digits(static_cast<int64_t>(count)).view()});
    return;
  }
  context.reply.NullArray();
}

}  // namespace

void AddSortedSetPopCommands(CommandTable& table) {
  constexpr uint32_t kPops = kWrite | kFast;
  constexpr std::string_view kAccess = "RW access delete";
  // clang-format off
  const CommandSpec specs[] = {
      {"zpopmin", -2, kPops, kCatSortedSet, OneKey(kAccess), ZPopMin, "sorted-set", "5.0.0",
       "Remove and return members with the lowest scores in a sorted set"},
      {"zpopmax", -2, kPops, kCatSortedSet, OneKey(kAccess), ZPopMax, "sorted-set", "5.0.0",
       "Remove and return members with the highest scores in a sorted set"},
      {"zmpop", -4, kWrite | kMovableKeys, kCatSortedSet, CountedKeys(kAccess), ZMPop,
       "sorted-set", "7.0.0", "Remove and return members with scores in a sorted set"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
