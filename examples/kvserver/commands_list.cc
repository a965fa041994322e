// Commands on lists.

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

bool FindListForWrite(CommandContext& context, Entry** entry) {
  return FindTypedForWrite(context, context.args[1], ValueType::kList, entry);
}

// --- Ends ---

void PushAll(CommandContext& context, Entry* entry, ListEnd end) {
  ListValue& list = entry->value.list();
  for (const std::string_view element : context.args.subspan(2)) {
    if (end == ListEnd::kHead) {
      list.emplace_front(element);
    } else {
      list.emplace_back(element);
    }
  }
  context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(list.size()));
}

void Push(CommandContext& context, ListEnd end) {
  Entry* entry = nullptr;
  if (!UpsertTyped(context, context.args[1], ValueType::kList, &entry)) return;
  PushAll(context, entry, end);
}

void PushIfExists(CommandContext& context, ListEnd end) {
  Entry* entry = nullptr;
  if (!FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  PushAll(context, entry, end);
}

void LPush(CommandContext& context) { Push(context, ListEnd::kHead); }
void RPush(CommandContext& context) { Push(context, ListEnd::kTail); }
void LPushX(CommandContext& context) { PushIfExists(context, ListEnd::kHead); }
void RPushX(CommandContext& context) { PushIfExists(context, ListEnd::kTail); }

void PopOne(CommandContext& context, ListValue& list, ListEnd end) {
  if (end == ListEnd::kHead) {
    context.reply.Bulk(list.front());
    list.pop_front();
  } else {
    context.reply.Bulk(list.back());
    list.pop_back();
  }
}

void Pop(CommandContext& context, ListEnd end) {
  if (context.args.size() > 3) return ReplyArityError(context);
  const bool counted = context.args.size() == 3;
  int64_t count = 1;
  if (counted && !CountArg(context, context.args[2], &count)) return;
  Entry* entry = nullptr;
  if (!FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return counted ? context.reply.NullArray() : context.reply.Null();
  ListValue& list = entry->value.list();
  const size_t popped = std::min(static_cast<size_t>(count), list.size());
  if (counted) context.reply.Array(popped);
  if (popped == 0) return;
  for (size_t i = 0; i < popped; ++i) PopOne(context, list, end);
  EraseIfEmpty(context, entry);
  context.keyspace.CountChange();
}

void LPop(CommandContext& context) { Pop(context, ListEnd::kHead); }
void RPop(CommandContext& context) { Pop(context, ListEnd::kTail); }

// --- Positions ---

// Positions as requests give them: negative ones count from the tail. `end` is the first position
// behind the range.
struct Range {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

Range RangeIn(const ListValue& list, int64_t first, int64_t last) {
  const auto size = static_cast<int64_t>(list.size());
  if (first < 0) first = std::max<int64_t>(0, size + first);
  if (last < 0) last = size + last;
  last = std::min(last, size - 1);
  if (first > last) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(last) + 1};
}

// False: an error was answered.
bool RangeArgs(CommandContext& context, int64_t* first, int64_t* last) {
  return IntegerArg(context, context.args[2], first) && IntegerArg(context, context.args[3], last);
}

// list.size() if there is no such position.
size_t PositionIn(const ListValue& list, int64_t index) {
  const auto size = static_cast<int64_t>(list.size());
  if (index < 0) index += size;
  return static_cast<size_t>(index < 0 || index >= size ? size : index);
}

void LRange(CommandContext& context) {
  int64_t first = 0;
  int64_t last = 0;
  const ListValue* list = nullptr;
  if (!RangeArgs(context, &first, &last) || !FindList(context, context.args[1], &list)) return;
  const Range range = list == nullptr ? Range() : RangeIn(*list, first, last);
  context.reply.Array(range.size());
  for (size_t i = range.begin; i < range.end; ++i) context.reply.Bulk((*list)[i]);
}

void LTrim(CommandContext& context) {
  int64_t first = 0;
  int64_t last = 0;
  Entry* entry = nullptr;
  if (!RangeArgs(context, &first, &last) || !FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return context.reply.Ok();
  ListValue& list = entry->value.list();
  const Range range = RangeIn(list, first, last);
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(range.begin);
  const auto end = list.begin() + static_cast<std::ptrdiff_t>(range.end);
  if (range.size() == 0) {
    context.keyspace.Erase(entry);
  } else if (range.size() < list.size() / 2) {
    // What is left moves out, so that the keyspace can free the rest in its time.
    Value kept(ValueType::kList);
    std::move(begin, end, std::back_inserter(kept.list()));
    context.keyspace.Replace(entry, std::move(kept));
  } else {
    list.erase(end, list.end());
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(range.begin));
  }
  context.keyspace.CountChange();
  context.reply.Ok();
}

void LLen(CommandContext& context) {
  const ListValue* list = nullptr;
  if (!FindList(context, context.args[1], &list)) return;
  context.reply.Integer(list == nullptr ? 0 : static_cast<int64_t>(list->size()));
}

void LIndex(CommandContext& context) {
  const ListValue* list = nullptr;
  int64_t index = 0;
  if (!FindList(context, context.args[1], &list)) return;
  if (list == nullptr) return context.reply.Null();
  if (!IntegerArg(context, context.args[2], &index)) return;
  const size_t position = PositionIn(*list, index);
  if (position == list->size()) return context.reply.Null();
  context.reply.Bulk((*list)[position]);
}

void LSet(CommandContext& context) {
  Entry* entry = nullptr;
  int64_t index = 0;
  if (!FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return context.reply.Error("ERR no such key");
  if (!IntegerArg(context, context.args[2], &index)) return;
  ListValue& list = entry->value.list();
  const size_t position = PositionIn(list, index);
  if (position == list.size()) return context.reply.Error("ERR index out of range");
  list[position].assign(context.args[3]);
  context.keyspace.CountChange();
  context.reply.Ok();
}

// --- Elements that are equal to one ---

void LInsert(CommandContext& context) {
  const bool after = EqualsIgnoreCase(context.args[2], "AFTER");
  if (!after && !EqualsIgnoreCase(context.args[2], "BEFORE")) return ReplySyntaxError(context);
  Entry* entry = nullptr;
  if (!FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  ListValue& list = entry->value.list();
  const auto pivot = std::find(list.begin(), list.end(), context.args[3]);
  if (pivot == list.end()) return context.reply.Integer(-1);
  list.emplace(after ? pivot + 1 : pivot, context.args[4]);
  context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(list.size()));
}

// Moves all elements but the first `limit` that are equal to `element` to the front of the range;
// returns the end of these.
template <typename Iterator>
Iterator RemoveFirst(Iterator first, Iterator last, std::string_view element, uint64_t limit) {
  Iterator kept = first;
  for (; first != last; ++first) {
    if (limit > 0 && *first == element) {
      --limit;
      continue;
    }
    if (kept != first) *kept = std::move(*first);
    ++kept;
  }
  return kept;
}

void LRem(CommandContext& context) {
  int64_t count = 0;
  if (!IntegerArg(context, context.args[2], &count)) return;
  Entry* entry = nullptr;
  if (!FindListForWrite(context, &entry)) return;
  if (entry == nullptr) return context.reply.Integer(0);
  ListValue& list = entry->value.list();
  const size_t size = list.size();
  const std::string_view element = context.args[3];
  if (count >= 0) {
    const uint64_t limit =
        count == 0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(count);
    list.erase(RemoveFirst(list.begin(), list.end(), element, limit), list.end());
  } else {
    const uint64_t limit = -static_cast<uint64_t>(count);
    list.erase(list.begin(), RemoveFirst(list.rbegin(), list.rend(), element, limit).base());
  }
  const size_t removed = size - list.size();
  EraseIfEmpty(context, entry);
  if (removed > 0) context.keyspace.CountChange();
  context.reply.Integer(static_cast<int64_t>(removed));
}

}  // namespace

void AddListCommands(CommandTable& table) {
  constexpr uint32_t kReads = kReadonly | kFast;
  constexpr uint32_t kPushes = kWrite | kDenyOom | kFast;
  constexpr KeyRange kRead = OneKey("RO access");
  constexpr KeyRange kInsert = OneKey("RW insert");
  constexpr KeyRange kDelete = OneKey("RW delete");
  constexpr KeyRange kPop = OneKey("RW access delete");
  // clang-format off
  const CommandSpec specs[] = {
      {"lpush", -3, kPushes, kCatList, kInsert, LPush, "list", "1.0.0",
       "Prepend one or multiple elements to a list"},
      {"rpush", -3, kPushes, kCatList, kInsert, RPush, "list", "1.0.0",
       "Append one or multiple elements to a list"},
      {"lpushx", -3, kPushes, kCatList, kInsert, LPushX, "list", "2.2.0",
       "Prepend an element to a list, only if the list exists"},
      {"rpushx", -3, kPushes, kCatList, kInsert, RPushX, "list", "2.2.0",
       "Append an element to a list, only if the list exists"},
      {"lpop", -2, kWrite | kFast, kCatList, kPop, LPop, "list", "1.0.0",
       "Remove and get the first elements in a list"},
      {"rpop", -2, kWrite | kFast, kCatList, kPop, RPop, "list", "1.0.0",
       "Remove and get the last elements in a list"},
      {"lrange", 4, kReadonly, kCatList, kRead, LRange, "list", "1.0.0",
       "Get a range of elements from a list"},
      {"llen", 2, kReads, kCatList, OneKey("RO"), LLen, "list", "1.0.0",
       "Get the length of a list"},
      {"lindex", 3, kReadonly, kCatList, kRead, LIndex, "list", "1.0.0",
       "Get an element from a list by its index"},
      {"lset", 4, kWrite | kDenyOom, kCatList, OneKey("RW update"), LSet, "list", "1.0.0",
       "Set the value of an element in a list by its index"},
      {"linsert", 5, kWrite | kDenyOom, kCatList, kInsert, LInsert, "list", "2.2.0",
       "Insert an element before or after another element in a list"},
      {"lrem", 4, kWrite, kCatList, kDelete, LRem, "list", "1.0.0",
       "Remove elements from a list"},
      {"ltrim", 4, kWrite, kCatList, kDelete, LTrim, "list", "1.0.0",
       "Trim a list to the specified range"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
