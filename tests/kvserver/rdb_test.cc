#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "kvserver/crc64.h"
#include "kvserver/keyspace.h"
#include "kvserver/little_endian.h"
#include "kvserver/rdb_decoder.h"
#include "kvserver/rdb_encoder.h"
#include "kvserver/rdb_file.h"
#include "kvserver/rdb_strings.h"
#include "kvserver/value_codec.h"
#include "kvserver/value_digest.h"
#include "large_values.h"

namespace kv {
namespace {

constexpr int64_t kExpired = 5;

void Fill(Keyspace& keyspace) {
  keyspace.Upsert("s")->value.string() = "text";
  keyspace.Upsert("12345")->value.string() = "-7";
  keyspace.Upsert("")->value.string() = std::string("\0\r\n\xff", 4);
  Entry* expiring = keyspace.Upsert("expiring");
  expiring->value.string() = std::string(100'000, 'x');
  keyspace.SetExpiry(expiring, 1'900'000'000'123);
  keyspace.SetExpiry(keyspace.Upsert("expired"), kExpired);
  Value list(ValueType::kList);
  for (int i = 0; i < 3000; ++i) list.list().emplace_back(std::to_string(i));
  keyspace.Upsert("l")->value = std::move(list);
  Value set(ValueType::kSet);
  set.set().Add("a");
  set.set().Add("1");
  keyspace.Upsert("t")->value = std::move(set);
  Value hash(ValueType::kHash);
  hash.hash().Set("f", "v");
  keyspace.Upsert("h")->value = std::move(hash);
}

// What is comparable about a data set.
std::map<std::string, std::string> Contents(const Keyspace& keyspace) {
  std::map<std::string, std::string> contents;
  keyspace.ForEachStored([&](const Entry& entry) {
    contents[std::string(entry.key())] =
        DumpPayload(entry.value) + std::to_string(entry.expires_at_ms);
  });
  return contents;
}

std::string Encode(const Keyspace& keyspace, const RdbHead& head = {}) {
  std::string out;
  RdbEncoder encoder(&out, head, keyspace.size(), keyspace.expiring_size());
  keyspace.ForEachStored([&](const Entry& entry) { encoder.Add(entry, /*whole=*/true); });
  encoder.Finish();
  return out;
}

std::string Seal(std::string contents) {
  const uint64_t sum = Crc64(contents);
  PutLittleEndian(contents, sum);
  return contents;
}

absl::StatusOr<RdbContents> Decode(std::string_view file, Keyspace& keyspace) {
  return DecodeRdb(file, keyspace, [](size_t) {});
}

std::string FaultOf(std::string_view file) {
  Keyspace keyspace;
  const auto contents = Decode(file, keyspace);
  if (contents.ok()) return "none";
  CHECK(absl::IsDataLoss(contents.status()));
  return std::string(contents.status().message());
}

TEST_CASE("what was saved comes back") {
  Keyspace keyspace;
  keyspace.set_now_ms(1000);
  Fill(keyspace);
  RdbHead head;
  head.created_s = 1'700'000'000;
  head.stream_id = std::string(40, 'a');
  head.offset = 123456789012;
  head.history = 42;
  head.shard_id = std::string(40, 'b');
  const std::string file = Seal(Encode(keyspace, head));

  Keyspace copy;
  copy.set_now_ms(1000);
  const auto contents = Decode(file, copy);
  REQUIRE(contents.ok());
  CHECK(contents->keys == keyspace.size());
  CHECK(contents->head.stream_id == head.stream_id);
  CHECK(contents->head.offset == head.offset);
  CHECK(contents->head.history == head.history);
  CHECK(contents->head.shard_id == head.shard_id);
  CHECK(contents->head.created_s == head.created_s);
  CHECK(Contents(copy) == Contents(keyspace));
  CHECK(copy.expiring_size() == 2);
}

TEST_CASE("large values that are saved in pieces come back, whatever changes meanwhile") {
  Keyspace keyspace;
  Fill(keyspace);
  testing::FillWithLargeValues(keyspace);
  const auto before = Contents(keyspace);
  std::string out;
  RdbEncoder encoder(&out, {}, keyspace.size(), keyspace.expiring_size());
  testing::ChangeDuringSnapshot(keyspace, encoder);
  encoder.Finish();
  REQUIRE(Contents(keyspace) != before);
  Keyspace copy;
  REQUIRE(Decode(Seal(out), copy).ok());
  CHECK(Contents(copy) == before);
}

TEST_CASE("an empty data set can be saved") {
  Keyspace keyspace;
  const auto contents = Decode(Seal(Encode(keyspace)), keyspace);
  REQUIRE(contents.ok());
  CHECK(contents->keys == 0);
  CHECK(contents->head.stream_id.empty());
}

TEST_CASE("a file that is cut off anywhere is refused") {
  Keyspace keyspace;
  keyspace.Upsert("k")->value.string() = "value";
  keyspace.SetExpiry(keyspace.Upsert("k"), 1'900'000'000'000);
  Value hash(ValueType::kHash);
  hash.hash().Set("f", "v");
  keyspace.Upsert("h")->value = std::move(hash);
  const std::string file = Seal(Encode(keyspace, {1, std::string(40, 'a'), 2, 3, "shard"}));
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(FaultOf(file.substr(0, size)) != "none");
  }
  CHECK(FaultOf(file) == "none");
}

TEST_CASE("a file with any bit turned is refused") {
  Keyspace keyspace;
  keyspace.Upsert("key")->value.string() = "value";
  keyspace.Upsert("n")->value.string() = "100000";
  const std::string file = Seal(Encode(keyspace));
  for (size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(damaged[i] ^ 1 << bit);
      CAPTURE(i, bit);
      // The version's number alone means the same as before.
      if (i >= 5 && i < rdb::kMagic.size() && FaultOf(damaged) == "none") continue;
      CHECK(FaultOf(damaged) != "none");
    }
  }
}

TEST_CASE("a fault is told with its offset and its cause") {
  const std::string magic(rdb::kMagic);
  const auto cause = [&](const std::string& items) { return FaultOf(Seal(magic + items)); };
  CHECK(FaultOf("") == "at offset 0: this is no RDB file");
  CHECK(FaultOf("KVSNAP1\n12345678") == "at offset 0: this is no RDB file");
  CHECK(FaultOf("REDIS0099") == "at offset 0: RDB version 99 is not known here");
  CHECK(FaultOf("REDISxxxx") == "at offset 0: this is no RDB file");
  CHECK(cause("\xfe\x03\xff") == "at offset 9: keys of database 3, but there is only 0 here");
  CHECK(cause("\xf7") == "at offset 9: data of a module, which kvserver has not");
  CHECK(cause("\xf5") == "at offset 9: a function library, which kvserver has not");
  CHECK(cause("\x15\x01k\xff") == "at offset 9: type 21 of a value, which kvserver has not");
  const std::string twice("\x00\x01k\x01v\x00\x01k\x01w\xff", 11);
  CHECK(cause(twice) == "at offset 14: a key that was there before");
  CHECK(FaultOf(magic + "\xff") == "at offset 9: the file ends in the middle");
  CHECK(FaultOf(magic + "\xff" + "12345678") == "at offset 9: the checksum is wrong");
  CHECK(FaultOf(Seal(magic + "\xff") + "x") == "at offset 9: 1 bytes behind the end");
  std::string bad = "\xfa";
  AppendRdbString(bad, rdb::kOffset);
  AppendRdbString(bad, "x");
  CHECK(cause(bad) == "at offset 9: the field repl-offset is no number");
}

TEST_CASE("what Redis puts into its files besides is understood") {
  std::string items = "\xf8\x05";  // Idle for that long.
  items += std::string(
      "\x00\x01"
      "a\x01"
      "1",
      5);
  items += "\xf9\x07";  // Used that often.
  items += std::string(
      "\x00\x01"
      "b\x01"
      "2",
      5);
  items += std::string("\xfd\x00\x00\x00\x40", 5);  // An expiry in seconds.
  items += std::string(
      "\x00\x01"
      "c\x01"
      "3",
      5);
  items += "\xff";
  Keyspace keyspace;
  REQUIRE(Decode("REDIS0009" + items + std::string(8, '\0'), keyspace).ok());
  CHECK(keyspace.size() == 3);
  REQUIRE(keyspace.Find("c") != nullptr);
  CHECK(keyspace.Find("c")->expires_at_ms == 0x40000000ll * 1000);
  CHECK(keyspace.Find("b")->expires_at_ms == kNoExpiry);
  CHECK(keyspace.Find("b")->value.string() == "2");
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "kvserver-rdb-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_),
                                             std::filesystem::directory_iterator()));
  }

 private:
  std::string path_;
};

TEST_CASE("a file is there whole or not at all") {
  TemporaryDirectory directory;
  const std::string path = directory.at("dump.rdb");
  Keyspace keyspace;
  Fill(keyspace);
  const std::string contents = Encode(keyspace);
  Keyspace copy;
  const auto load = [&] { return LoadRdbFile(path, copy, [](size_t, size_t) {}); };
  {
    RdbFile file(path);
    REQUIRE(file.Append(contents.substr(0, 100)).ok());
    CHECK(directory.files() == 1);
    CHECK(absl::IsNotFound(load().status()));
  }
  CHECK(directory.files() == 0);
  {
    RdbFile file(path);
    for (size_t i = 0; i < contents.size(); i += 1000) {
      REQUIRE(file.Append(std::string_view(contents).substr(i, 1000)).ok());
    }
    REQUIRE(file.Commit().ok());
  }
  CHECK(directory.files() == 1);
  REQUIRE(load().ok());
  CHECK(Contents(copy) == Contents(keyspace));
  {
    // A second one that is given up leaves the first.
    RdbFile file(path);
    REQUIRE(file.Append("something else").ok());
  }
  copy.Clear();
  CHECK(load().ok());
}

TEST_CASE("a file that cannot be written is an error, and stays one") {
  TemporaryDirectory directory;
  RdbFile file(directory.at("missing/dump.rdb"));
  const absl::Status status = file.Append("x");
  CHECK(status.message() == "can't open the temporary file: No such file or directory");
  CHECK(file.Append("y") == status);
  CHECK(file.Commit() == status);
}

}  // namespace
}  // namespace kv
