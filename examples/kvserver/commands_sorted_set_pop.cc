// ZPOPMIN, ZPOPMAX, ZMPOP, and those of them that wait for a sorted set.

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

// BZPOPMIN and BZPOPMAX.
void PopOrWait(CommandContext& context, End end) {
  int64_t timeout_ms = 0;
  if (!SecondsArg(context, context.args.back(), &timeout_ms)) return;
  const Args keys = context.args.subspan(1, context.args.size() - 2);
  for (const std::string_view key : context.Candidates(keys)) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kSortedSet, &entry)) return;
    if (entry == nullptr) continue;
    context.reply.Array(3);
    context.reply.Bulk(key);
    PopMembers(context, entry, end, 1, /*pairs=*/false);
    return context.Propagate({end == End::kMin ? "ZPOPMIN" : "ZPOPMAX", key});
  }
  context.executor.BlockOnKeys(context, keys, ValueType::kSortedSet, timeout_ms);
}

void BZPopMin(CommandContext& context) { PopOrWait(context, End::kMin); }
void BZPopMax(CommandContext& context) { PopOrWait(context, End::kMax); }

// False: there is nothing to pop, and nothing was answered.
bool PopFromSortedSets(CommandContext& context, const PopRequest& request) {
  for (const std::string_view key : context.Candidates(request.keys)) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kSortedSet, &entry)) return true;
    if (entry == nullptr) continue;
    const size_t count = std::min(request.count, entry->value.sorted_set().size());
    context.reply.Array(2);
    context.reply.Bulk(key);
    context.reply.Array(count);
    PopMembers(context, entry, request.first_end ? End::kMin : End::kMax, count, /*pairs=*/true);
    // Which key it is has been decided here.
    context.Propagate({request.first_end ? "ZPOPMIN" : "ZPOPMAX", key,
                       Digits(static_cast<int64_t>(count)).view()});
    return true;
  }
  return false;
}

void ZMPop(CommandContext& context) {
  PopRequest request;
  if (!ParsePopRequest(context, 1, "MIN", "MAX", &request)) return;
  if (!PopFromSortedSets(context, request)) context.reply.NullArray();
}

void BZMPop(CommandContext& context) {
  int64_t timeout_ms = 0;
  PopRequest request;
  if (!ParsePopRequest(context, 2, "MIN", "MAX", &request)) return;
  if (!SecondsArg(context, context.args[1], &timeout_ms)) return;
  if (PopFromSortedSets(context, request)) return;
  context.executor.BlockOnKeys(context, request.keys, ValueType::kSortedSet, timeout_ms);
}

}  // namespace

void AddSortedSetPopCommands(CommandTable& table) {
  constexpr uint32_t kPops = kWrite | kFast;
  constexpr uint32_t kWaits = kWrite | kBlocking;
  constexpr std::string_view kAccess = "RW access delete";
  // clang-format off
  const CommandSpec specs[] = {
      {"zpopmin", -2, kPops, kCatSortedSet, OneKey(kAccess), ZPopMin, "sorted-set", "5.0.0",
       "Remove and return members with the lowest scores in a sorted set"},
      {"zpopmax", -2, kPops, kCatSortedSet, OneKey(kAccess), ZPopMax, "sorted-set", "5.0.0",
       "Remove and return members with the highest scores in a sorted set"},
      {"zmpop", -4, kWrite | kMovableKeys, kCatSortedSet, CountedKeys(kAccess), ZMPop,
       "sorted-set", "7.0.0", "Remove and return members with scores in a sorted set"},
      {"bzpopmin", -3, kWaits | kNoScript | kFast, kCatSortedSet, {1, -2, 1, kAccess}, BZPopMin,
       "sorted-set", "5.0.0",
       "Remove and return the member with the lowest score from one or more sorted sets, or block "
       "until one is available"},
      {"bzpopmax", -3, kWaits | kNoScript | kFast, kCatSortedSet, {1, -2, 1, kAccess}, BZPopMax,
       "sorted-set", "5.0.0",
       "Remove and return the member with the highest score from one or more sorted sets, or block "
       "until one is available"},
      {"bzmpop", -5, kWaits | kMovableKeys, kCatSortedSet, CountedKeys(kAccess, 2), BZMPop,
       "sorted-set", "7.0.0",
       "Remove and return members with scores in a sorted set or block until one is available"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
