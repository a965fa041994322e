#include "kvserver/snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kvserver/keyspace.h"
#include "kvserver/little_endian.h"

namespace kv {

// Strings, which most values are, stand there as they are; containers as AppendValue writes them.
// What is more of a value looks as if it were one of its own.
enum class SnapshotMark : char {
  kEnd = 0,
  kString = 1,
  kContainer = 2,
  kMoreString = 3,
  kMoreMembers = 4,
};

namespace {

using Mark = SnapshotMark;

constexpr std::string_view kMagic = "KVSNAP1\n";
constexpr size_t kHeaderSize = 16;  // magic, history
constexpr uint64_t kChecksumStart = 0xcbf29ce484222325;

// mark, expiry, key size, value size; key and value follow.
constexpr size_t kRecordHead = 1 + 8 + 4 + 8;
// mark, count, checksum.
constexpr size_t kEndSize = 1 + 8 + 8;
// More than any value can have, see proto-max-bulk-len.
constexpr uint64_t kMaxValueSize = uint64_t{1} << 40;
// Of a large value, in one record.
constexpr size_t kPieceSize = size_t{64} << 10;

// Guards against damage, not against malice. Goes by eight bytes at a time.
uint64_t Checksum(uint64_t seed, std::string_view bytes) {
  constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;
  uint64_t sum = seed ^ (bytes.size() * kPrime);
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    sum = (sum ^ GetLittleEndian<uint64_t>(bytes, i)) * kPrime;
    sum ^= sum >> 29;
  }
  for (; i < bytes.size(); ++i) {
    sum = (sum ^ static_cast<unsigned char>(bytes[i])) * kPrime;
    sum ^= sum >> 29;
  }
  return sum;
}

}  // namespace

SnapshotEncoder::SnapshotEncoder(std::string* out, uint64_t history) : out_(*out) {
  const size_t start = out_.size();
  out_ += kMagic;
  PutLittleEndian(out_, history);
  checksum_ = Checksum(kChecksumStart, std::string_view(out_).substr(start));
}

bool SnapshotEncoder::Add(const Entry& entry, bool whole) {
  if (unfinished_.has_value() && unfinished_->entry == &entry) {
    if (AddPieces(entry, unfinished_->pieces, whole)) return true;
    unfinished_.reset();
    return false;
  }
  ++count_;
  const bool is_string = entry.value.type() == ValueType::kString;
  if (ValuePieces::Needed(entry.value)) {
    ValuePieces pieces(entry.value);
    const bool more = AddPieces(entry, pieces, whole);
    if (more) unfinished_.emplace(Unfinished{&entry, pieces});
    return more;
  }
  AddRecord(is_string ? Mark::kString : Mark::kContainer, entry, [&] {
    if (is_string) {
      out_ += entry.value.string();
    } else {
      AppendValue(out_, entry.value);
    }
  });
  return false;
}

bool SnapshotEncoder::AddPieces(const Entry& entry, ValuePieces& pieces, bool whole) {
  const bool is_string = entry.value.type() == ValueType::kString;
  do {
    const bool first = pieces.left() == pieces.size();
    Mark mark = first ? Mark::kContainer : Mark::kMoreMembers;
    if (is_string) mark = first ? Mark::kString : Mark::kMoreString;
    AddRecord(mark, entry, [&] {
      if (is_string) return static_cast<void>(pieces.Append(out_, kPieceSize));
      std::string elements;
      pieces.AppendHead(out_, pieces.Append(elements, kPieceSize));
      out_ += elements;
    });
  } while (whole && pieces.left() > 0);
  return pieces.left() > 0;
}

void SnapshotEncoder::AddRecord(SnapshotMark mark, const Entry& entry,
                                absl::FunctionRef<void()> append_value) {
  const size_t start = out_.size();
  out_ += static_cast<char>(mark);
  PutLittleEndian(out_, static_cast<uint64_t>(entry.expires_at_ms));
  PutLittleEndian(out_, entry.key_size);
  const size_t size_at = out_.size();
  PutLittleEndian(out_, uint64_t{0});
  out_ += entry.key();
  const size_t value_at = out_.size();
  append_value();
  std::string value_size;
  PutLittleEndian(value_size, uint64_t{out_.size() - value_at});
  out_.replace(size_at, value_size.size(), value_size);
  checksum_ = Checksum(checksum_, std::string_view(out_).substr(start));
}

void SnapshotEncoder::Finish() {
  out_ += static_cast<char>(Mark::kEnd);
  PutLittleEndian(out_, count_);
  PutLittleEndian(out_, checksum_);
}

SnapshotDecoder::Result SnapshotDecoder::NeedMore(size_t bytes_wanted) {
  bytes_wanted_ = bytes_wanted;
  return Result::kNeedMore;
}

SnapshotDecoder::Result SnapshotDecoder::Fail(std::string error) {
  error_ = std::move(error);
  return Result::kError;
}

SnapshotDecoder::Result SnapshotDecoder::Next(std::string_view input) {
  consumed_ = 0;
  if (!header_seen_) return ParseHeader(input);
  if (input.empty()) return NeedMore(1);
  switch (static_cast<Mark>(input[0])) {
    case Mark::kString:
    case Mark::kContainer:
    case Mark::kMoreString:
    case Mark::kMoreMembers:
      return ParseRecord(input);
    case Mark::kEnd:
      return ParseEnd(input);
  }
  return Fail(absl::StrCat("unknown record type ", static_cast<unsigned char>(input[0]), " after ",
                           count_, " records"));
}

SnapshotDecoder::Result SnapshotDecoder::ParseHeader(std::string_view input) {
  // Refuses strangers at their first byte, not when they have sent a header's worth.
  const size_t seen = std::min(input.size(), kMagic.size());
  if (input.substr(0, seen) != kMagic.substr(0, seen)) return Fail("not a snapshot of kvserver");
  if (input.size() < kHeaderSize) return NeedMore(kHeaderSize);
  header_seen_ = true;
  history_ = GetLittleEndian<uint64_t>(input, kMagic.size());
  checksum_ = Checksum(kChecksumStart, input.substr(0, kHeaderSize));
  consumed_ = kHeaderSize;
  return Result::kHeader;
}

SnapshotDecoder::Result SnapshotDecoder::ParseRecord(std::string_view input) {
  if (input.size() < kRecordHead) return NeedMore(kRecordHead);
  const auto key_size = GetLittleEndian<uint32_t>(input, 9);
  const auto value_size = GetLittleEndian<uint64_t>(input, 13);
  if (value_size > kMaxValueSize) return Fail(absl::StrCat("value of ", value_size, " bytes"));
  const size_t size = kRecordHead + key_size + value_size;
  if (input.size() < size) return NeedMore(size);
  const Mark mark = static_cast<Mark>(input[0]);
  record_.is_string = mark == Mark::kString || mark == Mark::kMoreString;
  record_.more = mark == Mark::kMoreString || mark == Mark::kMoreMembers;
  record_.expires_at_ms = static_cast<int64_t>(GetLittleEndian<uint64_t>(input, 1));
  record_.key = input.substr(kRecordHead, key_size);
  record_.value = input.substr(kRecordHead + key_size, value_size);
  checksum_ = Checksum(checksum_, input.substr(0, size));
  if (!record_.more) ++count_;
  consumed_ = size;
  return Result::kRecord;
}

SnapshotDecoder::Result SnapshotDecoder::ParseEnd(std::string_view input) {
  if (input.size() < kEndSize) return NeedMore(kEndSize);
  const auto count = GetLittleEndian<uint64_t>(input, 1);
  if (count != count_) return Fail(absl::StrCat(count_, " records instead of ", count));
  if (GetLittleEndian<uint64_t>(input, 9) != checksum_) return Fail("wrong checksum");
  consumed_ = kEndSize;
  return Result::kEnd;
}

bool LoadRecord(const SnapshotDecoder::Record& record, Keyspace& keyspace) {
  Value value;
  if (record.is_string) {
    value.string().assign(record.value);
  } else {
    absl::StatusOr<Value> container = ParseValue(record.value);
    if (!container.ok()) return false;
    value = *std::move(container);
  }
  // A key may have expired between two of its records.
  const ExpiryMode mode = keyspace.expiry_mode();
  keyspace.set_expiry_mode(ExpiryMode::kIgnore);
  bool created = false;
  Entry* entry = keyspace.Upsert(record.key, &created);
  keyspace.set_expiry_mode(mode);
  if (created == record.more) return false;
  if (record.more) return entry->value.Append(std::move(value));
  entry->value = std::move(value);
  if (record.expires_at_ms != kNoExpiry) keyspace.SetExpiry(entry, record.expires_at_ms);
  return true;
}

}  // namespace kv
