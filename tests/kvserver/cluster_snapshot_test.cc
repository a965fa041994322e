#include <map>
#include <memory>
#include <string>

#include "kvserver/keyspace.h"
#include "kvserver/replication_state.h"
#include "kvserver/snapshot.h"
#include "kvserver/value_codec.h"
#include "kvserver/value_digest.h"
#include "large_values.h"
#include "support/catch.h"

namespace kv {
namespace {

using Result = SnapshotDecoder::Result;

struct Value {
  std::string text;
  int64_t expires_at_ms = kNoExpiry;
  friend bool operator==(const Value&, const Value&) = default;
};
using Data = std::map<std::string, Value>;

const Data kData = {
    {"a", {"1"}},
    {"expires", {"soon", 1'795'000'000'000}},
    {"", {"empty key"}},
    {"empty value", {""}},
    {std::string("\0\r\n\xff", 4), {std::string("\0binary\xff", 8), 1}},
    {"large", {std::string(100'000, 'x')}},
};

std::string Encode(const Data& data, uint64_t history) {
  Keyspace keyspace;
  std::string out;
  SnapshotEncoder encoder(&out, history);
  for (const auto& [key, value] : data) {
    Entry* entry = keyspace.Upsert(key);
    entry->value.string() = value.text;
    if (value.expires_at_ms != kNoExpiry) keyspace.SetExpiry(entry, value.expires_at_ms);
    encoder.Add(*entry, /*whole=*/true);
  }
  encoder.Finish();
  return out;
}

struct Decoded {
  Result last = Result::kNeedMore;
  uint64_t history = 0;
  Data data;
  std::string rest;
  std::string error;
};

// Gives the decoder `step` further bytes whenever it asks for more.
Decoded Decode(const std::string& bytes, size_t step) {
  SnapshotDecoder decoder;
  Decoded decoded;
  size_t position = 0;
  size_t given = 0;
  while (true) {
    decoded.last = decoder.Next(std::string_view(bytes).substr(position, given - position));
    if (decoded.last == Result::kNeedMore) {
      if (given == bytes.size()) break;
      given = std::min(bytes.size(), given + step);
      continue;
    }
    if (decoded.last == Result::kError) break;
    if (decoded.last == Result::kHeader) decoded.history = decoder.history();
    if (decoded.last == Result::kRecord) {
      const SnapshotDecoder::Record& record = decoder.record();
      Value& value = decoded.data[std::string(record.key)];
      if (!record.more) value = {};
      value.text += record.value;
      value.expires_at_ms = record.expires_at_ms;
    }
    position += decoder.consumed();
    if (decoded.last == Result::kEnd) break;
  }
  decoded.rest = bytes.substr(position);
  decoded.error = decoder.error();
  return decoded;
}

TEST_CASE("a snapshot comes back as it was, in whatever pieces it arrives") {
  const std::string bytes = Encode(kData, 42) + "what follows";
  for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}, bytes.size()}) {
    const Decoded decoded = Decode(bytes, step);
    REQUIRE(decoded.last == Result::kEnd);
    CHECK(decoded.history == 42);
    CHECK(decoded.data == kData);
    // It ends where it ends: the stream that follows is not touched.
    CHECK(bytes.substr(bytes.size() - 12) == "what follows");
    CHECK(decoded.rest == "what follows");
  }
}

std::map<std::string, std::string> Digests(Keyspace& keyspace) {
  std::map<std::string, std::string> digests;
  keyspace.ForEach([&](Entry& entry) { digests[std::string(entry.key())] = ValueDigest(entry); });
  return digests;
}

// What a replica makes of a whole snapshot.
std::unique_ptr<Keyspace> Load(std::string_view input) {
  auto keyspace = std::make_unique<Keyspace>();
  SnapshotDecoder decoder;
  for (Result result = Result::kHeader; result != Result::kEnd;) {
    result = decoder.Next(input);
    REQUIRE(result != Result::kError);
    REQUIRE(result != Result::kNeedMore);
    if (result == Result::kRecord) REQUIRE(LoadRecord(decoder.record(), *keyspace));
    input.remove_prefix(decoder.consumed());
  }
  return keyspace;
}

TEST_CASE("a snapshot carries containers, and its decoder tells them from strings") {
  Keyspace keyspace;
  std::map<std::string, std::string> expected;
  std::string bytes;
  SnapshotEncoder encoder(&bytes, 1);
  const auto add = [&](const std::string& key, kv::Value value) {
    Entry* entry = keyspace.Upsert(key);
    entry->value = std::move(value);
    expected[key] = ValueDigest(*entry);
    encoder.Add(*entry, /*whole=*/true);
  };
  kv::Value list(ValueType::kList);
  for (int i = 0; i < 5000; ++i) list.list().push_back(std::to_string(i));
  add("list", std::move(list));
  kv::Value set(ValueType::kSet);
  set.set().Add("");
  set.set().Add("12");
  add("set", std::move(set));
  add("string", kv::Value());
  kv::Value hash(ValueType::kHash);
  hash.hash().Set("field", std::string(100'000, 'v'));
  add("hash", std::move(hash));
  encoder.Finish();

  const auto copy = Load(bytes);
  REQUIRE(copy->size() == expected.size());
  CHECK(Digests(*copy) == expected);
}

TEST_CASE("large values are sent in pieces, and come back, whatever changes meanwhile") {
  Keyspace keyspace;
  testing::FillWithLargeValues(keyspace);
  const auto before = Digests(keyspace);
  std::string bytes;
  SnapshotEncoder encoder(&bytes, 1);
  testing::ChangeDuringSnapshot(keyspace, encoder);
  encoder.Finish();
  REQUIRE(Digests(keyspace) != before);
  CHECK(Digests(*Load(bytes)) == before);
}

TEST_CASE("more of a value that did not begin, or of another type, is refused") {
  SnapshotDecoder::Record record;
  record.key = "k";
  record.value = "v";
  Keyspace keyspace;
  record.more = true;
  CHECK_FALSE(LoadRecord(record, keyspace));
  keyspace.Clear();
  record.more = false;
  CHECK(LoadRecord(record, keyspace));
  CHECK_FALSE(LoadRecord(record, keyspace));
  record.more = true;
  CHECK(LoadRecord(record, keyspace));
  CHECK(keyspace.Find("k")->value.string() == "vv");
  std::string list;
  kv::Value value(ValueType::kList);
  value.list().emplace_back("x");
  AppendValue(list, value);
  record.is_string = false;
  record.value = list;
  CHECK_FALSE(LoadRecord(record, keyspace));
}

TEST_CASE("an empty data set is a snapshot too") {
  const Decoded decoded = Decode(Encode({}, 0), 1);
  CHECK(decoded.last == Result::kEnd);
  CHECK(decoded.data.empty());
}

TEST_CASE("a snapshot cut anywhere is never complete") {
  const std::string bytes = Encode({{"a", {"1"}}, {"b", {"2", 5}}}, 1);
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK(Decode(bytes.substr(0, size), 16).last == Result::kNeedMore);
  }
}

TEST_CASE("a snapshot with any byte changed is never complete") {
  const std::string good = Encode({{"a", {"1"}}, {"b", {"2", 5}}}, 1);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    CHECK(Decode(bytes, bytes.size()).last != Result::kEnd);
  }
}

TEST_CASE("a stranger is refused at its first byte, with a reason") {
  const Decoded decoded = Decode("REDIS0010", 1);
  CHECK(decoded.last == Result::kError);
  CHECK(decoded.error == "not a snapshot of kvserver");
  CHECK(decoded.rest == "REDIS0010");
}

TEST_CASE("a size that is only announced is not believed") {
  std::string bytes = Encode({}, 1).substr(0, 16);
  bytes += '\1';
  bytes += std::string(8, '\xff');      // no expiry
  bytes += std::string("\4\0\0\0", 4);  // key
  bytes += std::string(8, '\xff');      // value: 2^64 - 1 bytes
  CHECK(Decode(bytes, 8).last == Result::kError);

  bytes.resize(bytes.size() - 8);
  bytes += std::string("\0\0\0\0\1\0\0\0", 8);  // 4 GiB: waits, and holds nothing
  SnapshotDecoder decoder;
  REQUIRE(decoder.Next(bytes) == Result::kHeader);
  CHECK(decoder.Next(std::string_view(bytes).substr(16)) == Result::kNeedMore);
  CHECK(decoder.bytes_wanted() == 21 + 4 + (size_t{1} << 32));
}

TEST_CASE("records that are missing or too many are noticed") {
  const std::string one = Encode({{"a", {"1"}}}, 1);
  const std::string two = Encode({{"a", {"1"}}, {"b", {"2"}}}, 1);
  // The end of one behind the records of the other.
  constexpr size_t kEnd = 17;
  const Decoded decoded =
      Decode(two.substr(0, two.size() - kEnd) + one.substr(one.size() - kEnd), 100);
  CHECK(decoded.last == Result::kError);
  CHECK(decoded.error == "2 records instead of 1");
}

TEST_CASE("the stream's offset counts exactly the bytes that a request takes") {
  const std::vector<std::vector<std::string>> requests = {
      {"PING"},
      {"SET", "key", ""},
      {"SET", std::string(10, 'k'), std::string(12345, 'v')},
      std::vector<std::string>(101, "DEL"),
  };
  for (const auto& words : requests) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    std::string out;
    AppendRequest(out, args);
    CHECK(out.size() == RequestSize(args));
  }
  std::string out;
  const std::string_view set[] = {"SET", "foo", "1"};
  AppendRequest(out, set);
  CHECK(out == "*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$1\r\n1\r\n");
}

}  // namespace
}  // namespace kv
