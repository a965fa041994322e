// Commands on single sets.

#include <string>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

void SAdd(CommandContext& context) {
  Entry* entry = nullptr;
  if (!UpsertTyped(context, context.args[1], ValueType::kSet, &entry)) return;
  int64_t added = 0;
  for (const std::string_view member : context.args.subspan(2)) {
    if (entry->value.set().Add(member)) ++added;
  }
  if (added > 0) context.keyspace.CountChange();
  context.reply.Integer(added);
}

void SRem(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSet, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  int64_t removed = 0;
  for (const std::string_view member : context.args.subspan(2)) {
    if (entry->value.set().Remove(member)) ++removed;
  }
  EraseIfEmpty(context, entry);
  if (removed > 0) context.keyspace.CountChange();
  context.reply.Integer(removed);
}

void SMembers(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, context.args[1], &set)) return;
  context.reply.Set(set == nullptr ? 0 : set->size());
  if (set == nullptr) return;
  for (const SetMember& member : set->members()) context.reply.Bulk(member.name);
}

void SIsMember(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, context.args[1], &set)) return;
  context.reply.Integer(set != nullptr && set->Contains(context.args[2]) ? 1 : 0);
}

void SMIsMember(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, context.args[1], &set)) return;
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view member : context.args.subspan(2)) {
    context.reply.Integer(set != nullptr && set->Contains(member) ? 1 : 0);
  }
}

void SCard(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, context.args[1], &set)) return;
  context.reply.Integer(set == nullptr ? 0 : static_cast<int64_t>(set->size()));
}

// --- Members at random ---

std::string PopAny(CommandContext& context, SetValue& set) {
  const auto position = static_cast<size_t>(context.keyspace.NextRandom() % set.size());
  std::string member = set.members()[position].name;
  set.RemoveAt(position);
  return member;
}

// Replicas would draw others, so they are told which ones.
void PropagateRemoval(CommandContext& context, const std::vector<std::string>& members) {
  std::vector<std::string_view> request = {"SREM", context.args[1]};
  request.insert(request.end(), members.begin(), members.end());
  context.Propagate(request);
}

void SPopOne(CommandContext& context) {
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSet, &entry)) return;
  if (entry == nullptr) return context.reply.Null();
  const std::string member = PopAny(context, entry->value.set());
  EraseIfEmpty(context, entry);
  context.keyspace.CountChange();
  PropagateRemoval(context, {member});
  context.reply.Bulk(member);
}

void SPop(CommandContext& context) {
  if (context.args.size() == 2) return SPopOne(context);
  if (context.args.size() > 3) return ReplySyntaxError(context);
  int64_t count = 0;
  if (!CountArg(context, context.args[2], &count)) return;
  Entry* entry = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kSet, &entry)) return;
  if (entry == nullptr || count == 0) return context.reply.Set(0);
  SetValue& set = entry->value.set();
  if (static_cast<uint64_t>(count) >= set.size()) {
    SMembers(context);
    context.keyspace.Erase(entry);
    context.Propagate({"DEL", context.args[1]});
  } else {
    std::vector<std::string> popped;
    popped.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) popped.push_back(PopAny(context, set));
    context.reply.Set(popped.size());
    for (const std::string& member : popped) context.reply.Bulk(member);
    PropagateRemoval(context, popped);
  }
  context.keyspace.CountChange();
}

}  // namespace

void AddSetCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kRemoves = kWrite | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kLooked = OneKey("RO");
  // clang-format off
  const CommandSpec specs[] = {
      {"sadd", -3, kWrite | kDenyOom | kFast, kCatSet, OneKey("RW insert"), SAdd, "set", "1.0.0",
       "Add one or more members to a set"},
      {"srem", -3, kRemoves, kCatSet, OneKey("RW delete"), SRem, "set", "1.0.0",
       "Remove one or more members from a set"},
      {"smembers", 2, kReadonly, kCatSet, kRead, SMembers, "set", "1.0.0",
       "Get all the members in a set", {"nondeterministic_output_order"}},
      {"sismember", 3, kReads, kCatSet, kLooked, SIsMember, "set", "1.0.0",
       "Determine if a given value is a member of a set"},
      {"smismember", -3, kReads, kCatSet, kRead, SMIsMember, "set", "6.2.0",
       "Returns the membership associated with the given elements for a set"},
      {"scard", 2, kReads, kCatSet, kLooked, SCard, "set", "1.0.0",
       "Get the number of members in a set"},
      {"spop", -2, kRemoves, kCatSet, OneKey("RW access delete"), SPop, "set", "1.0.0",
       "Remove and return one or multiple random members from a set",
       {"nondeterministic_output"}},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
