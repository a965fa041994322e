#include "kvserver/value_codec.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/functional/function_ref.h"
#include "kvserver/crc64.h"
#include "kvserver/listpack.h"
#include "kvserver/little_endian.h"
#include "kvserver/rdb_strings.h"
#include "kvserver/text.h"
#include "kvserver/ziplist.h"

namespace kv {
namespace {

// The first byte of a value. Of several numbers for one type, Redis wrote the lower ones earlier,
// or for larger values.
enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kPrintedSortedSet = 3,
  kHash = 4,
  kSortedSet = 5,
  kListZiplist = 10,
  kSetIntset = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListOfZiplists = 14,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kListOfListpacks = 18,
  kSetListpack = 20,
};

// The nodes of a kListOfListpacks: one element, or a listpack.
constexpr uint64_t kPlainNode = 1;
constexpr uint64_t kPackedNode = 2;

constexpr uint16_t kWrittenVersion = 10;  // Redis 7.0
constexpr uint16_t kNewestReadable = 11;  // Redis 7.2, Valkey 8: adds kSetListpack
constexpr size_t kFooter = 2 + 8;         // version, checksum

// Redis's list-max-listpack-size, and what becomes a node of its own.
constexpr size_t kMaxListpack = 8192;
constexpr size_t kMaxPackedElement = size_t{1} << 20;

// --- Writing -------------------------------------------------------------------------------------

void AppendType(std::string& out, RdbType type) { out += static_cast<char>(type); }

void AppendList(std::string& out, const ListValue& list) {
  std::string nodes;
  uint64_t count = 0;
  ListpackWriter listpack;
  const auto add_node = [&](uint64_t kind, std::string_view node) {
    AppendRdbLength(nodes, kind);
    AppendRdbLength(nodes, node.size());
    nodes += node;
    ++count;
  };
  const auto end_listpack = [&] {
    if (!listpack.empty()) add_node(kPackedNode, listpack.Take());
  };
  for (const std::string& element : list) {
    if (listpack.SizeWith(element) > kMaxListpack) end_listpack();
    if (element.size() > kMaxPackedElement) {
      add_node(kPlainNode, element);
    } else {
      listpack.Append(element);
    }
  }
  end_listpack();
  AppendRdbLength(out, count);
  out += nodes;
}

// --- Reading -------------------------------------------------------------------------------------

// Each of these is false if the input is malformed. A member or field that comes twice is: it
// would be counted twice.

using Visitor = absl::FunctionRef<void(std::string_view)>;
using PackedReader = bool (*)(std::string_view bytes, Visitor visit);

bool ReadPacked(RdbReader& reader, PackedReader read, Visitor visit) {
  std::string packed;
  return reader.ReadString(&packed) && read(packed, visit);
}

bool ReadPackedList(RdbReader& reader, PackedReader read, ListValue& list) {
  return ReadPacked(reader, read, [&](std::string_view element) { list.emplace_back(element); });
}

bool ReadPackedSet(RdbReader& reader, PackedReader read, SetValue& set) {
  bool unique = true;
  return ReadPacked(reader, read,
                    [&](std::string_view member) { unique = set.Add(member) && unique; }) &&
         unique;
}

// Names and values take turns. `add` is false if it does not want a pair.
bool ReadPackedPairs(RdbReader& reader, PackedReader read,
                     absl::FunctionRef<bool(std::string_view name, std::string_view value)> add) {
  std::string name;
  bool have_name = false;
  bool good = true;
  const auto take = [&](std::string_view element) {
    if (have_name) {
      good = add(name, element) && good;
    } else {
      name.assign(element);
    }
    have_name = !have_name;
  };
  return ReadPacked(reader, read, take) && good && !have_name;
}

bool ReadPackedHash(RdbReader& reader, PackedReader read, HashValue& hash) {
  return ReadPackedPairs(reader, read, [&hash](std::string_view name, std::string_view value) {
    return hash.Set(name, value);
  });
}

bool ReadPackedSortedSet(RdbReader& reader, PackedReader read, SortedSetValue& set) {
  return ReadPackedPairs(reader, read, [&set](std::string_view name, std::string_view digits) {
    double score = 0;
    return ParseDouble(digits, &score) && set.Set(name, score);
  });
}

bool ReadNode(RdbReader& reader, ListValue& list) {
  uint64_t kind = 0;
  if (!reader.ReadLength(&kind)) return false;
  if (kind == kPlainNode) return reader.ReadString(&list.emplace_back());
  return kind == kPackedNode && ReadPackedList(reader, ReadListpack, list);
}

bool ReadList(RdbReader& reader, RdbType type, ListValue& list) {
  if (type == RdbType::kListZiplist) return ReadPackedList(reader, ReadZiplist, list);
  uint64_t count = 0;
  if (!reader.ReadLength(&count)) return false;
  for (; count > 0; --count) {
    const bool good = type == RdbType::kList             ? reader.ReadString(&list.emplace_back())
                      : type == RdbType::kListOfZiplists ? ReadPackedList(reader, ReadZiplist, list)
                                                         : ReadNode(reader, list);
    if (!good) return false;
  }
  return true;
}

bool ReadSet(RdbReader& reader, RdbType type, SetValue& set) {
  if (type == RdbType::kSetIntset) return ReadPackedSet(reader, ReadIntset, set);
  if (type == RdbType::kSetListpack) return ReadPackedSet(reader, ReadListpack, set);
  uint64_t count = 0;
  std::string member;
  if (!reader.ReadLength(&count)) return false;
  for (; count > 0; --count) {
    if (!reader.ReadString(&member) || !set.Add(member)) return false;
  }
  return true;
}

bool ReadHash(RdbReader& reader, RdbType type, HashValue& hash) {
  if (type == RdbType::kHashZiplist) return ReadPackedHash(reader, ReadZiplist, hash);
  if (type == RdbType::kHashListpack) return ReadPackedHash(reader, ReadListpack, hash);
  uint64_t count = 0;
  std::string name;
  std::string value;
  if (!reader.ReadLength(&count)) return false;
  for (; count > 0; --count) {
    if (!reader.ReadString(&name) || !reader.ReadString(&value)) return false;
    if (!hash.Set(name, value)) return false;
  }
  return true;
}

bool ReadSortedSet(RdbReader& reader, RdbType type, SortedSetValue& set) {
  if (type == RdbType::kSortedSetZiplist) return ReadPackedSortedSet(reader, ReadZiplist, set);
  if (type == RdbType::kSortedSetListpack) return ReadPackedSortedSet(reader, ReadListpack, set);
  uint64_t count = 0;
  std::string name;
  double score = 0;
  if (!reader.ReadLength(&count)) return false;
  set.Expect(count);
  for (; count > 0; --count) {
    if (!reader.ReadString(&name)) return false;
    const bool good = type == RdbType::kPrintedSortedSet ? reader.ReadPrintedDouble(&score)
                                                         : reader.ReadDouble(&score);
    if (!good || !set.Set(name, score)) return false;
  }
  return true;
}

std::optional<ValueType> TypeOf(RdbType type) {
  switch (type) {
    case RdbType::kString:
      return ValueType::kString;
    case RdbType::kList:
    case RdbType::kListZiplist:
    case RdbType::kListOfZiplists:
    case RdbType::kListOfListpacks:
      return ValueType::kList;
    case RdbType::kSet:
    case RdbType::kSetIntset:
    case RdbType::kSetListpack:
      return ValueType::kSet;
    case RdbType::kHash:
    case RdbType::kHashZiplist:
    case RdbType::kHashListpack:
      return ValueType::kHash;
    case RdbType::kPrintedSortedSet:
    case RdbType::kSortedSet:
    case RdbType::kSortedSetZiplist:
    case RdbType::kSortedSetListpack:
      return ValueType::kSortedSet;
  }
  return std::nullopt;
}

// What stands behind the type's number.
bool ReadContents(RdbReader& reader, RdbType type, Value& value) {
  switch (value.type()) {
    case ValueType::kString:
      return reader.ReadString(&value.string());
    case ValueType::kList:
      return ReadList(reader, type, value.list());
    case ValueType::kSet:
      return ReadSet(reader, type, value.set());
    case ValueType::kHash:
      return ReadHash(reader, type, value.hash());
    case ValueType::kSortedSet:
      return ReadSortedSet(reader, type, value.sorted_set());
  }
  return false;
}

absl::Status BadData() { return absl::InvalidArgumentError("Bad data format"); }

}  // namespace

void AppendValue(std::string& out, const Value& value) {
  switch (value.type()) {
    case ValueType::kString:
      AppendType(out, RdbType::kString);
      return AppendRdbString(out, value.string());
    case ValueType::kList:
      AppendType(out, RdbType::kListOfListpacks);
      return AppendList(out, value.list());
    default:
      break;
  }
  ValuePieces pieces(value);
  pieces.AppendHead(out, pieces.size());
  pieces.Append(out, std::numeric_limits<size_t>::max());
}

// --- Pieces --------------------------------------------------------------------------------------

ValuePieces::ValuePieces(const Value& value)
    : value_(value),
      size_(value.type() == ValueType::kString ? value.string().size() : value.element_count()) {
  if (value.type() == ValueType::kSortedSet) member_ = value.sorted_set().AtRank(0);
}

bool ValuePieces::Needed(const Value& value) {
  constexpr size_t kMaxBytes = size_t{64} << 10;
  constexpr size_t kMaxElements = 128;
  return value.type() == ValueType::kString ? value.string().size() > kMaxBytes
                                            : value.element_count() > kMaxElements;
}

void ValuePieces::AppendHead(std::string& out, size_t elements) const {
  constexpr RdbType kTypes[] = {RdbType::kString, RdbType::kList, RdbType::kSet, RdbType::kHash,
                                RdbType::kSortedSet};
  AppendType(out, kTypes[static_cast<size_t>(value_.type())]);
  AppendRdbLength(out, elements);
}

size_t ValuePieces::Append(std::string& out, size_t bytes) {
  const size_t before = done_;
  if (value_.type() == ValueType::kString) {
    done_ += std::min(bytes, left());
    out.append(value_.string(), before, done_ - before);
    return done_ - before;
  }
  const size_t start = out.size();
  while (left() > 0 && out.size() - start < bytes) AppendNext(out);
  return done_ - before;
}

void ValuePieces::AppendNext(std::string& out) {
  const size_t next = done_++;
  switch (value_.type()) {
    case ValueType::kString:
      break;
    case ValueType::kList:
      return AppendRdbString(out, value_.list()[next]);
    case ValueType::kSet:
      return AppendRdbString(out, value_.set().members()[next].name);
    case ValueType::kHash:
      AppendRdbString(out, value_.hash().fields()[next].name);
      return AppendRdbString(out, value_.hash().fields()[next].value);
    case ValueType::kSortedSet:
      AppendRdbString(out, member_->name());
      AppendRdbDouble(out, member_->score());
      member_ = member_->next();
  }
}

// --- Whole values --------------------------------------------------------------------------------

bool KnowsValueType(uint8_t number) { return TypeOf(static_cast<RdbType>(number)).has_value(); }

absl::StatusOr<Value> ReadValue(uint8_t number, RdbReader& reader) {
  const auto type = static_cast<RdbType>(number);
  const std::optional<ValueType> value_type = TypeOf(type);
  if (!value_type.has_value()) return BadData();
  Value value(*value_type);
  if (!ReadContents(reader, type, value)) return BadData();
  if (value.element_count() == 0) return BadData();
  return value;
}

absl::StatusOr<Value> ParseValue(std::string_view bytes) {
  RdbReader reader(bytes);
  uint8_t number = 0;
  if (!reader.ReadByte(&number)) return BadData();
  absl::StatusOr<Value> value = ReadValue(number, reader);
  if (value.ok() && !reader.at_end()) return BadData();
  return value;
}

void SealPayload(std::string& out) {
  PutLittleEndian(out, kWrittenVersion);
  PutLittleEndian(out, Crc64(out));
}

absl::StatusOr<std::string_view> OpenPayload(std::string_view payload) {
  const absl::Status damaged = absl::DataLossError("DUMP payload version or checksum are wrong");
  if (payload.size() < kFooter) return damaged;
  const size_t checksum = payload.size() - sizeof(uint64_t);
  const size_t version = payload.size() - kFooter;
  if (GetLittleEndian<uint16_t>(payload, version) > kNewestReadable) return damaged;
  if (GetLittleEndian<uint64_t>(payload, checksum) != Crc64(payload.substr(0, checksum))) {
    return damaged;
  }
  return payload.substr(0, version);
}

std::string DumpPayload(const Value& value) {
  std::string out;
  AppendValue(out, value);
  SealPayload(out);
  return out;
}

absl::StatusOr<Value> ParsePayload(std::string_view payload) {
  const absl::StatusOr<std::string_view> contents = OpenPayload(payload);
  if (!contents.ok()) return contents.status();
  return ParseValue(*contents);
}

}  // namespace kv
