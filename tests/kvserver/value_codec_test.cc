// Values as bytes. What Redis makes of them is in exchange_with_redis.py.

#include "kvserver/value_codec.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kvserver/crc64.h"
#include "kvserver/listpack.h"
#include "kvserver/little_endian.h"
#include "kvserver/lzf.h"
#include "kvserver/text.h"
#include "support/catch.h"

namespace kv {
namespace {

using namespace std::string_literals;

Value MakeString(std::string text) {
  Value value;
  value.string() = std::move(text);
  return value;
}

Value MakeList(const std::vector<std::string>& elements) {
  Value value(ValueType::kList);
  for (const std::string& element : elements) value.list().push_back(element);
  return value;
}

Value MakeSet(const std::vector<std::string>& members) {
  Value value(ValueType::kSet);
  for (const std::string& member : members) value.set().Add(member);
  return value;
}

Value MakeHash(const std::vector<std::string>& names) {
  Value value(ValueType::kHash);
  for (const std::string& name : names) value.hash().Set(name, name + "=");
  return value;
}

Value MakeSortedSet(const std::vector<std::string>& names) {
  Value value(ValueType::kSortedSet);
  double score = -1.0 / 3;
  for (const std::string& name : names) value.sorted_set().Set(name, score *= -1.5);
  return value;
}

// All that a value holds, with its type; sets and hashes in the order of their names.
std::vector<std::string> Contents(const Value& value) {
  std::vector<std::string> contents = {std::string(TypeName(value.type()))};
  const auto add_all = [&contents](const auto& parts) {
    contents.insert(contents.end(), parts.begin(), parts.end());
  };
  std::set<std::string> names;
  switch (value.type()) {
    case ValueType::kString:
      contents.push_back(value.string());
      break;
    case ValueType::kList:
      add_all(value.list());
      break;
    case ValueType::kSet:
      for (const SetMember& member : value.set().members()) names.insert(member.name);
      add_all(names);
      break;
    case ValueType::kHash:
      for (const HashField& field : value.hash().fields()) {
        names.insert(field.name + '\0' + field.value);
      }
      add_all(names);
      break;
    case ValueType::kSortedSet:
      for (const ScoredMember* member = value.sorted_set().AtRank(0); member != nullptr;
           member = member->next()) {
        contents.push_back(FormatDouble(member->score()));
        contents.emplace_back(member->name());
      }
      break;
  }
  return contents;
}

std::vector<std::string> Texts() {
  std::vector<std::string> texts = {"",
                                    "a",
                                    "0",
                                    "-1",
                                    "007",
                                    "-0",
                                    "127",
                                    "-129",
                                    "32768",
                                    "2147483647",
                                    "2147483648",
                                    "-2147483649",
                                    "9223372036854775807",
                                    "\0\xff\r\n"s};
  // Sizes at which a length, or the length of a length, takes one more byte.
  for (const size_t size : {63, 64, 125, 126, 127, 4095, 4096, 16375, 16376, 16377, 16378, 16383,
                            16384, 2097143, 2097144, 2097145, 2097146}) {
    texts.emplace_back(size, static_cast<char>('a' + size % 26));
  }
  return texts;
}

TEST_CASE("a payload gives the value back that it was made of") {
  std::vector<Value> values;
  const std::vector<std::string> texts = Texts();
  for (const std::string& text : texts) {
    values.push_back(MakeString(text));
    values.push_back(MakeList({text}));
    values.push_back(MakeList({"a", text, text, "b"}));
  }
  std::vector<std::string> many;
  for (int i = 0; i < 5000; ++i) many.push_back(std::to_string(i * i));
  for (const std::vector<std::string>& parts : {texts, many}) {
    values.push_back(MakeList(parts));
    values.push_back(MakeSet(parts));
    values.push_back(MakeHash(parts));
    values.push_back(MakeSortedSet(parts));
  }
  values.push_back(MakeSortedSet({"a", "b", "", "c"}));
  for (const Value& value : values) {
    const absl::StatusOr<Value> parsed = ParsePayload(DumpPayload(value));
    REQUIRE(parsed.ok());
    REQUIRE(Contents(*parsed) == Contents(value));
    REQUIRE(EncodingName(*parsed) == EncodingName(value));
    REQUIRE(Contents(value.Copy()) == Contents(value));
  }
}

TEST_CASE("a payload is Redis's, byte for byte") {
  CHECK(DumpPayload(MakeString("10")) ==
        "\0\xc0\n\n\0n\x9fWE\x0e\xae"
        "c\xbb"s);
}

TEST_CASE("a payload cut anywhere, or with any byte changed, is refused by its checksum") {
  const std::string good = DumpPayload(MakeHash({"a", "b", "c"}));
  for (size_t i = 0; i < good.size(); ++i) {
    CHECK(absl::IsDataLoss(ParsePayload(good.substr(0, i)).status()));
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    CHECK(absl::IsDataLoss(ParsePayload(changed).status()));
  }
  CHECK(ParsePayload("").status().message() == "DUMP payload version or checksum are wrong");
}

std::string Sealed(std::string body, uint16_t version) {
  PutLittleEndian(body, version);
  PutLittleEndian(body, Crc64(body));
  return body;
}

TEST_CASE("versions up to that of Redis 7.2 are read") {
  CHECK(ParsePayload(Sealed("\0\1a"s, 1)).ok());
  CHECK(ParsePayload(Sealed("\0\1a"s, 10)).ok());
  CHECK(ParsePayload(Sealed("\0\1a"s, 11)).ok());
  CHECK(absl::IsDataLoss(ParsePayload(Sealed("\0\1a"s, 12)).status()));
  CHECK(absl::IsDataLoss(ParsePayload(Sealed("\0\1a"s, 0x100)).status()));
}

TEST_CASE("a value that ends too early or too late is refused") {
  for (const Value& value :
       {MakeString("some text"), MakeList({"a", "b", "12", std::string(9000, 'x')}),
        MakeSet({"a", "7", "70000"}), MakeHash({"a", "500", "c"})}) {
    std::string bytes;
    AppendValue(bytes, value);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const absl::Status status = ParseValue(bytes.substr(0, size)).status();
      REQUIRE(absl::IsInvalidArgument(status));
      REQUIRE(status.message() == "Bad data format");
    }
    CHECK_FALSE(ParseValue(bytes + "x").ok());
  }
}

TEST_CASE("a size inside of a value that is only announced is not believed") {
  const std::string huge = "\x81\x40\0\0\0\0\0\0\0"s;  // 2^62
  for (const char type : {'\0', '\1', '\2', '\4', '\x0a', '\x0b', '\x0d', '\x0e', '\x10', '\x12'}) {
    CHECK_FALSE(ParseValue(type + huge + "\1a\1b").ok());
    // As the size of an element.
    CHECK_FALSE(ParseValue(type + "\1"s + huge + "a").ok());
  }
  // As the size of a compressed string: no input of three bytes yields so much.
  CHECK_FALSE(ParseValue("\0\xc3\3"s + huge + "\2ab").ok());
}

TEST_CASE("types that kvserver has not are refused") {
  for (const int type : {3, 5, 6, 7, 9, 12, 15, 17, 19, 21, 22, 255}) {
    CHECK_FALSE(ParseValue(std::string(1, static_cast<char>(type)) + "\1a\1b").ok());
  }
}

TEST_CASE("small elements share a listpack, large ones do not") {
  const auto nodes_of = [](const std::vector<std::string>& elements) {
    std::string bytes;
    AppendValue(bytes, MakeList(elements));
    return static_cast<unsigned char>(bytes[1]);
  };
  const std::string medium(5000, 'm');
  CHECK(nodes_of(std::vector<std::string>(100, "small")) == 1);
  CHECK(nodes_of({medium, "small", medium}) == 2);
  CHECK(nodes_of({"a", std::string(2 << 20, 'l'), "b", "c"}) == 3);
}

TEST_CASE("the count of a listpack says so when there are more elements than it can count") {
  for (const size_t count : {65534, 65535, 65536}) {
    ListpackWriter writer;
    for (size_t i = 0; i < count; ++i) writer.Append("");
    const std::string bytes = writer.Take();
    CHECK(GetLittleEndian<uint16_t>(bytes, 4) == std::min<size_t>(count, 65535));
    size_t seen = 0;
    CHECK(ReadListpack(bytes, [&seen](std::string_view) { ++seen; }));
    CHECK(seen == count);
  }
}

TEST_CASE("a compressed string is unpacked, or refused") {
  std::string out;
  // "ab", then 10 bytes from two bytes before, then "!".
  const std::string packed = "\1ab\xe0\1\1\0!"s;
  REQUIRE(LzfDecompress(packed, 13, &out));
  CHECK(out == "abababababab!");
  CHECK_FALSE(LzfDecompress(packed, 12, &out));
  CHECK_FALSE(LzfDecompress(packed, 14, &out));
  for (size_t size = 0; size < packed.size(); ++size) {
    CHECK_FALSE(LzfDecompress(packed.substr(0, size), 13, &out));
  }
  CHECK_FALSE(LzfDecompress("\0a\x20\1"s, 4, &out));  // one byte before the first
  CHECK_FALSE(LzfDecompress("\0a"s, size_t{1} << 62, &out));
  CHECK(LzfDecompress("", 0, &out));
}

TEST_CASE("the checksum is CRC-64 after Jones, however long the input") {
  CHECK(Crc64("") == 0);
  CHECK(Crc64("123456789") == 0xe9c6d914c4b8d9ca);
  CHECK(Crc64("This is a test of the emergency broadcast system.") == 0x42153dc5db99540f);
}

}  // namespace
}  // namespace kv
