// SORT and SORT_RO.

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

struct SortOptions {
  bool descending = false;
  bool alphabetic = false;
  bool as_is = false;  // BY a pattern that is none
  int64_t offset = 0;
  int64_t count = -1;  // negative: all
  std::optional<std::string_view> store_in = {};
};

// What sorts by, or answers, other keys than those that it names has no slot.
void RefuseOtherKeys(CommandContext& context, std::string_view option) {
  std::string text = "ERR ";
  text.append(option).append(" option of SORT ");
  text.append(context.config().cluster_enabled ? "denied in Cluster mode." : "is not supported.");
  context.reply.Error(text);
}

bool ParseSortOptions(CommandContext& context, bool may_store, SortOptions* options) {
  const Args args = context.args;
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t left = args.size() - i - 1;
    if (EqualsIgnoreCase(args[i], "ASC")) {
      options->descending = false;
    } else if (EqualsIgnoreCase(args[i], "DESC")) {
      options->descending = true;
    } else if (EqualsIgnoreCase(args[i], "ALPHA")) {
      options->alphabetic = true;
    } else if (EqualsIgnoreCase(args[i], "LIMIT") && left >= 2) {
      if (!IntegerArg(context, args[i + 1], &options->offset)) return false;
      if (!IntegerArg(context, args[i + 2], &options->count)) return false;
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "STORE") && may_store && left >= 1) {
      options->store_in = args[++i];
    } else if (EqualsIgnoreCase(args[i], "BY") && left >= 1) {
      options->as_is = args[++i].find('*') == std::string_view::npos;
      if (!options->as_is) {
        RefuseOtherKeys(context, "BY");
        return false;
      }
    } else if (EqualsIgnoreCase(args[i], "GET") && left >= 1) {
      RefuseOtherKeys(context, "GET");
      return false;
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  return true;
}

// The elements, in the order in which the value has them.
std::vector<std::string_view> ElementsOf(const Value& value) {
  std::vector<std::string_view> elements;
  elements.reserve(value.element_count());
  if (value.type() == ValueType::kList) {
    for (const std::string& element : value.list()) elements.push_back(element);
  } else if (value.type() == ValueType::kSet) {
    for (const SetMember& member : value.set().members()) elements.push_back(member.name);
  } else {
    const ScoredMember* member = value.sorted_set().AtRank(0);
    for (; member != nullptr; member = member->next()) elements.push_back(member->name());
  }
  return elements;
}

// As lenient as Redis: what strtod reads, up to a NUL.
bool ParseWeight(std::string_view element, double* weight) {
  const std::string text(element);
  char* end = nullptr;
  errno = 0;
  *weight = std::strtod(text.c_str(), &end);
  return *end == '\0' && errno != ERANGE && !std::isnan(*weight);
}

// False: not all of them are numbers.
bool SortByWeight(std::vector<std::string_view>& elements) {
  std::vector<std::pair<double, std::string_view>> weighed;
  weighed.reserve(elements.size());
  for (const std::string_view element : elements) {
    double weight = 0;
    if (!ParseWeight(element, &weight)) return false;
    weighed.emplace_back(weight, element);
  }
  std::sort(weighed.begin(), weighed.end());
  std::transform(weighed.begin(), weighed.end(), elements.begin(),
                 [](const auto& pair) { return pair.second; });
  return true;
}

void SortKey(CommandContext& context, bool may_store) {
  SortOptions options;
  if (!ParseSortOptions(context, may_store, &options)) return;
  const Entry* entry = context.keyspace.Find(context.args[1]);
  std::vector<std::string_view> elements;
  if (entry != nullptr) {
    const ValueType type = entry->value.type();
    if (type == ValueType::kString || type == ValueType::kHash) return ReplyWrongType(context);
    elements = ElementsOf(entry->value);
    // A set has no order of its own that replicas would share.
    if (options.as_is && type == ValueType::kSet && options.store_in.has_value()) {
      options.as_is = false;
      options.alphabetic = true;
    }
  }
  if (!options.as_is && options.alphabetic) {
    std::sort(elements.begin(), elements.end());
  } else if (!options.as_is && !SortByWeight(elements)) {
    return context.reply.Error("ERR One or more scores can't be converted into double");
  }
  if (options.descending) std::reverse(elements.begin(), elements.end());

  const auto size = static_cast<int64_t>(elements.size());
  const int64_t begin = std::clamp<int64_t>(options.offset, 0, size);
  const int64_t rest = size - begin;
  const int64_t count = options.count < 0 ? rest : std::min(options.count, rest);
  const auto shown =
      absl::MakeConstSpan(elements).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
  if (!options.store_in.has_value()) {
    context.reply.Array(shown.size());
    for (const std::string_view element : shown) context.reply.Bulk(element);
    return;
  }
  Value sorted(ValueType::kList);
  for (const std::string_view element : shown) sorted.list().emplace_back(element);
  StoreContainer(context, *options.store_in, std::move(sorted));
}

void Sort(CommandContext& context) { SortKey(context, /*may_store=*/true); }
void SortRo(CommandContext& context) { SortKey(context, /*may_store=*/false); }

// The key, and where the last STORE says; also of a request that is wrong.
void VisitSortKeys(Args args, KeyVisitor visit) {
  visit(args[1]);
  std::optional<std::string_view> store_in;
  for (size_t i = 2; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "LIMIT")) {
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "BY") || EqualsIgnoreCase(args[i], "GET")) {
      ++i;
    } else if (EqualsIgnoreCase(args[i], "STORE") && i + 1 < args.size()) {
      store_in = args[i + 1];
    }
  }
  if (store_in.has_value()) visit(*store_in);
}

}  // namespace

void AddSortCommands(CommandTable& table) {
  static constexpr UnknownKeys kOthers = {
      "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from "
      "the content of the key we sort",
      "RO access"};
  static constexpr UnknownKeys kOfSort[] = {
      kOthers,
      {"For the optional STORE keyword. It is marked 'unknown' because the keyword can appear "
       "anywhere in the argument array",
       "OW update"}};
  static constexpr UnknownKeys kOfSortRo[] = {kOthers};
  constexpr uint32_t kCategories = kCatSet | kCatSortedSet | kCatList | kCatDangerous;
  KeyRange keys = OneKey("RO access");
  keys.unknown = kOfSort;
  CommandSpec sort = {"sort",      -2,      kWrite | kDenyOom | kMovableKeys,
                      kCategories, keys,    Sort,
                      "generic",   "1.0.0", "Sort the elements in a list, set or sorted set"};
  sort.find_keys = VisitSortKeys;
  table.Add(std::move(sort));
  keys.unknown = kOfSortRo;
  table.Add({"sort_ro", -2, kReadonly | kMovableKeys, kCategories, keys, SortRo, "generic", "7.0.0",
             "Sort the elements in a list, set or sorted set. Read-only variant of SORT."});
}

}  // namespace kv
