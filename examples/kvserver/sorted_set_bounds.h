#ifndef KVSERVER_SORTED_SET_BOUNDS_H_
#define KVSERVER_SORTED_SET_BOUNDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kvserver/sorted_set.h"

namespace kv {

// A part of a sorted set's order: every range that a command can name comes down to this.
struct RankRange {
  size_t begin = 0;
  size_t end = 0;  // behind the last rank
  size_t size() const { return end - begin; }
};

// Ranks as requests give them: negative ones count from the end. `reverse`: rank 0 is the last.
RankRange ByRank(const SortedSetValue& set, int64_t first, int64_t last, bool reverse);

// "(1.5": an exclusive bound.
struct ScoreBound {
  double score = 0;
  bool exclusive = false;
};
std::optional<ScoreBound> ParseScoreBound(std::string_view text);
RankRange ByScore(const SortedSetValue& set, const ScoreBound& min, const ScoreBound& max);

// "[a", "(a", "-" or "+".
struct NameBound {
  enum class Kind : uint8_t { kLowest, kName, kHighest };
  Kind kind = Kind::kName;
  std::string_view name = {};
  bool exclusive = false;
};
std::optional<NameBound> ParseNameBound(std::string_view text);
// Makes sense where all scores are equal.
RankRange ByName(const SortedSetValue& set, const NameBound& min, const NameBound& max);

}  // namespace kv

#endif  // KVSERVER_SORTED_SET_BOUNDS_H_
