#include "kvserver/keyspace.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/catch.h"

namespace kv {
namespace {

std::string Key(int i) { return "key:" + std::to_string(i); }

void Set(Keyspace& keyspace, const std::string& key, const std::string& value) {
  keyspace.Upsert(key)->value.string() = value;
}

void SetFor(Keyspace& keyspace, const std::string& key, int64_t ttl_ms) {
  Entry* entry = keyspace.Upsert(key);
  keyspace.SetExpiry(entry, keyspace.now_ms() + ttl_ms);
}

const auto kNeverOutOfTime = [] { return false; };

TEST_CASE("an expired key is deleted when it is met, and the listener told") {
  Keyspace keyspace;
  std::vector<std::string> told;
  keyspace.set_expiry_listener([&](std::string_view key) { told.emplace_back(key); });
  keyspace.set_now_ms(1000);
  SetFor(keyspace, "a", 10);
  keyspace.set_now_ms(1009);
  CHECK(keyspace.Find("a") != nullptr);
  keyspace.set_now_ms(1010);
  CHECK(keyspace.size() == 1);
  CHECK(keyspace.Find("a") == nullptr);
  CHECK(keyspace.size() == 0);
  CHECK(keyspace.expiring_size() == 0);
  CHECK(told == std::vector<std::string>{"a"});
  CHECK(keyspace.expired_total() == 1);
}

TEST_CASE("a replica hides expired keys, and keeps them until its primary deletes them") {
  Keyspace keyspace;
  keyspace.set_now_ms(1000);
  SetFor(keyspace, "a", 10);
  keyspace.set_expiry_mode(ExpiryMode::kHide);
  keyspace.set_now_ms(2000);
  CHECK(keyspace.Find("a") == nullptr);
  keyspace.ExpireSome(kNeverOutOfTime);
  CHECK(keyspace.size() == 1);
  size_t seen = 0;
  uint64_t cursor = 0;
  do {
    cursor = keyspace.Scan(cursor, [&](Entry&) { ++seen; });
  } while (cursor != 0);
  CHECK(seen == 0);
  keyspace.set_expiry_mode(ExpiryMode::kIgnore);
  CHECK(keyspace.Erase("a"));
  CHECK(keyspace.size() == 0);
}

TEST_CASE("active expiry deletes what nobody asks for") {
  Keyspace keyspace;
  keyspace.set_now_ms(1000);
  for (int i = 0; i < 1000; ++i) SetFor(keyspace, Key(i), 10);
  for (int i = 0; i < 100; ++i) SetFor(keyspace, "stay" + Key(i), 100000);
  for (int i = 0; i < 100; ++i) Set(keyspace, "plain" + Key(i), "");
  keyspace.set_now_ms(5000);
  // Each call may stop when it meets few expired keys; a timer repeats it.
  for (int i = 0; i < 200; ++i) keyspace.ExpireSome(kNeverOutOfTime);
  CHECK(keyspace.size() == 200);
  CHECK(keyspace.expiring_size() == 100);
}

TEST_CASE("active expiry stops when it is out of time") {
  Keyspace keyspace;
  for (int i = 0; i < 1000; ++i) SetFor(keyspace, Key(i), 0);
  int rounds = 0;
  keyspace.ExpireSome([&] { return ++rounds > 3; });
  CHECK(keyspace.size() == 1000 - 3 * 20);
}

TEST_CASE("an expiry can be set, moved and taken away in any order") {
  std::mt19937 random(1);
  Keyspace keyspace;
  std::map<std::string, int64_t> twin;
  for (int i = 0; i < 20000; ++i) {
    const std::string key = Key(static_cast<int>(random() % 50));
    switch (random() % 4) {
      case 0:
        SetFor(keyspace, key, static_cast<int64_t>(twin[key] = 1 + random() % 1000));
        break;
      case 1:
        if (Entry* entry = keyspace.FindForWrite(key)) {
          keyspace.ClearExpiry(entry);
          twin[key] = kNoExpiry;
        }
        break;
      case 2:
        CHECK(keyspace.Erase(key) == (twin.erase(key) == 1));
        break;
      default:
        Set(keyspace, key, "v");
        twin.emplace(key, kNoExpiry);
    }
  }
  size_t expiring = 0;
  for (const auto& [key, expires] : twin) {
    REQUIRE(keyspace.Find(key)->expires_at_ms == expires);
    if (expires != kNoExpiry) ++expiring;
  }
  CHECK(keyspace.expiring_size() == expiring);
  CHECK(keyspace.size() == twin.size());
}

TEST_CASE("keys are counted and listed by slot") {
  Keyspace keyspace(/*slot_index=*/true);
  const clusterkit::SlotId slot = clusterkit::SlotForKey("tag");
  for (int i = 0; i < 100; ++i) Set(keyspace, "{tag}" + std::to_string(i), "v");
  for (int i = 0; i < 100; ++i) Set(keyspace, "{other}" + std::to_string(i), "v");
  CHECK(keyspace.CountInSlot(slot) == 100);
  for (int i = 0; i < 100; i += 2) keyspace.Erase("{tag}" + std::to_string(i));
  std::set<std::string> listed;
  keyspace.ForEachInSlot(slot, 1000, [&](Entry& entry) { listed.emplace(entry.key()); });
  CHECK(listed.size() == 50);
  for (const std::string& key : listed) CHECK(clusterkit::SlotForKey(key) == slot);
  size_t limited = 0;
  keyspace.ForEachInSlot(slot, 7, [&](Entry&) { ++limited; });
  CHECK(limited == 7);
  CHECK(keyspace.EraseSlot(slot, 20) == 20);
  CHECK(keyspace.EraseSlot(slot, 1000) == 30);
  CHECK(keyspace.CountInSlot(slot) == 0);
  CHECK(keyspace.size() == 100);
  keyspace.Clear();
  CHECK(keyspace.CountInSlot(clusterkit::SlotForKey("other")) == 0);
}

TEST_CASE("without a slot index there is nothing by slot") {
  Keyspace keyspace;
  Set(keyspace, "a", "v");
  CHECK(keyspace.CountInSlot(clusterkit::SlotForKey("a")) == 0);
  CHECK(keyspace.EraseSlot(clusterkit::SlotForKey("a"), 10) == 0);
}

using Contents = std::map<std::string, std::string>;

TEST_CASE("a snapshot holds the data as they were when it began") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Keyspace keyspace;
    Contents before;
    for (int i = 0; i < 2000; ++i) {
      before[Key(i)] = std::to_string(random());
      Set(keyspace, Key(i), before[Key(i)]);
    }
    Contents snapshot;
    keyspace.StartSnapshot([&](const Entry& entry, bool) {
      const bool first = snapshot.emplace(entry.key(), entry.value.string()).second;
      REQUIRE(first);
      return false;
    });
    while (keyspace.AdvanceSnapshot(10)) {
      for (int i = 0; i < 20; ++i) {
        const std::string key = Key(static_cast<int>(random() % 4000));
        switch (random() % 3) {
          case 0:
            Set(keyspace, key, "changed");
            break;
          case 1:
            if (Entry* entry = keyspace.FindForWrite(key)) entry->value.string() += "appended";
            break;
          default:
            keyspace.Erase(key);
        }
      }
    }
    REQUIRE(snapshot == before);
  }
}

TEST_CASE("a snapshot is complete when the data are cleared meanwhile") {
  Keyspace keyspace;
  for (int i = 0; i < 5000; ++i) Set(keyspace, Key(i), "v");
  std::set<std::string> seen;
  keyspace.StartSnapshot(
      [&](const Entry& entry, bool) { return !seen.emplace(entry.key()).second; });
  keyspace.AdvanceSnapshot(10);
  keyspace.Clear();
  CHECK(keyspace.size() == 0);
  CHECK(seen.size() < 5000);
  Set(keyspace, "new", "v");
  Set(keyspace, Key(0), "w");
  keyspace.Clear(/*now=*/true);
  Set(keyspace, "newer", "v");
  keyspace.Maintain([] { return false; });
  while (keyspace.AdvanceSnapshot(10)) {
  }
  CHECK(seen.size() == 5000);
  CHECK_FALSE(keyspace.snapshot_active());
  CHECK(keyspace.pending_frees() == 5000);
  CHECK(keyspace.size() == 1);
}

TEST_CASE("an entry that a snapshot takes in pieces is taken to its end before it changes") {
  for (const bool erase : {false, true}) {
    Keyspace keyspace;
    Set(keyspace, "large", "v");
    Set(keyspace, "small", "v");
    std::string calls;
    keyspace.StartSnapshot([&](const Entry& entry, bool whole) {
      calls += entry.key() == "small" ? "s" : whole ? "W" : "p";
      return entry.key() == "large" && !whole;
    });
    for (int i = 0; i < 20; ++i) CHECK(keyspace.AdvanceSnapshot(100));
    CHECK(calls.substr(calls.size() - 2) == "pp");
    if (erase) {
      keyspace.Erase("large");
    } else {
      keyspace.FindForWrite("large")->value.string() = "w";
    }
    CHECK(calls.back() == 'W');
    while (keyspace.AdvanceSnapshot(100)) {
    }
    CHECK(std::count(calls.begin(), calls.end(), 'W') == 1);
    CHECK(std::count(calls.begin(), calls.end(), 's') == 1);
  }
}

TEST_CASE("a snapshot stays active until whoever began it has seen its end") {
  Keyspace keyspace;
  keyspace.StartSnapshot([](const Entry&, bool) { return false; });
  CHECK(keyspace.snapshot_active());
  CHECK_FALSE(keyspace.AdvanceSnapshot(10));
  CHECK_FALSE(keyspace.snapshot_active());
  Set(keyspace, "a", "v");
  keyspace.StartSnapshot([](const Entry&, bool) { return false; });
  keyspace.Clear();
  CHECK(keyspace.snapshot_active());
  keyspace.CancelSnapshot();
  CHECK_FALSE(keyspace.snapshot_active());
  CHECK(keyspace.pending_frees() == 1);
}

TEST_CASE("a key that expires during a snapshot is in it") {
  Keyspace keyspace;
  SetFor(keyspace, "a", 10);
  std::set<std::string> seen;
  keyspace.StartSnapshot(
      [&](const Entry& entry, bool) { return !seen.emplace(entry.key()).second; });
  keyspace.set_now_ms(20);
  CHECK(keyspace.Find("a") == nullptr);
  CHECK(seen == std::set<std::string>{"a"});
}

TEST_CASE("one snapshot after another sees all keys, and a cancelled one is forgotten") {
  Keyspace keyspace;
  for (int i = 0; i < 100; ++i) Set(keyspace, Key(i), "v");
  int seen = 0;
  keyspace.StartSnapshot([&](const Entry&, bool) { return ++seen == 0; });
  keyspace.AdvanceSnapshot(10);
  keyspace.CancelSnapshot();
  const int cancelled_at = seen;
  Set(keyspace, Key(0), "w");
  CHECK(seen == cancelled_at);
  seen = 0;
  keyspace.StartSnapshot([&](const Entry&, bool) { return ++seen == 0; });
  while (keyspace.AdvanceSnapshot(10)) {
  }
  CHECK(seen == 100);
}

TEST_CASE("cleared memory comes back in pieces while new keys are served") {
  Keyspace keyspace;
  for (int i = 0; i < 10000; ++i) Set(keyspace, Key(i), "v");
  keyspace.Clear();
  CHECK(keyspace.size() == 0);
  CHECK(keyspace.Find(Key(1)) == nullptr);
  Set(keyspace, Key(1), "w");
  keyspace.Maintain(kNeverOutOfTime);
  CHECK(keyspace.Find(Key(1))->value.string() == "w");
}

TEST_CASE("a random key is never an expired one while others are left") {
  Keyspace keyspace;
  CHECK(keyspace.Random() == nullptr);
  for (int i = 0; i < 30; ++i) SetFor(keyspace, Key(i), 0);
  Set(keyspace, "stay", "v");
  CHECK(keyspace.Random()->key() == "stay");
}

TEST_CASE("a key takes the place of a hidden expired one") {
  Keyspace keyspace;
  SetFor(keyspace, "a", 10);
  keyspace.set_now_ms(20);
  keyspace.set_expiry_mode(ExpiryMode::kHide);
  bool created = false;
  Entry* entry = keyspace.Upsert("a", &created);
  CHECK(created);
  CHECK(entry->expires_at_ms == kNoExpiry);
  CHECK(keyspace.size() == 1);
}

}  // namespace
}  // namespace kv
