#include "kvserver/member_table.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/catch.h"

namespace kv {
namespace {

struct Member {
  std::string name;
  int value = 0;
};
using Table = MemberTable<Member>;

std::string Name(int i) { return "member:" + std::to_string(i); }

std::vector<std::string> Names(const Table& table) {
  std::vector<std::string> names;
  for (const Member& member : table) names.push_back(member.name);
  return names;
}

TEST_CASE("a table finds what was added and not removed, at any size") {
  // Few, many, and back and forth across the sizes at which the index comes and goes.
  for (const int names : {3, 16, 18, 40, 5000}) {
    CAPTURE(names);
    std::mt19937 random(static_cast<unsigned>(names));
    Table table;
    std::map<std::string, int> twin;
    for (int i = 0; i < 40000; ++i) {
      // More come for a while, then more go.
      const bool adds = random() % 4 != 0 ? (i / 7000) % 2 == 0 : (i / 7000) % 2 != 0;
      const std::string name = Name(static_cast<int>(random() % static_cast<unsigned>(names)));
      if (!adds) {
        REQUIRE(table.Remove(name) == (twin.erase(name) == 1));
      } else if (Member* member = table.Find(name)) {
        member->value = twin[name] = i;
      } else {
        REQUIRE(twin.emplace(name, i).second);
        table.Add({name, i});
      }
      REQUIRE(table.size() == twin.size());
    }
    std::map<std::string, int> listed;
    for (const Member& member : table) listed.emplace(member.name, member.value);
    CHECK(listed == twin);
    for (int i = 0; i < names; ++i) {
      const Member* member = table.Find(Name(i));
      REQUIRE((member != nullptr) == (twin.count(Name(i)) == 1));
      if (member != nullptr) REQUIRE(member->value == twin[Name(i)]);
    }
  }
}

TEST_CASE("members are listed in the order in which they came") {
  Table table;
  std::vector<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    table.Add({Name(i * 7919 % 1000)});
    expected.push_back(Name(i * 7919 % 1000));
  }
  CHECK(Names(table) == expected);
}

TEST_CASE("a small table keeps its order when a member goes") {
  Table table;
  for (int i = 0; i < 5; ++i) table.Add({Name(i)});
  table.Remove(Name(1));
  CHECK(Names(table) == std::vector<std::string>{Name(0), Name(2), Name(3), Name(4)});
}

TEST_CASE("a member is removed by its position") {
  for (const int size : {4, 400}) {
    Table table;
    for (int i = 0; i < size; ++i) table.Add({Name(i)});
    table.RemoveAt(1);
    table.RemoveAt(table.size() - 1);
    const std::vector<std::string> names = Names(table);
    CHECK(names.size() == static_cast<size_t>(size) - 2);
    for (const std::string& name : names) CHECK(table.Find(name)->name == name);
    CHECK(table.Find(Name(1)) == nullptr);
  }
}

TEST_CASE("a name may be empty or hold any byte") {
  for (const int size : {2, 100}) {
    Table table;
    for (int i = 0; i < size; ++i) table.Add({Name(i)});
    table.Add({"", 1});
    table.Add({std::string("a\0b", 3), 2});
    CHECK(table.Find("")->value == 1);
    CHECK(table.Find(std::string_view("a\0b", 3))->value == 2);
    CHECK(table.Find("a") == nullptr);
  }
}

TEST_CASE("members are freed in pieces") {
  Table table;
  for (int i = 0; i < 2500; ++i) table.Add({Name(i)});
  CHECK(table.FreeSome(1000) == 1000);
  CHECK(table.size() == 1500);
  CHECK(table.FreeSome(1000) == 1000);
  CHECK(table.FreeSome(1000) == 500);
  CHECK(table.FreeSome(1000) == 0);
}

}  // namespace
}  // namespace kv
