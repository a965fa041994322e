// Commands on sets.

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

bool FindSet(CommandContext& context, const SetValue** set) {
  Entry* entry = nullptr;
  if (!FindTyped(context, context.args[1], ValueType::kSet, &entry)) return false;
  *set = entry == nullptr ? nullptr : &entry->value.set();
  return true;
}

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
  if (!FindSet(context, &set)) return;
  context.reply.Set(set == nullptr ? 0 : set->size());
  if (set == nullptr) return;
  for (const SetMember& member : set->members()) context.reply.Bulk(member.name);
}

void SIsMember(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, &set)) return;
  context.reply.Integer(set != nullptr && set->Contains(context.args[2]) ? 1 : 0);
}

void SMIsMember(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, &set)) return;
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view member : context.args.subspan(2)) {
    context.reply.Integer(set != nullptr && set->Contains(member) ? 1 : 0);
  }
}

void SCard(CommandContext& context) {
  const SetValue* set = nullptr;
  if (!FindSet(context, &set)) return;
  context.reply.Integer(set == nullptr ? 0 : static_cast<int64_t>(set->size()));
}

// --- Members at random ---

size_t RandomPosition(CommandContext& context, size_t size) {
  return static_cast<size_t>(context.keyspace.NextRandom() % size);
}

std::string PopAny(CommandContext& context, SetValue& set) {
  const size_t position = RandomPosition(context, set.size());
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
  if (!ParseInt(context.args[2], &count) || count < 0) {
    return context.reply.Error("ERR value is out of range, must be positive");
  }
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

// `count` members, any of them more than once. A few bytes of request can ask for more than any
// memory holds.
void ReplyRepeatedMembers(CommandContext& context, const SetValue& set, uint64_t count) {
  constexpr size_t kMaxReplyBytes = size_t{512} << 20;
  std::string& out = context.client.reply;
  const size_t start = out.size();
  context.reply.Array(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) {
    context.reply.Bulk(set.members()[RandomPosition(context, set.size())].name);
    if (out.size() - start > kMaxReplyBytes) {
      out.resize(start);
      return context.reply.Error("ERR count is out of range: the reply would be too large");
    }
  }
}

// `count` different members, fewer than there are, by Floyd's algorithm: each selection is as
// likely as any other.
void ReplyDifferentMembers(CommandContext& context, const SetValue& set, size_t count) {
  absl::flat_hash_set<size_t> chosen;
  chosen.reserve(count);
  context.reply.Array(count);
  for (size_t last = set.size() - count; last < set.size(); ++last) {
    size_t position = RandomPosition(context, last + 1);
    if (!chosen.insert(position).second) {
      position = last;
      chosen.insert(position);
    }
    context.reply.Bulk(set.members()[position].name);
  }
}

void SRandMember(CommandContext& context) {
  if (context.args.size() > 3) return ReplySyntaxError(context);
  const bool counted = context.args.size() == 3;
  int64_t count = 1;
  if (counted && !IntegerArg(context, context.args[2], &count)) return;
  if (count == std::numeric_limits<int64_t>::min()) {
    return context.reply.Error(
        "ERR value is out of range, value must between -9223372036854775807 and "
        "9223372036854775807");
  }
  const SetValue* set = nullptr;
  if (!FindSet(context, &set)) return;
  if (set == nullptr) return counted ? context.reply.Array(0) : context.reply.Null();
  if (!counted) {
    return context.reply.Bulk(set->members()[RandomPosition(context, set->size())].name);
  }
  if (count < 0) return ReplyRepeatedMembers(context, *set, static_cast<uint64_t>(-count));
  if (static_cast<uint64_t>(count) < set->size()) {
    return ReplyDifferentMembers(context, *set, static_cast<size_t>(count));
  }
  context.reply.Array(set->size());
  for (const SetMember& member : set->members()) context.reply.Bulk(member.name);
}

}  // namespace

void AddSetCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kRemoves = kWrite | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kLooked = OneKey("RO");
  const std::vector<std::string_view> random = {"nondeterministic_output"};
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
       "Remove and return one or multiple random members from a set", random},
      {"srandmember", -2, kReadonly, kCatSet, kRead, SRandMember, "set", "1.0.0",
       "Get one or multiple random members from a set", random},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
