// HSCAN, SSCAN and ZSCAN of values that are too large for one call.

#include <random>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"
#include "support/catch.h"

namespace kv {
namespace {

struct ScannedType {
  std::string scan;
  std::string add;     // in front of a member
  std::string behind;  // behind it
  std::string remove;
  size_t step;  // bulks of one element
};
const ScannedType kTypes[] = {
    {"HSCAN", "HSET k ", " v", "HDEL k ", 2},
    {"SSCAN", "SADD k ", "", "SREM k ", 1},
    {"ZSCAN", "ZADD k 1 ", "", "ZREM k ", 2},
};

TEST_CASE("a scan of a container visits everything that is there all the time") {
  for (const ScannedType& type : kTypes) {
    for (const unsigned seed : {1u, 2u, 3u}) {
      CAPTURE(type.scan, seed);
      std::mt19937 random(seed);
      FakeServer server;
      const auto change = [&](const std::string& head, const std::string& member) {
        server.Run(head + member + (head == type.add ? type.behind : ""));
      };
      std::set<std::string> stay;
      for (int i = 0; i < 2000; ++i) {
        const std::string member = "m" + std::to_string(i);
        change(type.add, member);
        if (i % 3 == 0) stay.insert(member);
      }
      std::string cursor = "0";
      size_t calls = 0;
      do {
        const auto bulks = Bulks(server.Run(type.scan + " k " + cursor + " COUNT 50"));
        cursor = bulks[0];
        REQUIRE(bulks.size() <= 1 + 50 * type.step);
        for (size_t i = 1; i < bulks.size(); i += type.step) stay.erase(bulks[i]);
        for (int i = 0; i < 20; ++i) {
          const auto number = static_cast<int>(random() % 2000);
          if (number % 3 != 0) change(type.remove, "m" + std::to_string(number));
          if (random() % 2 == 0) change(type.add, "new" + std::to_string(number));
        }
        REQUIRE(++calls < 100);
      } while (cursor != "0");
      CHECK(stay.empty());
    }
  }
}

TEST_CASE("a cursor that was never given out does no harm") {
  FakeServer server;
  for (const ScannedType& type : kTypes) {
    server.Run("DEL k");
    for (int i = 0; i < 700; ++i) server.Run(type.add + "m" + std::to_string(i) + type.behind);
    const std::string all = server.Run(type.scan + " k 18446744073709551615 COUNT 1000");
    CHECK(Bulks(all).size() == 1 + 700 * type.step);
    CHECK(Bulks(server.Run(type.scan + " k 1")).size() == 1 + type.step);
  }
}

}  // namespace
}  // namespace kv
