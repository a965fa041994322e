// Union, intersection and difference of sorted sets, and of sets, whose members all count 1.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

enum class Operation : uint8_t { kUnion, kIntersection, kDifference };
enum class Aggregate : uint8_t { kSum, kMin, kMax };

// A set or sorted set to read from; of a key that is absent, neither.
struct Source {
  const SetValue* set = nullptr;
  const SortedSetValue* sorted_set = nullptr;
  double weight = 1;

  size_t size() const {
    if (set != nullptr) return set->size();
    return sorted_set == nullptr ? 0 : sorted_set->size();
  }
  bool Find(std::string_view name, double* score) const {
    *score = 1;
    if (set != nullptr) return set->Contains(name);
    const ScoredMember* member = sorted_set == nullptr ? nullptr : sorted_set->Find(name);
    if (member == nullptr) return false;
    *score = member->score();
    return true;
  }
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (size_t i = 0; i < size(); ++i) {
      if (set != nullptr) {
        visit(set->members()[i].name, 1.0);
      } else {
        visit(sorted_set->AtPosition(i).name(), sorted_set->AtPosition(i).score());
      }
    }
  }
};

struct Query {
  Operation operation = Operation::kUnion;
  bool store = false;
  bool only_count = false;
  std::vector<Source> sources = {};
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  size_t limit = 0;  // of what is counted; 0: none
};

// --- Reading the request ---

bool FindSource(CommandContext& context, std::string_view key, Source* source) {
  const Entry* entry = context.keyspace.Find(key);
  if (entry == nullptr) return true;
  if (entry->value.type() == ValueType::kSet) {
    source->set = &entry->value.set();
  } else if (entry->value.type() == ValueType::kSortedSet) {
    source->sorted_set = &entry->value.sorted_set();
  } else {
    ReplyWrongType(context);
    return false;
  }
  return true;
}

// The sources; `*rest` is what stands behind their keys. False: an error was answered.
bool FindSources(CommandContext& context, Query* query, Args* rest) {
  const size_t counter = query->store ? 2 : 1;
  const Args keys = context.args.subspan(counter + 1);
  int64_t count = 0;
  if (!IntegerArg(context, context.args[counter], &count)) return false;
  if (count < 1) {
    context.reply.Error(
        absl::StrCat("ERR at least 1 input key is needed for '", context.spec.name, "' command"));
    return false;
  }
  if (static_cast<uint64_t>(count) > keys.size()) {
    ReplySyntaxError(context);
    return false;
  }
  query->sources.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < query->sources.size(); ++i) {
    if (!FindSource(context, keys[i], &query->sources[i])) return false;
  }
  *rest = keys.subspan(query->sources.size());
  return true;
}

bool ParseAggregate(std::string_view word, Aggregate* aggregate) {
  if (EqualsIgnoreCase(word, "SUM")) {
    *aggregate = Aggregate::kSum;
  } else if (EqualsIgnoreCase(word, "MIN")) {
    *aggregate = Aggregate::kMin;
  } else if (EqualsIgnoreCase(word, "MAX")) {
    *aggregate = Aggregate::kMax;
  } else {
    return false;
  }
  return true;
}

// False: an error was answered.
bool ParseOptions(CommandContext& context, Args rest, Query* query) {
  const bool weighs = query->operation != Operation::kDifference && !query->only_count;
  for (size_t i = 0; i < rest.size(); ++i) {
    const size_t behind = rest.size() - i - 1;
    if (weighs && behind >= query->sources.size() && EqualsIgnoreCase(rest[i], "WEIGHTS")) {
      for (Source& source : query->sources) {
        if (!DoubleArg(context, rest[++i], &source.weight, "ERR weight value is not a float")) {
          return false;
        }
      }
    } else if (weighs && behind >= 1 && EqualsIgnoreCase(rest[i], "AGGREGATE") &&
               ParseAggregate(rest[i + 1], &query->aggregate)) {
      ++i;
    } else if (!query->store && !query->only_count && EqualsIgnoreCase(rest[i], "WITHSCORES")) {
      query->with_scores = true;
    } else if (query->only_count && behind >= 1 && EqualsIgnoreCase(rest[i], "LIMIT")) {
      int64_t limit = 0;
      if (!ParseInt(rest[++i], &limit) || limit < 0) {
        context.reply.Error("ERR LIMIT can't be negative");
        return false;
      }
      query->limit = static_cast<size_t>(limit);
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

// --- The result ---

// Infinities may cancel each other out, or meet a weight of 0; that counts as 0.
double NumberOrZero(double value) { return std::isnan(value) ? 0 : value; }

double Combined(Aggregate aggregate, double a, double b) {
  if (aggregate == Aggregate::kSum) return NumberOrZero(a + b);
  return aggregate == Aggregate::kMin ? std::min(a, b) : std::max(a, b);
}

// Smaller ones first: fewer look-ups, and sums are rounded as Redis rounds them.
void SortBySize(std::vector<Source>& sources) {
  std::stable_sort(sources.begin(), sources.end(),
                   [](const Source& a, const Source& b) { return a.size() < b.size(); });
}

// Calls `visit(name, score)` for each member of the first source that is in all others, until it
// says false.
template <typename Visitor>
void Intersect(const Query& query, Visitor visit) {
  bool more = true;
  query.sources[0].ForEach([&](std::string_view name, double score) {
    if (!more) return;
    score = NumberOrZero(query.sources[0].weight * score);
    for (size_t i = 1; i < query.sources.size(); ++i) {
      double other = 0;
      if (!query.sources[i].Find(name, &other)) return;
      score = Combined(query.aggregate, score, query.sources[i].weight * other);
    }
    more = visit(name, score);
  });
}

void Unite(const Query& query, SortedSetValue& result) {
  for (const Source& source : query.sources) {
    source.ForEach([&](std::string_view name, double score) {
      score = NumberOrZero(source.weight * score);
      const ScoredMember* known = result.Find(name);
      if (known != nullptr) score = Combined(query.aggregate, known->score(), score);
      result.Set(name, score);
    });
  }
}

void Subtract(const Query& query, SortedSetValue& result) {
  query.sources[0].ForEach([&](std::string_view name, double score) {
    double other = 0;
    for (size_t i = 1; i < query.sources.size(); ++i) {
      if (query.sources[i].Find(name, &other)) return;
    }
    result.Set(name, score);
  });
}

Value ResultOf(const Query& query) {
  Value value(ValueType::kSortedSet);
  SortedSetValue& result = value.sorted_set();
  // What is not stored never becomes a listpack, so a score may be -0.
  if (!query.store) result.Expect(std::numeric_limits<size_t>::max());
  switch (query.operation) {
    case Operation::kUnion:
      Unite(query, result);
      break;
    case Operation::kIntersection:
      Intersect(query,
                [&result](std::string_view name, double score) { return result.Set(name, score); });
      break;
    case Operation::kDifference:
      Subtract(query, result);
      break;
  }
  return value;
}

void ReplyCount(CommandContext& context, const Query& query) {
  size_t count = 0;
  Intersect(query, [&](std::string_view, double) { return ++count != query.limit; });
  context.reply.Integer(static_cast<int64_t>(count));
}

void ReplyMembers(CommandContext& context, const SortedSetValue& set, bool with_scores) {
  const bool pairs = with_scores && context.reply.resp3();
  context.reply.Array(set.size() * (with_scores && !pairs ? 2 : 1));
  for (const ScoredMember* member = set.AtRank(0); member != nullptr; member = member->next()) {
    if (pairs) context.reply.Array(2);
    context.reply.Bulk(member->name());
    if (with_scores) context.reply.Double(member->score());
  }
}

void Combine(CommandContext& context, Query query) {
  Args rest;
  if (!FindSources(context, &query, &rest) || !ParseOptions(context, rest, &query)) return;
  if (query.operation != Operation::kDifference) SortBySize(query.sources);
  if (query.only_count) return ReplyCount(context, query);
  Value result = ResultOf(query);
  if (query.store) return StoreContainer(context, context.args[1], std::move(result));
  ReplyMembers(context, result.sorted_set(), query.with_scores);
}

void ZUnion(CommandContext& context) { Combine(context, {Operation::kUnion}); }
void ZInter(CommandContext& context) { Combine(context, {Operation::kIntersection}); }
void ZDiff(CommandContext& context) { Combine(context, {Operation::kDifference}); }
void ZUnionStore(CommandContext& context) { Combine(context, {Operation::kUnion, true}); }
void ZInterStore(CommandContext& context) { Combine(context, {Operation::kIntersection, true}); }
void ZDiffStore(CommandContext& context) { Combine(context, {Operation::kDifference, true}); }
void ZInterCard(CommandContext& context) {
  Combine(context, {Operation::kIntersection, false, true});
}

}  // namespace

void AddSortedSetAlgebraCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kMovableKeys;
  constexpr uint32_t kStores = kWrite | kDenyOom | kMovableKeys;
  constexpr KeyRange kRead = CountedKeys("RO access");
  constexpr KeyRange kStored = KeyAndCountedKeys("OW update", "RO access");
  // clang-format off
  const CommandSpec specs[] = {
      {"zunion", -3, kReads, kCatSortedSet, kRead, ZUnion, "sorted-set", "6.2.0",
       "Add multiple sorted sets"},
      {"zinter", -3, kReads, kCatSortedSet, kRead, ZInter, "sorted-set", "6.2.0",
       "Intersect multiple sorted sets"},
      {"zdiff", -3, kReads, kCatSortedSet, kRead, ZDiff, "sorted-set", "6.2.0",
       "Subtract multiple sorted sets"},
      {"zintercard", -3, kReads, kCatSortedSet, kRead, ZInterCard, "sorted-set", "7.0.0",
       "Intersect multiple sorted sets and return the cardinality of the result"},
      {"zunionstore", -4, kStores, kCatSortedSet, kStored, ZUnionStore, "sorted-set", "2.0.0",
       "Add multiple sorted sets and store the resulting sorted set in a new key"},
      {"zinterstore", -4, kStores, kCatSortedSet, kStored, ZInterStore, "sorted-set", "2.0.0",
       "Intersect multiple sorted sets and store the resulting sorted set in a new key"},
      {"zdiffstore", -4, kStores, kCatSortedSet, kStored, ZDiffStore, "sorted-set", "6.2.0",
       "Subtract multiple sorted sets and store the resulting sorted set in a new key"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
