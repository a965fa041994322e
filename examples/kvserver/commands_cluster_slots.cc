// CLUSTER's commands that change who owns which slot: ADDSLOTS, DELSLOTS and their relatives.

#include <string>
#include <vector>

#include "clusterkit/slot.h"
#include "kvserver/cluster_command_util.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/text.h"

namespace kv {
namespace {

using clusterkit::Node;
using clusterkit::SlotId;
using clusterkit::SlotRange;
using clusterkit::SlotSet;

using Ranges = std::vector<SlotRange>;

bool SlotArg(CommandContext& context, std::string_view arg, SlotId* slot) {
  int64_t value = 0;
  const bool number = ParseInt(arg, &value);
  const auto made = clusterkit::MakeSlotId(number ? value : -1);
  if (!made.ok()) {
    context.reply.Error("ERR Invalid or out of range slot");
    return false;
  }
  *slot = *made;
  return true;
}

bool SingleSlots(CommandContext& context, Ranges* ranges) {
  for (const std::string_view arg : context.args.subspan(2)) {
    SlotId slot;
    if (!SlotArg(context, arg, &slot)) return false;
    ranges->push_back({slot, slot});
  }
  return true;
}

bool SlotRanges(CommandContext& context, Ranges* ranges) {
  const Args bounds = context.args.subspan(2);
  if (bounds.size() % 2 != 0) {
    ReplyArityError(context);
    return false;
  }
  for (size_t i = 0; i < bounds.size(); i += 2) {
    SlotRange range;
    if (!SlotArg(context, bounds[i], &range.first)) return false;
    if (!SlotArg(context, bounds[i + 1], &range.last)) return false;
    if (range.first > range.last) {
      context.reply.Error(absl::StrCat("ERR start slot number ", range.first.value,
                                       " is greater than end slot number ", range.last.value));
      return false;
    }
    ranges->push_back(range);
  }
  return true;
}

enum class Change { kAdd, kDelete };

// Collects the slots, or finds the first that is named twice, or not in the state to be changed.
Refusal CollectSlots(const Ranges& ranges, Change change, const clusterkit::SlotMap& map,
                     SlotSet* slots) {
  for (const SlotRange& range : ranges) {
    for (uint16_t value = range.first.value; value <= range.last.value; ++value) {
      const bool bound = map.OwnerOf(SlotId{value}) != nullptr;
      if (change == Change::kAdd && bound) {
        return absl::StrCat("ERR Slot ", value, " is already busy");
      }
      if (change == Change::kDelete && !bound) {
        return absl::StrCat("ERR Slot ", value, " is already unassigned");
      }
      if (slots->Contains(SlotId{value})) {
        return absl::StrCat("ERR Slot ", value, " specified multiple times");
      }
      slots->Add(SlotId{value});
    }
  }
  return {};
}

void ChangeSlots(CommandContext& context, Ranges ranges, Change change) {
  AskForChange(context, [ranges = std::move(ranges), change](Node& node) -> Refusal {
    SlotSet slots;
    if (Refusal refusal = CollectSlots(ranges, change, node.view()->slots(), &slots);
        !refusal.empty()) {
      return refusal;
    }
    return RefusalFor(change == Change::kAdd ? node.AddSlots(slots) : node.RemoveSlots(slots));
  });
}

void AddSlots(CommandContext& context) {
  Ranges ranges;
  if (SingleSlots(context, &ranges)) ChangeSlots(context, std::move(ranges), Change::kAdd);
}

void AddSlotsRange(CommandContext& context) {
  Ranges ranges;
  if (SlotRanges(context, &ranges)) ChangeSlots(context, std::move(ranges), Change::kAdd);
}

void DelSlots(CommandContext& context) {
  Ranges ranges;
  if (SingleSlots(context, &ranges)) ChangeSlots(context, std::move(ranges), Change::kDelete);
}

void DelSlotsRange(CommandContext& context) {
  Ranges ranges;
  if (SlotRanges(context, &ranges)) ChangeSlots(context, std::move(ranges), Change::kDelete);
}

void FlushSlots(CommandContext& context) {
  if (context.keyspace.size() != 0) {
    return context.reply.Error("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
  }
  AskForChange(context, [](Node& node) -> Refusal {
    const auto view = node.view();
    const SlotSet own = view->slots().SlotsOf(view->self().id);
    return own.Empty() ? Refusal() : RefusalFor(node.RemoveSlots(own));
  });
}

}  // namespace

void AddClusterSlotCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kAdmin | kStale | kNoAsyncLoading;
  // clang-format off
  const CommandSpec specs[] = {
      {"cluster|addslots", -3, kFlags, 0, {}, AddSlots, "cluster", "3.0.0",
       "Assign new hash slots to receiving node"},
      {"cluster|addslotsrange", -4, kFlags, 0, {}, AddSlotsRange, "cluster", "7.0.0",
       "Assign new hash slots to receiving node"},
      {"cluster|delslots", -3, kFlags, 0, {}, DelSlots, "cluster", "3.0.0",
       "Set hash slots as unbound in receiving node"},
      {"cluster|delslotsrange", -4, kFlags, 0, {}, DelSlotsRange, "cluster", "7.0.0",
       "Set hash slots as unbound in receiving node"},
      {"cluster|flushslots", 2, kFlags, 0, {}, FlushSlots, "cluster", "3.0.0",
       "Delete a node's own slots information"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("cluster", spec);
}

}  // namespace kv
