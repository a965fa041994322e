// The order of a sorted set, against a model that is sorted anew for each question.

#include "kvserver/sorted_set.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kvserver/sorted_set_bounds.h"
#include "support/catch.h"

namespace kv {
namespace {

using Model = std::map<std::string, double>;
using Order = std::vector<std::pair<double, std::string>>;

Order OrderOf(const Model& model) {
  Order order;
  for (const auto& [name, score] : model) order.emplace_back(score, name);
  std::sort(order.begin(), order.end());
  return order;
}

// Everything that can be asked of a sorted set, compared with the model.
void CheckEqual(const SortedSetValue& set, const Model& model) {
  const Order order = OrderOf(model);
  REQUIRE(set.size() == order.size());
  const ScoredMember* member = set.AtRank(0);
  const ScoredMember* previous = nullptr;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    REQUIRE(member != nullptr);
    REQUIRE(member->score() == order[rank].first);
    REQUIRE(member->name() == order[rank].second);
    REQUIRE(member->previous() == previous);
    REQUIRE(set.RankOf(*member) == rank);
    REQUIRE(set.AtRank(rank) == member);
    REQUIRE(set.Find(order[rank].second) == member);
    previous = member;
    member = member->next();
  }
  REQUIRE(member == nullptr);
  REQUIRE(set.AtRank(order.size()) == nullptr);
  Model by_position;
  for (size_t i = 0; i < set.size(); ++i) {
    by_position.emplace(set.AtPosition(i).name(), set.AtPosition(i).score());
  }
  REQUIRE(by_position == model);
}

RankRange ExpectedByScore(const Order& order, const ScoreBound& min, const ScoreBound& max) {
  RankRange range;
  for (const auto& [score, name] : order) {
    const bool above = min.exclusive ? score > min.score : score >= min.score;
    const bool below = max.exclusive ? score < max.score : score <= max.score;
    if (!above) ++range.begin;
    if (below) ++range.end;
  }
  range.end = std::max(range.begin, range.end);
  return range;
}

TEST_CASE("a sorted set does what a sorted list does, whatever is done to it") {
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto draw = [&random](size_t end) { return random() % end; };
    SortedSetValue set;
    Model model;
    const size_t names = seed % 2 == 0 ? 20 : 1000;
    for (int step = 0; step < 6000; ++step) {
      const std::string name = "m" + std::to_string(draw(names));
      const double score = static_cast<double>(draw(60)) - 30;
      switch (draw(8)) {
        case 0:
        case 1:
          REQUIRE(set.Remove(name) == (model.erase(name) == 1));
          break;
        case 2: {
          const size_t first = draw(set.size() + 2);
          const size_t count = draw(4);
          const Order order = OrderOf(model);
          for (size_t i = first; i < std::min(first + count, order.size()); ++i) {
            model.erase(order[i].second);
          }
          set.RemoveRanks(first, count);
          break;
        }
        default: {
          const bool is_new = model.count(name) == 0;
          model[name] = score;
          REQUIRE(set.Set(name, score) == is_new);
        }
      }
      if (step % 97 == 0) CheckEqual(set, model);
      const ScoreBound min{static_cast<double>(draw(64)) - 32, draw(2) == 0};
      const ScoreBound max{static_cast<double>(draw(64)) - 32, draw(2) == 0};
      if (step % 13 == 0) {
        const RankRange expected = ExpectedByScore(OrderOf(model), min, max);
        const RankRange actual = ByScore(set, min, max);
        REQUIRE(actual.begin == expected.begin);
        REQUIRE(actual.end == expected.end);
      }
    }
    CheckEqual(set, model);
  }
}

TEST_CASE("equal scores are ordered by the bytes of the names, infinities are at the ends") {
  SortedSetValue set;
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char* name : {"b", "a", "", "\xff", "ab"}) set.Set(name, 1);
  set.Set("last", infinity);
  set.Set("first", -infinity);
  std::vector<std::string> names;
  for (const ScoredMember* member = set.AtRank(0); member != nullptr; member = member->next()) {
    names.emplace_back(member->name());
  }
  CHECK(names == std::vector<std::string>{"first", "", "a", "ab", "b", "\xff", "last"});
}

TEST_CASE("a sorted set counts as a listpack until it outgrows one, and not again") {
  SortedSetValue set;
  for (int i = 0; i < 128; ++i) set.Set(std::to_string(i), i);
  set.Set("5", 1000);
  CHECK(set.listpack());
  set.Set("one more", 1);
  CHECK(!set.listpack());
  set.RemoveRanks(0, 100);
  CHECK(!set.listpack());

  SortedSetValue with_long_name;
  with_long_name.Set(std::string(64, 'x'), 1);
  CHECK(with_long_name.listpack());
  with_long_name.Set(std::string(65, 'x'), 1);
  CHECK(!with_long_name.listpack());

  SortedSetValue announced;
  announced.Expect(129);
  CHECK(!announced.listpack());
}

TEST_CASE("a sorted set is freed in pieces") {
  SortedSetValue set;
  for (int i = 0; i < 1000; ++i) set.Set("member " + std::to_string(i), i % 7);
  CHECK(set.FreeSome(300) == 300);
  CHECK(set.FreeSome(300) == 300);
  CHECK(set.FreeSome(1000) == 400);
  CHECK(set.FreeSome(1000) == 0);
}

}  // namespace
}  // namespace kv
