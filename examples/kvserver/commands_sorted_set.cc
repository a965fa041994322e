// Commands on single members of sorted sets.

#include <cmath>
#include <optional>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

struct AddOptions {
  bool nx = false;  // add members only
  bool xx = false;  // change members only
  bool gt = false;  // change them to higher scores only
  bool lt = false;
  bool count_changes = false;
  bool increment = false;
};

// Reads options up to the first score, whose position it returns.
size_t ParseAddOptions(Args args, AddOptions* options) {
  size_t first = 2;
  for (; first < args.size(); ++first) {
    const std::string_view word = args[first];
    if (EqualsIgnoreCase(word, "NX")) {
      options->nx = true;
    } else if (EqualsIgnoreCase(word, "XX")) {
      options->xx = true;
    } else if (EqualsIgnoreCase(word, "GT")) {
      options->gt = true;
    } else if (EqualsIgnoreCase(word, "LT")) {
      options->lt = true;
    } else if (EqualsIgnoreCase(word, "CH")) {
      options->count_changes = true;
    } else if (EqualsIgnoreCase(word, "INCR")) {
      options->increment = true;
    } else {
      break;
    }
  }
  return first;
}

// False: an error was answered.
bool CheckAddOptions(CommandContext& context, const AddOptions& options, size_t words) {
  if (words == 0 || words % 2 != 0) {
    ReplySyntaxError(context);
  } else if (options.nx && options.xx) {
    context.reply.Error("ERR XX and NX options at the same time are not compatible");
  } else if ((options.gt && options.lt) || (options.nx && (options.gt || options.lt))) {
    context.reply.Error("ERR GT, LT, and/or NX options at the same time are not compatible");
  } else if (options.increment && words > 2) {
    context.reply.Error("ERR INCR option supports a single increment-element pair");
  } else {
    return true;
  }
  return false;
}

// What came of one pair.
struct Added {
  bool is_new = false;
  bool changed = false;
  std::optional<double> score = {};  // nothing if the options forbade it
};

// Nothing: the sum is not a number.
std::optional<Added> AddOne(SortedSetValue& set, const AddOptions& options, std::string_view name,
                            double score) {
  const ScoredMember* member = set.Find(name);
  if (member == nullptr) {
    if (options.xx) return Added();
    set.Set(name, score);
    return Added{true, false, score};
  }
  const double old = member->score();
  if (options.nx) return Added();
  if (options.increment) score += old;
  if (std::isnan(score)) return std::nullopt;
  if ((options.lt && score >= old) || (options.gt && score <= old)) return Added();
  if (score != old) set.Set(name, score);
  return Added{false, score != old, score};
}

// The pairs begin at `first`.
void AddPairs(CommandContext& context, const AddOptions& options, size_t first) {
  const Args pairs = context.args.subspan(first);
  std::vector<double> scores(pairs.size() / 2);
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!DoubleArg(context, pairs[2 * i], &scores[i])) return;
  }
  const std::string_view key = context.args[1];
  Entry* entry = nullptr;
  const bool found = options.xx ? FindTypedForWrite(context, key, ValueType::kSortedSet, &entry)
                                : UpsertTyped(context, key, ValueType::kSortedSet, &entry);
  if (!found) return;
  int64_t created = 0;
  int64_t changed = 0;
  std::optional<double> last;
  for (size_t i = 0; i < scores.size() && entry != nullptr; ++i) {
    const auto added = AddOne(entry->value.sorted_set(), options, pairs[2 * i + 1], scores[i]);
    if (!added.has_value()) {
      return context.reply.Error("ERR resulting score is not a number (NaN)");
    }
    if (added->is_new) ++created;
    if (added->changed) ++changed;
    last = added->score;
  }
  if (created + changed > 0) context.keyspace.CountChange();
  if (!options.increment) {
    context.reply.Integer(options.count_changes ? created + changed : created);
  } else if (last.has_value()) {
    context.reply.Double(*last);
  } else {
    context.reply.Null();
  }
}

void ZAdd(CommandContext& context) {
  AddOptions options;
  const size_t first = ParseAddOptions(context.args, &options);
  if (CheckAddOptions(context, options, context.args.size() - first)) {
    AddPairs(context, options, first);
  }
}

void ZIncrBy(CommandContext& context) {
  AddOptions options;
  options.increment = true;
  AddPairs(context, options, 2);
}

void ZRem(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSortedSet, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  int64_t removed = 0;
  for (const std::string_view member : context.args.subspan(2)) {
    if (entry->value.sorted_set().Remove(member)) ++removed;
  }
  EraseIfEmpty(context, entry);
  if (removed > 0) context.keyspace.CountChange();
  context.reply.Integer(removed);
}

void ZCard(CommandContext& context) {
  const SortedSetValue* set = nullptr;
  if (!FindSortedSet(context, context.args[1], &set)) return;
  context.reply.Integer(set == nullptr ? 0 : static_cast<int64_t>(set->size()));
}

void ReplyScore(CommandContext& context, const SortedSetValue* set, std::string_view name) {
  const ScoredMember* member = set == nullptr ? nullptr : set->Find(name);
  if (member == nullptr) {
    context.reply.Null();
  } else {
    context.reply.Double(member->score());
  }
}

void ZScore(CommandContext& context) {
  const SortedSetValue* set = nullptr;
  if (FindSortedSet(context, context.args[1], &set)) ReplyScore(context, set, context.args[2]);
}

void ZMScore(CommandContext& context) {
  const SortedSetValue* set = nullptr;
  if (!FindSortedSet(context, context.args[1], &set)) return;
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view name : context.args.subspan(2)) ReplyScore(context, set, name);
}

void ReplyRank(CommandContext& context, bool reverse) {
  const SortedSetValue* set = nullptr;
  if (!FindSortedSet(context, context.args[1], &set)) return;
  const ScoredMember* member = set == nullptr ? nullptr : set->Find(context.args[2]);
  if (member == nullptr) return context.reply.Null();
  const size_t rank = set->RankOf(*member);
  context.reply.Integer(static_cast<int64_t>(reverse ? set->size() - 1 - rank : rank));
}

void ZRank(CommandContext& context) { ReplyRank(context, /*reverse=*/false); }
void ZRevRank(CommandContext& context) { ReplyRank(context, /*reverse=*/true); }

}  // namespace

void AddSortedSetCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kWrites = kWrite | kDenyOom | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  // clang-format off
  const CommandSpec specs[] = {
      {"zadd", -4, kWrites, kCatSortedSet, OneKey("RW update"), ZAdd, "sorted-set", "1.2.0",
       "Add one or more members to a sorted set, or update its score if it already exists"},
      {"zincrby", 4, kWrites, kCatSortedSet, OneKey("RW access update"), ZIncrBy, "sorted-set",
       "1.2.0", "Increment the score of a member in a sorted set"},
      {"zrem", -3, kWrite | kFast, kCatSortedSet, OneKey("RW delete"), ZRem, "sorted-set",
       "1.2.0", "Remove one or more members from a sorted set"},
      {"zcard", 2, kReads, kCatSortedSet, OneKey("RO"), ZCard, "sorted-set", "1.2.0",
       "Get the number of members in a sorted set"},
      {"zscore", 3, kReads, kCatSortedSet, kRead, ZScore, "sorted-set", "1.2.0",
       "Get the score associated with the given member in a sorted set"},
      {"zmscore", -3, kReads, kCatSortedSet, kRead, ZMScore, "sorted-set", "6.2.0",
       "Get the score associated with the given members in a sorted set"},
      {"zrank", 3, kReads, kCatSortedSet, kRead, ZRank, "sorted-set", "2.0.0",
       "Determine the index of a member in a sorted set"},
      {"zrevrank", 3, kReads, kCatSortedSet, kRead, ZRevRank, "sorted-set", "2.0.0",
       "Determine the index of a member in a sorted set, with scores ordered from high to low"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
