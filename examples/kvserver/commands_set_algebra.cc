// Union, intersection and difference of sets, and SMOVE.

#include <algorithm>
#include <utility>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using Sets = std::vector<const SetValue*>;

// Null for keys that are absent. False: one has another type, and that was answered.
bool FindSets(CommandContext& context, Args keys, Sets* sets) {
  for (const std::string_view key : keys) {
    sets->push_back(nullptr);
    if (!FindSet(context, key, &sets->back())) return false;
  }
  return true;
}

// Calls `visit(member)` for each member of all sets, until it says false.
template <typename Visitor>
void Intersect(Sets sets, Visitor visit) {
  if (std::find(sets.begin(), sets.end(), nullptr) != sets.end()) return;
  std::sort(sets.begin(), sets.end(),
            [](const SetValue* a, const SetValue* b) { return a->size() < b->size(); });
  const auto rest = sets.begin() + 1;
  for (const SetMember& member : sets[0]->members()) {
    const bool in_all = std::all_of(
        rest, sets.end(), [&member](const SetValue* set) { return set->Contains(member.name); });
    if (in_all && !visit(member.name)) return;
  }
}

using SetAlgebra = void (*)(const Sets& sets, SetValue& result);

void Intersection(const Sets& sets, SetValue& result) {
  Intersect(sets, [&result](std::string_view member) { return result.Add(member); });
}

void Union(const Sets& sets, SetValue& result) {
  for (const SetValue* set : sets) {
    if (set == nullptr) continue;
    for (const SetMember& member : set->members()) result.Add(member.name);
  }
}

void Difference(const Sets& sets, SetValue& result) {
  if (sets[0] == nullptr) return;
  for (const SetMember& member : sets[0]->members()) {
    const bool elsewhere = std::any_of(
        sets.begin() + 1, sets.end(),
        [&member](const SetValue* set) { return set != nullptr && set->Contains(member.name); });
    if (!elsewhere) result.Add(member.name);
  }
}

void ReplyResult(CommandContext& context, SetAlgebra operation) {
  Sets sets;
  SetValue result;
  if (!FindSets(context, context.args.subspan(1), &sets)) return;
  operation(sets, result);
  context.reply.Set(result.size());
  for (const SetMember& member : result.members()) context.reply.Bulk(member.name);
}

void StoreResult(CommandContext& context, SetAlgebra operation) {
  Sets sets;
  Value result(ValueType::kSet);
  if (!FindSets(context, context.args.subspan(2), &sets)) return;
  operation(sets, result.set());
  StoreContainer(context, context.args[1], std::move(result));
}

void SInter(CommandContext& context) { ReplyResult(context, Intersection); }
void SUnion(CommandContext& context) { ReplyResult(context, Union); }
void SDiff(CommandContext& context) { ReplyResult(context, Difference); }
void SInterStore(CommandContext& context) { StoreResult(context, Intersection); }
void SUnionStore(CommandContext& context) { StoreResult(context, Union); }
void SDiffStore(CommandContext& context) { StoreResult(context, Difference); }

void SInterCard(CommandContext& context) {
  int64_t keys = 0;
  int64_t limit = 0;
  if (!ParseInt(context.args[1], &keys) || keys < 1) {
    return context.reply.Error("ERR numkeys should be greater than 0");
  }
  Args rest = context.args.subspan(2);
  if (static_cast<uint64_t>(keys) > rest.size()) {
    return context.reply.Error("ERR Number of keys can't be greater than number of args");
  }
  const Args names = rest.subspan(0, static_cast<size_t>(keys));
  for (rest = rest.subspan(names.size()); !rest.empty(); rest = rest.subspan(2)) {
    if (rest.size() < 2 || !EqualsIgnoreCase(rest[0], "LIMIT")) return ReplySyntaxError(context);
    if (!ParseInt(rest[1], &limit) || limit < 0) {
      return context.reply.Error("ERR LIMIT can't be negative");
    }
  }
  Sets sets;
  if (!FindSets(context, names, &sets)) return;
  int64_t count = 0;
  Intersect(sets, [&count, limit](std::string_view) { return ++count != limit; });
  context.reply.Integer(count);
}

void SMove(CommandContext& context) {
  const std::string_view from = context.args[1];
  const std::string_view to = context.args[2];
  const std::string_view member = context.args[3];
  const SetValue* target_set = nullptr;
  Entry* source = nullptr;
  if (!FindTypedForWrite(context, from, ValueType::kSet, &source)) return;
  if (source == nullptr) return context.reply.Integer(0);
  if (!FindSet(context, to, &target_set)) return;
  if (!source->value.set().Contains(member)) return context.reply.Integer(0);
  if (from == to) return context.reply.Integer(1);
  // A target that has it is not touched: who watches it need not start again.
  if (target_set == nullptr || !target_set->Contains(member)) {
    Entry* target = nullptr;
    if (!UpsertTyped(context, to, ValueType::kSet, &target)) return;
    target->value.set().Add(member);
  }
  source->value.set().Remove(member);
  EraseIfEmpty(context, source);
  context.keyspace.CountChange();
  context.reply.Integer(1);
}

}  // namespace

void AddSetAlgebraCommands(CommandTable& table) {
  constexpr uint32_t kStores = kWrite | kDenyOom;
  constexpr KeyRange kRead = AllKeys("RO access");
  constexpr KeyRange kStored = {1, -1, 1, "OW update", "RO access"};
  constexpr KeyRange kIntersected = {1, -1, 1, "RW update", "RO access"};
  const std::vector<std::string_view> unordered = {"nondeterministic_output_order"};
  // clang-format off
  const CommandSpec specs[] = {
      {"sinter", -2, kReadonly, kCatSet, kRead, SInter, "set", "1.0.0",
       "Intersect multiple sets", unordered},
      {"sunion", -2, kReadonly, kCatSet, kRead, SUnion, "set", "1.0.0",
       "Add multiple sets", unordered},
      {"sdiff", -2, kReadonly, kCatSet, kRead, SDiff, "set", "1.0.0",
       "Subtract multiple sets", unordered},
      {"sinterstore", -3, kStores, kCatSet, kIntersected, SInterStore, "set", "1.0.0",
       "Intersect multiple sets and store the resulting set in a key"},
      {"sunionstore", -3, kStores, kCatSet, kStored, SUnionStore, "set", "1.0.0",
       "Add multiple sets and store the resulting set in a key"},
      {"sdiffstore", -3, kStores, kCatSet, kStored, SDiffStore, "set", "1.0.0",
       "Subtract multiple sets and store the resulting set in a key"},
      {"sintercard", -3, kReadonly | kMovableKeys, kCatSet, CountedKeys("RO access"), SInterCard,
       "set", "7.0.0", "Intersect multiple sets and return the cardinality of the result"},
      {"smove", 4, kWrite | kFast, kCatSet, TwoKeys("RW access delete", "RW insert"), SMove,
       "set", "1.0.0", "Move a member from one set to another"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
