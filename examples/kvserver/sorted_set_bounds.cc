#include "kvserver/sorted_set_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace kv {
namespace {

RankRange Between(size_t begin, size_t end) { return {begin, std::max(begin, end)}; }

// Whether a member is in front of everything that the bound, as a lower one, lets in; or as an
// upper one, in front of everything that it keeps out.
bool InFrontOf(const ScoredMember& member, const ScoreBound& bound, bool with_equal) {
  return member.score() < bound.score || (with_equal && member.score() == bound.score);
}

bool InFrontOf(const ScoredMember& member, const NameBound& bound, bool with_equal) {
  if (bound.kind != NameBound::Kind::kName) return bound.kind == NameBound::Kind::kHighest;
  return member.name() < bound.name || (with_equal && member.name() == bound.name);
}

template <typename Bound>
RankRange Within(const SortedSetValue& set, const Bound& min, const Bound& max) {
  const size_t begin = set.RankOfFirstNot(
      [&min](const ScoredMember& member) { return InFrontOf(member, min, min.exclusive); });
  const size_t end = set.RankOfFirstNot(
      [&max](const ScoredMember& member) { return InFrontOf(member, max, !max.exclusive); });
  return Between(begin, end);
}

}  // namespace

RankRange ByRank(const SortedSetValue& set, int64_t first, int64_t last, bool reverse) {
  const auto size = static_cast<int64_t>(set.size());
  if (first < 0) first = std::max<int64_t>(0, size + first);
  if (last < 0) last = size + last;
  last = std::min(last, size - 1);
  if (first > last) return {};
  if (reverse) {
    std::swap(first, last);
    first = size - 1 - first;
    last = size - 1 - last;
  }
  return {static_cast<size_t>(first), static_cast<size_t>(last) + 1};
}

std::optional<ScoreBound> ParseScoreBound(std::string_view text) {
  ScoreBound bound;
  bound.exclusive = !text.empty() && text[0] == '(';
  if (bound.exclusive) text.remove_prefix(1);
  const std::string terminated(text);
  char* end = nullptr;
  bound.score = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(bound.score)) return std::nullopt;
  return bound;
}

RankRange ByScore(const SortedSetValue& set, const ScoreBound& min, const ScoreBound& max) {
  return Within(set, min, max);
}

std::optional<NameBound> ParseNameBound(std::string_view text) {
  if (text == "-") return NameBound{NameBound::Kind::kLowest};
  if (text == "+") return NameBound{NameBound::Kind::kHighest};
  if (text.empty() || (text[0] != '[' && text[0] != '(')) return std::nullopt;
  return NameBound{NameBound::Kind::kName, text.substr(1), text[0] == '('};
}

RankRange ByName(const SortedSetValue& set, const NameBound& min, const NameBound& max) {
  return Within(set, min, max);
}

}  // namespace kv
