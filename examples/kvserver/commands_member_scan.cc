// HSCAN, SSCAN and ZSCAN.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "kvserver/command_util.h"
#include "kvserver/scan_options.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// What is scanned: elements by position. As in Redis, a small one is answered at once.
struct Scanned {
  size_t size = 0;
  bool at_once = false;
  absl::FunctionRef<std::string_view(size_t position)> name;
  absl::FunctionRef<void(size_t position)> reply;
  size_t replies_each = 1;
};

// The cursor is the number of positions that are still to visit, from the first one on. A removal
// moves elements to lower positions only, and an addition moves none, so what is there all the time
// is visited, at least once.
void ScanPositions(CommandContext& context, const ScanOptions& options, const Scanned& scanned) {
  size_t end = scanned.size;
  size_t begin = 0;
  if (!scanned.at_once) {
    if (options.cursor != 0) end = std::min<uint64_t>(end, options.cursor);
    begin = end - std::min(end, static_cast<size_t>(options.count));
  }
  std::vector<size_t> wanted;
  for (size_t position = begin; position < end; ++position) {
    if (options.Wants(scanned.name(position))) wanted.push_back(position);
  }
  ReplyCursor(context, begin);
  context.reply.Array(wanted.size() * scanned.replies_each);
  for (const size_t position : wanted) scanned.reply(position);
}

// False: nothing is left to do. `find` is the way to the value, which stays null if the key is
// absent.
template <typename Container>
bool BeginScan(CommandContext& context,
               bool (*find)(CommandContext&, std::string_view, const Container**),
               const Container** value, ScanOptions* options) {
  if (!ParseScanCursor(context, context.args[2], options)) return false;
  if (!find(context, context.args[1], value)) return false;
  if (*value != nullptr) {
    return ParseScanOptions(context, context.args.subspan(3), /*with_type=*/false, options);
  }
  ReplyCursor(context, 0);
  context.reply.Array(0);
  return false;
}

void HScan(CommandContext& context) {
  ScanOptions options;
  const HashValue* hash = nullptr;
  if (!BeginScan(context, FindHash, &hash, &options)) return;
  const auto field = [hash](size_t position) -> const HashField& {
    return hash->fields()[position];
  };
  const auto name = [&](size_t position) -> std::string_view { return field(position).name; };
  const auto reply = [&](size_t position) {
    context.reply.Bulk(field(position).name);
    context.reply.Bulk(field(position).value);
  };
  ScanPositions(context, options, {hash->size(), hash->listpack(), name, reply, 2});
}

void SScan(CommandContext& context) {
  ScanOptions options;
  const SetValue* set = nullptr;
  if (!BeginScan(context, FindSet, &set, &options)) return;
  const auto name = [set](size_t position) -> std::string_view {
    return set->members()[position].name;
  };
  const auto reply = [&](size_t position) { context.reply.Bulk(name(position)); };
  ScanPositions(context, options, {set->size(), set->intset(), name, reply});
}

// A listpack holds integers as such, so Redis answers 100000000000000000, not 1e+17.
std::string ScoreText(const SortedSetValue& set, double score) {
  constexpr double kMaxInteger = 4e18;
  if (set.listpack() && std::abs(score) < kMaxInteger && score == std::trunc(score)) {
    return std::string(Digits(static_cast<int64_t>(score)).view());
  }
  return FormatDouble(score);
}

void ZScan(CommandContext& context) {
  ScanOptions options;
  const SortedSetValue* set = nullptr;
  if (!BeginScan(context, FindSortedSet, &set, &options)) return;
  // A small one is answered in its order.
  std::vector<const ScoredMember*> ordered;
  if (set->listpack()) {
    for (const ScoredMember* next = set->AtRank(0); next != nullptr; next = next->next()) {
      ordered.push_back(next);
    }
  }
  const auto member = [&](size_t position) -> const ScoredMember& {
    return ordered.empty() ? set->AtPosition(position) : *ordered[position];
  };
  const auto name = [&](size_t position) { return member(position).name(); };
  const auto reply = [&](size_t position) {
    context.reply.Bulk(member(position).name());
    context.reply.Bulk(ScoreText(*set, member(position).score()));
  };
  ScanPositions(context, options, {set->size(), set->listpack(), name, reply, 2});
}

}  // namespace

void AddMemberScanCommands(CommandTable& table) {
  constexpr KeyRange kRead = OneKey("RO access");
  const std::vector<std::string_view> tips = {"nondeterministic_output"};
  // clang-format off
  const CommandSpec specs[] = {
      {"hscan", -3, kReadonly, kCatHash, kRead, HScan, "hash", "2.8.0",
       "Incrementally iterate hash fields and associated values", tips},
      {"sscan", -3, kReadonly, kCatSet, kRead, SScan, "set", "2.8.0",
       "Incrementally iterate Set elements", tips},
      {"zscan", -3, kReadonly, kCatSortedSet, kRead, ZScan, "sorted-set", "2.8.0",
       "Incrementally iterate sorted sets elements and associated scores", tips},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
