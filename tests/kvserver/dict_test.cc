#include "kvserver/dict.h"

#include <map>
#include <random>
#include <set>
#include <string>

#include "kvserver/key_hash.h"
#include "support/catch.h"

namespace kv {
namespace {

void Insert(Dict& dict, const std::string& key) {
  dict.Insert(Dict::NewEntry(key, KeyHash(key), 0));
}

Entry* Find(Dict& dict, const std::string& key) { return dict.Find(key, KeyHash(key)); }

void Remove(Dict& dict, const std::string& key) {
  Entry* entry = Find(dict, key);
  dict.Remove(entry);
  Dict::FreeEntry(entry);
}

std::string Key(int i) { return "key:" + std::to_string(i); }

TEST_CASE("the table agrees with a map under random changes, growing and shrinking") {
  std::mt19937 random(7);
  Dict dict;
  std::set<std::string> twin;
  for (int phase = 0; phase < 4; ++phase) {
    for (int i = 0; i < 20000; ++i) {
      const std::string key = Key(static_cast<int>(random() % 5000));
      // Phases of growth and of decline, so that both kinds of resize happen.
      const bool insert = random() % 100 < (phase % 2 == 0 ? 80 : 10);
      Entry* entry = Find(dict, key);
      REQUIRE((entry != nullptr) == (twin.count(key) == 1));
      if (insert && entry == nullptr) {
        Insert(dict, key);
        twin.insert(key);
      } else if (!insert && entry != nullptr) {
        Remove(dict, key);
        twin.erase(key);
      }
      REQUIRE(dict.size() == twin.size());
    }
  }
  for (const std::string& key : twin) CHECK(Find(dict, key)->key() == key);
}

TEST_CASE("the table shrinks when most entries are gone") {
  Dict dict;
  for (int i = 0; i < 10000; ++i) Insert(dict, Key(i));
  for (int i = 10; i < 10000; ++i) Remove(dict, Key(i));
  while (dict.Rehash(100)) {
  }
  CHECK(dict.bucket_count() <= 128);
  for (int i = 0; i < 10; ++i) CHECK(Find(dict, Key(i)) != nullptr);
}

TEST_CASE("a resize is spread over many operations") {
  Dict dict;
  for (int i = 0; i < 1025; ++i) Insert(dict, Key(i));
  CHECK(dict.rehashing());
  int steps = 0;
  while (dict.Rehash(1)) ++steps;
  CHECK(steps > 200);
  for (int i = 0; i < 1025; ++i) REQUIRE(Find(dict, Key(i)) != nullptr);
}

TEST_CASE("a scan of a table that stands still visits each entry once") {
  Dict dict;
  for (int i = 0; i < 1500; ++i) Insert(dict, Key(i));
  for (const bool rehashing : {true, false}) {
    while (!rehashing && dict.Rehash(100)) {
    }
    CHECK(dict.rehashing() == rehashing);
    std::map<std::string, int> seen;
    uint64_t cursor = 0;
    do {
      cursor = dict.Scan(cursor, [&](Entry* entry) { ++seen[std::string(entry->key())]; });
    } while (cursor != 0);
    CHECK(seen.size() == 1500);
    for (const auto& [key, times] : seen) REQUIRE(times == 1);
  }
}

TEST_CASE("a scan visits all entries that stay, however the table is resized meanwhile") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Dict dict;
    const int stay = static_cast<int>(random() % 300);
    for (int i = 0; i < stay; ++i) Insert(dict, Key(i));
    std::set<std::string> seen;
    std::set<std::string> others;
    int next = 100000;
    // Whether the table grows or shrinks while it is scanned.
    const unsigned growth = random() % 100;
    uint64_t cursor = 0;
    do {
      cursor = dict.Scan(cursor, [&](Entry* entry) { seen.emplace(entry->key()); });
      for (int i = 0; i < 60; ++i) {
        if (random() % 100 < growth && others.size() < 5000) {
          Insert(dict, *others.insert(Key(next++)).first);
        } else if (!others.empty()) {
          Remove(dict, *others.begin());
          others.erase(others.begin());
        }
      }
    } while (cursor != 0);
    for (int i = 0; i < stay; ++i) REQUIRE(seen.count(Key(i)) == 1);
  }
}

TEST_CASE("any entry can be drawn") {
  std::mt19937_64 random(3);
  Dict dict;
  CHECK(dict.At(random()) == nullptr);
  for (int i = 0; i < 17; ++i) Insert(dict, Key(i));
  std::set<std::string> drawn;
  for (int i = 0; i < 5000; ++i) drawn.emplace(dict.At(random())->key());
  CHECK(drawn.size() == 17);
}

TEST_CASE("a table is freed in pieces") {
  Dict dict;
  for (int i = 0; i < 1000; ++i) Insert(dict, Key(i));
  size_t last = dict.size();
  while (dict.FreeSome(100)) {
    CHECK(dict.size() == last - 100);
    last = dict.size();
  }
  CHECK(dict.size() == 0);
  Insert(dict, "again");
  CHECK(Find(dict, "again") != nullptr);
}

TEST_CASE("a key may be empty or hold any byte") {
  Dict dict;
  Insert(dict, "");
  Insert(dict, std::string("a\0b", 3));
  CHECK(Find(dict, "") != nullptr);
  CHECK(Find(dict, std::string("a\0b", 3)) != nullptr);
  CHECK(Find(dict, "a") == nullptr);
}

}  // namespace
}  // namespace kv
