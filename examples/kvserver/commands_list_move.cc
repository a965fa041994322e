// LMOVE and RPOPLPUSH, which take an element from one list to another, LMPOP, LPOS, and those that
// wait for a list.

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

std::string TakeFrom(ListValue& list, ListEnd end) {
  std::string element;
  if (end == ListEnd::kHead) {
    element = std::move(list.front());
    list.pop_front();
  } else {
    element = std::move(list.back());
    list.pop_back();
  }
  return element;
}

// False: there is nothing to move, and nothing was answered.
bool Move(CommandContext& context, ListEnd from, ListEnd to) {
  Entry* source = nullptr;
  Entry* target = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kList, &source)) return true;
  if (source == nullptr) return false;
  if (!UpsertTyped(context, context.args[2], ValueType::kList, &target)) return true;
  std::string element = TakeFrom(source->value.list(), from);
  context.reply.Bulk(element);
  ListValue& list = target->value.list();
  if (to == ListEnd::kHead) {
    list.push_front(std::move(element));
  } else {
    list.push_back(std::move(element));
  }
  EraseIfEmpty(context, source);
  context.keyspace.CountChange();
  return true;
}

bool EndArg(CommandContext& context, std::string_view arg, ListEnd* end) {
  if (EqualsIgnoreCase(arg, "LEFT")) {
    *end = ListEnd::kHead;
  } else if (EqualsIgnoreCase(arg, "RIGHT")) {
    *end = ListEnd::kTail;
  } else {
    ReplySyntaxError(context);
    return false;
  }
  return true;
}

bool EndArgs(CommandContext& context, ListEnd* from, ListEnd* to) {
  return EndArg(context, context.args[3], from) && EndArg(context, context.args[4], to);
}

void LMove(CommandContext& context) {
  ListEnd from = ListEnd::kHead;
  ListEnd to = ListEnd::kHead;
  if (EndArgs(context, &from, &to) && !Move(context, from, to)) context.reply.Null();
}

void RPopLPush(CommandContext& context) {
  if (!Move(context, ListEnd::kTail, ListEnd::kHead)) context.reply.Null();
}

// Moves an element, or waits for one. `as` is what a replica is told then.
void MoveOrWait(CommandContext& context, ListEnd from, ListEnd to, Args as) {
  int64_t timeout_ms = 0;
  if (!SecondsArg(context, context.args.back(), &timeout_ms)) return;
  const uint64_t changes = context.keyspace.changes();
  if (Move(context, from, to)) {
    // An error changed nothing, and would be one at the replicas too.
    if (context.keyspace.changes() != changes) context.Propagate(as);
    return;
  }
  if (!context.client.may_block()) return context.reply.Null();
  context.executor.BlockOnKeys(context, context.args.subspan(1, 1), ValueType::kList, timeout_ms);
}

void BLMove(CommandContext& context) {
  const Args args = context.args;
  ListEnd from = ListEnd::kHead;
  ListEnd to = ListEnd::kHead;
  if (!EndArgs(context, &from, &to)) return;
  MoveOrWait(context, from, to, {{"LMOVE", args[1], args[2], args[3], args[4]}});
}

void BRPopLPush(CommandContext& context) {
  const Args args = context.args;
  MoveOrWait(context, ListEnd::kTail, ListEnd::kHead, {{"RPOPLPUSH", args[1], args[2]}});
}

// BLPOP and BRPOP.
void PopOrWait(CommandContext& context, ListEnd end) {
  int64_t timeout_ms = 0;
  if (!SecondsArg(context, context.args.back(), &timeout_ms)) return;
  const Args keys = context.args.subspan(1, context.args.size() - 2);
  for (const std::string_view key : context.Candidates(keys)) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kList, &entry)) return;
    if (entry == nullptr) continue;
    context.reply.Array(2);
    context.reply.Bulk(key);
    context.reply.Bulk(TakeFrom(entry->value.list(), end));
    EraseIfEmpty(context, entry);
    context.keyspace.CountChange();
    return context.Propagate({end == ListEnd::kHead ? "LPOP" : "RPOP", key});
  }
  context.executor.BlockOnKeys(context, keys, ValueType::kList, timeout_ms);
}

void BLPop(CommandContext& context) { PopOrWait(context, ListEnd::kHead); }
void BRPop(CommandContext& context) { PopOrWait(context, ListEnd::kTail); }

// False: there is nothing to pop, and nothing was answered.
bool PopFromLists(CommandContext& context, const PopRequest& request) {
  for (const std::string_view key : context.Candidates(request.keys)) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kList, &entry)) return true;
    if (entry == nullptr) continue;
    ListValue& list = entry->value.list();
    const size_t count = std::min(request.count, list.size());
    context.reply.Array(2);
    context.reply.Bulk(key);
    context.reply.Array(count);
    for (size_t i = 0; i < count; ++i) {
      context.reply.Bulk(TakeFrom(list, request.first_end ? ListEnd::kHead : ListEnd::kTail));
    }
    EraseIfEmpty(context, entry);
    context.keyspace.CountChange();
    // Which key it is has been decided here.
    context.Propagate(
        {request.first_end ? "LPOP" : "RPOP", key, Digits(static_cast<int64_t>(count)).view()});
    return true;
  }
  return false;
}

void LMPop(CommandContext& context) {
  PopRequest request;
  if (!ParsePopRequest(context, 1, "LEFT", "RIGHT", &request)) return;
  if (!PopFromLists(context, request)) context.reply.NullArray();
}

void BLMPop(CommandContext& context) {
  int64_t timeout_ms = 0;
  PopRequest request;
  if (!ParsePopRequest(context, 2, "LEFT", "RIGHT", &request)) return;
  if (!SecondsArg(context, context.args[1], &timeout_ms)) return;
  if (PopFromLists(context, request)) return;
  context.executor.BlockOnKeys(context, request.keys, ValueType::kList, timeout_ms);
}

// --- LPOS ---

struct PositionOptions {
  int64_t rank = 1;       // the first match that is wanted; negative: counted from the tail
  int64_t count = -1;     // how many matches; 0: all; -1: one, which is not answered as an array
  int64_t max_looks = 0;  // 0: at all elements
};

bool NotNegativeArg(CommandContext& context, std::string_view arg, std::string_view error,
                    int64_t* value) {
  if (ParseInt(arg, value) && *value >= 0) return true;
  context.reply.Error(error);
  return false;
}

bool ParsePositionOptions(CommandContext& context, PositionOptions* options) {
  const Args args = context.args;
  for (size_t i = 3; i < args.size(); i += 2) {
    const bool more = i + 1 < args.size();
    if (more && EqualsIgnoreCase(args[i], "RANK")) {
      if (!SymmetricArg(context, args[i + 1], &options->rank)) return false;
      if (options->rank == 0) {
        context.reply.Error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
            "use negative to start from the end of the list");
        return false;
      }
    } else if (more && EqualsIgnoreCase(args[i], "COUNT")) {
      if (!NotNegativeArg(context, args[i + 1], "ERR COUNT can't be negative", &options->count)) {
        return false;
      }
    } else if (more && EqualsIgnoreCase(args[i], "MAXLEN")) {
      if (!NotNegativeArg(context, args[i + 1], "ERR MAXLEN can't be negative",
                          &options->max_looks)) {
        return false;
      }
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

std::vector<size_t> PositionsOf(const ListValue& list, std::string_view element,
                                const PositionOptions& options) {
  const size_t wanted = options.count > 0    ? static_cast<size_t>(options.count)
                        : options.count == 0 ? list.size()
                                             : 1;
  size_t looks = list.size();
  if (options.max_looks > 0) looks = std::min(looks, static_cast<size_t>(options.max_looks));
  uint64_t skipped = static_cast<uint64_t>(std::abs(options.rank)) - 1;
  std::vector<size_t> positions;
  for (size_t i = 0; i < looks && positions.size() < wanted; ++i) {
    const size_t position = options.rank > 0 ? i : list.size() - 1 - i;
    if (list[position] != element) continue;
    if (skipped > 0) {
      --skipped;
    } else {
      positions.push_back(position);
    }
  }
  return positions;
}

void LPos(CommandContext& context) {
  PositionOptions options;
  const ListValue* list = nullptr;
  if (!ParsePositionOptions(context, &options)) return;
  if (!FindList(context, context.args[1], &list)) return;
  std::vector<size_t> positions;
  if (list != nullptr) positions = PositionsOf(*list, context.args[2], options);
  if (options.count >= 0) {
    context.reply.Array(positions.size());
  } else if (positions.empty()) {
    context.reply.Null();
  }
  for (const size_t position : positions) context.reply.Integer(static_cast<int64_t>(position));
}

}  // namespace

void AddListMoveCommands(CommandTable& table) {
  constexpr uint32_t kMoves = kWrite | kDenyOom;
  constexpr std::string_view kPopped = "RW access delete";
  constexpr KeyRange kMoved = TwoKeys(kPopped, "RW insert");
  constexpr uint32_t kWaits = kWrite | kBlocking;
  // clang-format off
  const CommandSpec specs[] = {
      {"lmove", 5, kMoves, kCatList, kMoved, LMove, "list", "6.2.0",
       "Pop an element from a list, push it to another list and return it"},
      {"rpoplpush", 3, kMoves, kCatList, kMoved, RPopLPush, "list", "1.2.0",
       "Remove the last element in a list, prepend it to another list and return it"},
      {"lmpop", -4, kWrite | kMovableKeys, kCatList, CountedKeys(kPopped), LMPop, "list",
       "7.0.0", "Pop elements from a list"},
      {"blpop", -3, kWaits | kNoScript, kCatList, {1, -2, 1, kPopped}, BLPop, "list", "2.0.0",
       "Remove and get the first element in a list, or block until one is available"},
      {"brpop", -3, kWaits | kNoScript, kCatList, {1, -2, 1, kPopped}, BRPop, "list", "2.0.0",
       "Remove and get the last element in a list, or block until one is available"},
      {"blmove", 6, kMoves | kWaits | kNoScript, kCatList, kMoved, BLMove, "list", "6.2.0",
       "Pop an element from a list, push it to another list and return it; or block until one is "
       "available"},
      {"brpoplpush", 4, kMoves | kWaits | kNoScript, kCatList, kMoved, BRPopLPush, "list", "2.2.0",
       "Pop an element from a list, push it to another list and return it; or block until one is "
       "available"},
      {"blmpop", -5, kWaits | kMovableKeys, kCatList, CountedKeys(kPopped, 2), BLMPop, "list",
       "7.0.0", "Pop elements from a list, or block until one is available"},
      {"lpos", -3, kReadonly, kCatList, OneKey("RO access"), LPos, "list", "6.0.6",
       "Return the index of matching elements on a list"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
