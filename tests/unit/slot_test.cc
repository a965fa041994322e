#include "clusterkit/slot.h"

#include <bitset>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc16.h"
#include "clusterkit/random.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

using namespace std::string_view_literals;

SlotId S(int value) { return SlotId{static_cast<uint16_t>(value)}; }
SlotRange R(int first, int last) { return {S(first), S(last)}; }

// The definition, bit by bit.
uint16_t SlowCrc16(std::string_view bytes) {
  uint16_t crc = 0;
  for (unsigned char byte : bytes) {
    crc = static_cast<uint16_t>(crc ^ byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

std::string RandomBytes(Rng& rng, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(rng.Below(256));
  return bytes;
}

TEST_CASE("the checksum has the check values of CRC-16/XMODEM") {
  REQUIRE(Crc16("123456789") == 0x31c3);
  REQUIRE(Crc16("foo") == 0xaf96);
  REQUIRE(Crc16("") == 0);
}

TEST_CASE("the fast checksum equals the definition for every length and alignment") {
  Rng rng(11);
  for (int i = 0; i < 5000; ++i) {
    const std::string bytes = RandomBytes(rng, rng.Below(100));
    const auto part = std::string_view(bytes).substr(rng.Below(bytes.size() + 1));
    REQUIRE(Crc16(part) == SlowCrc16(part));
  }
}

TEST_CASE("keys map to the slots that Redis answers") {
  static const std::string k64x(64, 'x');
  const std::vector<std::pair<std::string_view, int>> vectors = {
      {"", 0},
      {"foo", 12182},
      {"bar", 5061},
      {"hello", 866},
      {"123456789", 12739},
      {"a", 15495},
      {"{a}", 15495},
      {"b", 3300},
      {"a{b}{c}", 3300},
      {"{}", 15257},
      {"{}x", 10595},
      {"x{}y", 16116},
      {"foo{}{bar}", 8363},
      {"{user1000}.following", 3443},
      {"{user1000}.followers", 3443},
      {"user1000", 3443},
      {"a{{b}}c", 6215},
      {"{b", 6215},
      {"{{b}}", 6215},
      {"foo{bar", 15278},
      {"foo}bar{baz", 6663},
      {"foo}bar{baz}", 4813},
      {"}{", 12793},
      {"}a{", 11710},
      {"{a", 10276},
      {"a}", 5921},
      {"{", 4092},
      {"{{}a}", 4092},
      {"}", 12090},
      {"\0"sv, 0},
      {"{\0}x"sv, 0},
      {"\x00\x01\x02\xff"sv, 4002},
      {"\xff\xfe{\x80}z"sv, 4488},
      {"{\r\n}k", 5910},
      {"key:{tag}:1", 8338},
      {"tag", 8338},
      {"{tag}", 8338},
      {"\xe4\xbd\xa0\xe5\xa5\xbd", 14231},
      {k64x, 4856},
      {" ", 9314},
      {"{ }", 9314},
  };
  for (const auto& [key, slot] : vectors) {
    INFO("key " << key);
    REQUIRE(SlotForKey(key).value == slot);
  }
}

TEST_CASE("a key without braces maps to the checksum modulo the number of slots") {
  Rng rng(12);
  for (int i = 0; i < 2000; ++i) {
    const std::string key = RandomBytes(rng, rng.Below(40));
    if (key.find('{') != std::string::npos) continue;
    REQUIRE(SlotForKey(key).value == SlowCrc16(key) % kSlotCount);
  }
}

TEST_CASE("a slot number is checked against the range") {
  REQUIRE(MakeSlotId(0)->value == 0);
  REQUIRE(MakeSlotId(16383)->value == 16383);
  for (int64_t bad : {int64_t{-1}, int64_t{16384}, int64_t{65536}, INT64_MAX, INT64_MIN}) {
    const auto slot = MakeSlotId(bad);
    REQUIRE(slot.status().code() == absl::StatusCode::kInvalidArgument);
    REQUIRE(slot.status().message().find(std::to_string(bad)) != std::string_view::npos);
  }
}

TEST_CASE("ranges come back maximal and ascending, also across words") {
  SlotSet set;
  REQUIRE(set.Ranges().empty());
  set.Add(R(60, 70));
  set.Add(S(71));
  set.Add(S(73));
  set.Add(R(127, 192));
  set.Add(S(0));
  set.Add(S(16383));
  REQUIRE(set.Ranges() ==
          std::vector<SlotRange>{R(0, 0), R(60, 71), R(73, 73), R(127, 192), R(16383, 16383)});
  REQUIRE(SlotSet::Of(R(0, 16383)).Ranges() == std::vector<SlotRange>{R(0, 16383)});
  REQUIRE(SlotSet::Of(R(5, 4)).Empty());
}

TEST_CASE("a slot set behaves like a plain set under random changes") {
  Rng rng(13);
  SlotSet set;
  auto twin = std::make_unique<std::bitset<kSlotCount>>();
  for (int i = 0; i < 3000; ++i) {
    const int first = static_cast<int>(rng.Below(kSlotCount));
    const int last = static_cast<int>(
        std::min<uint64_t>(kSlotCount - 1, static_cast<uint64_t>(first) + rng.Below(300)));
    SlotSet other = SlotSet::Of(R(first, last));
    bool intersects = false;
    for (int s = first; s <= last; ++s) intersects |= (*twin)[static_cast<size_t>(s)];
    REQUIRE(set.Intersects(other) == intersects);
    const uint64_t kind = rng.Below(4);
    if (kind == 0) set.Add(R(first, last));
    if (kind == 1) set.Add(other);
    if (kind == 2) set.Remove(other);
    if (kind == 3) other.ForEach([&](SlotId slot) { set.Remove(slot); });
    for (int s = first; s <= last; ++s) (*twin)[static_cast<size_t>(s)] = kind < 2;
    REQUIRE(set.Count() == static_cast<int>(twin->count()));
    REQUIRE(set.Empty() == twin->none());
    if (i % 100 != 0) continue;
    SlotSet from_ranges;
    for (const SlotRange& range : set.Ranges()) from_ranges.Add(range);
    REQUIRE(from_ranges == set);
    int visited = -1;
    set.ForEach([&](SlotId slot) {
      REQUIRE(slot.value > visited);
      visited = slot.value;
      REQUIRE((*twin)[slot.value]);
      REQUIRE(set.Contains(slot));
    });
  }
}

TEST_CASE("slot sets can be read and changed 64 slots at a time") {
  SlotSet set;
  set.AddWord(1, 0b1011);
  REQUIRE(set.Ranges() == std::vector<SlotRange>{R(64, 65), R(67, 67)});
  set.RemoveWord(1, 0b0011);
  REQUIRE(set.words()[1] == 0b1000);
  REQUIRE(set.words()[0] == 0);
}

TEST_CASE("the digest of the empty set is zero, and only that") {
  REQUIRE(SlotSet().Digest() == 0);
  REQUIRE(SlotSet::Of(R(0, 0)).Digest() != 0);
}

TEST_CASE("the digest is the same in every build, because peers compare it") {
  // Computed with an implementation of its own.
  REQUIRE(SlotSet::Of(R(0, 0)).Digest() == 0xd9bf17d113f38956);
  REQUIRE(SlotSet::Of(R(0, 5460)).Digest() == 0x87a36773588ef6bc);
  REQUIRE(SlotSet::Of(R(0, 16383)).Digest() == 0xd7de28bc090733c6);
}

TEST_CASE("the digest tells sets apart by content and by position") {
  std::set<uint64_t> digests;
  size_t sets = 0;
  const auto add = [&](const SlotSet& set) {
    digests.insert(set.Digest());
    ++sets;
  };
  for (int slot = 0; slot < kSlotCount; ++slot) add(SlotSet::Of(R(slot, slot)));
  for (int first = 0; first + 64 < kSlotCount; first += 64) {
    add(SlotSet::Of(R(first, first + 63)));
    add(SlotSet::Of(R(first, kSlotCount - 1)));
  }
  for (int last = 1; last < kSlotCount; ++last) {
    if ((last + 1) % 64 != 0) add(SlotSet::Of(R(0, last)));
  }
  REQUIRE(digests.size() == sets);
}

TEST_CASE("the digest depends on the content, not on how it came about") {
  SlotSet a;
  a.Add(S(9000));
  a.Add(R(10, 500));
  SlotSet b = SlotSet::Of(R(0, 9000));
  b.Remove(SlotSet::Of(R(0, 9)));
  b.Remove(SlotSet::Of(R(501, 8999)));
  REQUIRE(a == b);
  REQUIRE(a.Digest() == b.Digest());
}

}  // namespace
}  // namespace clusterkit
