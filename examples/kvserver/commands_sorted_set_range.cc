// Commands on ranges of sorted sets: ZRANGE with its relatives, ZCOUNT, ZREMRANGEBYSCORE and more.

#include <algorithm>
#include <optional>
#include <utility>

#include "kvserver/command_util.h"
#include "kvserver/sorted_set_bounds.h"
#include "kvserver/text.h"

namespace kv {
namespace {

enum class By : uint8_t { kRank, kScore, kName };

// The bounds of a range, before there is a sorted set to look at.
struct Bounds {
  By by = By::kRank;
  int64_t first = 0;
  int64_t last = 0;
  ScoreBound min_score = {};
  ScoreBound max_score = {};
  NameBound min_name = {};
  NameBound max_name = {};
};

template <typename Bound>
bool TakeBounds(CommandContext& context, std::optional<Bound> min, std::optional<Bound> max,
                std::string_view error, Bound* min_out, Bound* max_out) {
  if (!min.has_value() || !max.has_value()) {
    context.reply.Error(error);
    return false;
  }
  *min_out = *min;
  *max_out = *max;
  return true;
}

// False: an error was answered.
bool ParseBounds(CommandContext& context, By by, std::string_view min, std::string_view max,
                 Bounds* bounds) {
  bounds->by = by;
  switch (by) {
    case By::kRank:
      return IntegerArg(context, min, &bounds->first) && IntegerArg(context, max, &bounds->last);
    case By::kScore:
      return TakeBounds(context, ParseScoreBound(min), ParseScoreBound(max),
                        "ERR min or max is not a float", &bounds->min_score, &bounds->max_score);
    case By::kName:
      return TakeBounds(context, ParseNameBound(min), ParseNameBound(max),
                        "ERR min or max not valid string range item", &bounds->min_name,
                        &bounds->max_name);
  }
  return false;
}

RankRange RangeIn(const SortedSetValue& set, const Bounds& bounds, bool reverse) {
  switch (bounds.by) {
    case By::kScore:
      return ByScore(set, bounds.min_score, bounds.max_score);
    case By::kName:
      return ByName(set, bounds.min_name, bounds.max_name);
    case By::kRank:
      break;
  }
  return ByRank(set, bounds.first, bounds.last, reverse);
}

// --- ZRANGE and its relatives ---

struct RangeOptions {
  By by = By::kRank;
  bool reverse = false;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;  // negative: none
};

enum class RangeWords : bool { kFixed, kFree };  // whether BYSCORE, BYLEX and REV may be said

// Reads the options from `first` on. False: an error was answered.
bool ParseRangeOptions(CommandContext& context, size_t first, bool store, RangeWords words,
                       RangeOptions* options) {
  const Args args = context.args;
  bool by_said = words == RangeWords::kFixed;
  bool reverse_said = words == RangeWords::kFixed;
  for (size_t i = first; i < args.size(); ++i) {
    if (!store && EqualsIgnoreCase(args[i], "WITHSCORES")) {
      options->with_scores = true;
    } else if (EqualsIgnoreCase(args[i], "LIMIT") && i + 2 < args.size()) {
      if (!IntegerArg(context, args[i + 1], &options->offset)) return false;
      if (!IntegerArg(context, args[i + 2], &options->limit)) return false;
      i += 2;
    } else if (!reverse_said && EqualsIgnoreCase(args[i], "REV")) {
      options->reverse = true;
      reverse_said = true;
    } else if (!by_said && EqualsIgnoreCase(args[i], "BYSCORE")) {
      options->by = By::kScore;
      by_said = true;
    } else if (!by_said && EqualsIgnoreCase(args[i], "BYLEX")) {
      options->by = By::kName;
      by_said = true;
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  if (options->limit != -1 && options->by == By::kRank) {
    context.reply.Error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (options->with_scores && options->by == By::kName) {
    context.reply.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

RankRange Limited(RankRange range, const RangeOptions& options) {
  const size_t size = range.size();
  const size_t skipped =
      options.offset < 0 ? size : std::min(size, static_cast<size_t>(options.offset));
  size_t taken = size - skipped;
  if (options.limit >= 0) taken = std::min(taken, static_cast<size_t>(options.limit));
  if (options.reverse) {
    range.end -= skipped;
    range.begin = range.end - taken;
  } else {
    range.begin += skipped;
    range.end = range.begin + taken;
  }
  return range;
}

// A request for a range: its key and bounds stand at `key`, then come options.
struct RangeRequest {
  RangeOptions options;
  Bounds bounds;
  const SortedSetValue* set = nullptr;
  RankRange range = {};
};

// False: an error was answered.
bool FindRange(CommandContext& context, size_t key, bool store, RangeWords words,
               RangeRequest* request) {
  RangeOptions& options = request->options;
  if (!ParseRangeOptions(context, key + 3, store, words, &options)) return false;
  std::string_view min = context.args[key + 1];
  std::string_view max = context.args[key + 2];
  if (options.reverse && options.by != By::kRank) std::swap(min, max);
  if (!ParseBounds(context, options.by, min, max, &request->bounds)) return false;
  if (!FindSortedSet(context, context.args[key], &request->set)) return false;
  if (request->set == nullptr) return true;
  request->range = Limited(RangeIn(*request->set, request->bounds, options.reverse), options);
  return true;
}

template <typename Visitor>
void ForEachIn(const RangeRequest& request, Visitor visit) {
  if (request.range.size() == 0) return;
  const bool reverse = request.options.reverse;
  const size_t first = reverse ? request.range.end - 1 : request.range.begin;
  const ScoredMember* member = request.set->AtRank(first);
  for (size_t i = 0; i < request.range.size(); ++i) {
    visit(*member);
    member = reverse ? member->previous() : member->next();
  }
}

void Range(CommandContext& context, RangeOptions options, RangeWords words = RangeWords::kFixed) {
  RangeRequest request{options, {}, nullptr, {}};
  if (!FindRange(context, 1, /*store=*/false, words, &request)) return;
  const bool with_scores = request.options.with_scores;
  const bool pairs = with_scores && context.reply.resp3();
  context.reply.Array(request.range.size() * (with_scores && !pairs ? 2 : 1));
  ForEachIn(request, [&](const ScoredMember& member) {
    if (pairs) context.reply.Array(2);
    context.reply.Bulk(member.name());
    if (with_scores) context.reply.Double(member.score());
  });
}

void ZRange(CommandContext& context) { Range(context, {}, RangeWords::kFree); }
void ZRevRange(CommandContext& context) { Range(context, {By::kRank, true}); }
void ZRangeByScore(CommandContext& context) { Range(context, {By::kScore}); }
void ZRevRangeByScore(CommandContext& context) { Range(context, {By::kScore, true}); }
void ZRangeByLex(CommandContext& context) { Range(context, {By::kName}); }
void ZRevRangeByLex(CommandContext& context) { Range(context, {By::kName, true}); }

void ZRangeStore(CommandContext& context) {
  RangeRequest request;
  if (!FindRange(context, 2, /*store=*/true, RangeWords::kFree, &request)) return;
  Value result(ValueType::kSortedSet);
  result.sorted_set().Expect(request.range.size());
  ForEachIn(request, [&result](const ScoredMember& member) {
    result.sorted_set().Set(member.name(), member.score());
  });
  StoreContainer(context, context.args[1], std::move(result));
}

// --- Ranges that are counted or removed ---

void Count(CommandContext& context, By by) {
  Bounds bounds;
  const SortedSetValue* set = nullptr;
  if (!ParseBounds(context, by, context.args[2], context.args[3], &bounds)) return;
  if (!FindSortedSet(context, context.args[1], &set)) return;
  const size_t count = set == nullptr ? 0 : RangeIn(*set, bounds, /*reverse=*/false).size();
  context.reply.Integer(static_cast<int64_t>(count));
}

void ZCount(CommandContext& context) { Count(context, By::kScore); }
void ZLexCount(CommandContext& context) { Count(context, By::kName); }

void RemoveRange(CommandContext& context, By by) {
  Bounds bounds;
  Entry* entry = nullptr;
  if (!ParseBounds(context, by, context.args[2], context.args[3], &bounds)) return;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSortedSet, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  SortedSetValue& set = entry->value.sorted_set();
  const RankRange range = RangeIn(set, bounds, /*reverse=*/false);
  if (range.size() == set.size()) {
    context.keyspace.Erase(entry);
  } else {
    set.RemoveRanks(range.begin, range.size());
  }
  if (range.size() > 0) context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(range.size()));
}

void ZRemRangeByRank(CommandContext& context) { RemoveRange(context, By::kRank); }
void ZRemRangeByScore(CommandContext& context) { RemoveRange(context, By::kScore); }
void ZRemRangeByLex(CommandContext& context) { RemoveRange(context, By::kName); }

}  // namespace

void AddSortedSetRangeCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kDelete = OneKey("RW delete");
  // clang-format off
  const CommandSpec specs[] = {
      {"zrange", -4, kReadonly, kCatSortedSet, kRead, ZRange, "sorted-set", "1.2.0",
       "Return a range of members in a sorted set"},
      {"zrevrange", -4, kReadonly, kCatSortedSet, kRead, ZRevRange, "sorted-set", "1.2.0",
       "Return a range of members in a sorted set, by index, with scores ordered from high to low"},
      {"zrangebyscore", -4, kReadonly, kCatSortedSet, kRead, ZRangeByScore, "sorted-set", "1.0.5",
       "Return a range of members in a sorted set, by score"},
      {"zrevrangebyscore", -4, kReadonly, kCatSortedSet, kRead, ZRevRangeByScore, "sorted-set",
       "2.2.0",
       "Return a range of members in a sorted set, by score, with scores ordered from high to low"},
      {"zrangebylex", -4, kReadonly, kCatSortedSet, kRead, ZRangeByLex, "sorted-set", "2.8.9",
       "Return a range of members in a sorted set, by lexicographical range"},
      {"zrevrangebylex", -4, kReadonly, kCatSortedSet, kRead, ZRevRangeByLex, "sorted-set",
       "2.8.9",
       "Return a range of members in a sorted set, by lexicographical range, ordered from higher "
       "to lower strings."},
      {"zrangestore", -5, kWrite | kDenyOom, kCatSortedSet, TwoKeys("OW update", "RO access"),
       ZRangeStore, "sorted-set", "6.2.0",
       "Store a range of members from sorted set into another key"},
      {"zcount", 4, kReads, kCatSortedSet, kRead, ZCount, "sorted-set", "2.0.0",
       "Count the members in a sorted set with scores within the given values"},
      {"zlexcount", 4, kReads, kCatSortedSet, kRead, ZLexCount, "sorted-set", "2.8.9",
       "Count the number of members in a sorted set between a given lexicographical range"},
      {"zremrangebyrank", 4, kWrite, kCatSortedSet, kDelete, ZRemRangeByRank, "sorted-set",
       "2.0.0", "Remove all members in a sorted set within the given indexes"},
      {"zremrangebyscore", 4, kWrite, kCatSortedSet, kDelete, ZRemRangeByScore, "sorted-set",
       "1.2.0", "Remove all members in a sorted set within the given scores"},
      {"zremrangebylex", 4, kWrite, kCatSortedSet, kDelete, ZRemRangeByLex, "sorted-set", "2.8.9",
       "Remove all members in a sorted set between the given lexicographical range"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
