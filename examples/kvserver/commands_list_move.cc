// LMOVE and RPOPLPUSH, which take an element from one list to another, LMPOP and LPOS.

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

void Move(CommandContext& context, ListEnd from, ListEnd to) {
  Entry* source = nullptr;
  Entry* target = nullptr;
  if (!FindTypedForWrite(context, context.args[1], ValueType::kList, &source)) return;
  if (source == nullptr) return context.reply.Null();
  if (!UpsertTyped(context, context.args[2], ValueType::kList, &target)) return;
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

void LMove(CommandContext& context) {
  ListEnd from = ListEnd::kHead;
  ListEnd to = ListEnd::kHead;
  if (!EndArg(context, context.args[3], &from) || !EndArg(context, context.args[4], &to)) return;
  Move(context, from, to);
}

void RPopLPush(CommandContext& context) { Move(context, ListEnd::kTail, ListEnd::kHead); }

void LMPop(CommandContext& context) {
  PopRequest request;
  if (!ParsePopRequest(context, "LEFT", "RIGHT", &request)) return;
  for (const std::string_view key : request.keys) {
    Entry* entry = nullptr;
    if (!FindTypedForWrite(context, key, ValueType::kList, &entry)) return;
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
    return context.Propagate(
        {request.first_end ? "LPOP" : "RPOP", key, Digits(static_cast<int64_t>(count)).view()});
  }
  context.reply.NullArray();
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
  constexpr KeyRange kMoved = TwoKeys("RW access delete", "RW insert");
  // clang-format off
  const CommandSpec specs[] = {
      {"lmove", 5, kMoves, kCatList, kMoved, LMove, "list", "6.2.0",
       "Pop an element from a list, push it to another list and return it"},
      {"rpoplpush", 3, kMoves, kCatList, kMoved, RPopLPush, "list", "1.2.0",
       "Remove the last element in a list, prepend it to another list and return it"},
      {"lmpop", -4, kWrite | kMovableKeys, kCatList, CountedKeys("RW access delete"), LMPop,
       "list", "7.0.0", "Pop elements from a list"},
      {"lpos", -3, kReadonly, kCatList, OneKey("RO access"), LPos, "list", "6.0.6",
       "Return the index of matching elements on a list"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
