#include "kvserver/rdb_encoder.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/config.h"
#include "kvserver/little_endian.h"
#include "kvserver/rdb_strings.h"

namespace kv {

using rdb::Mark;

namespace {

// Of a large value, at a time.
constexpr size_t kPieceSize = size_t{64} << 10;

}  // namespace

RdbEncoder::RdbEncoder(std::string* out, const RdbHead& head, size_t keys, size_t expiring)
    : out_(*out) {
  out_ += rdb::kMagic;
  Aux("redis-ver", kRedisVersion);
  Aux("redis-bits", "64");
  Aux("ctime", absl::StrCat(head.created_s));
  if (!head.stream_id.empty()) {
    Aux("repl-stream-db", "0");
    Aux(rdb::kStreamId, head.stream_id);
    Aux(rdb::kOffset, absl::StrCat(head.offset));
    Aux(rdb::kHistory, absl::StrCat(head.history));
    Aux(rdb::kShardId, head.shard_id);
  }
  Aux("aof-base", "0");
  if (keys == 0) return;
  Begin(Mark::kSelect);
  AppendRdbLength(out_, 0);
  Begin(Mark::kResize);
  AppendRdbLength(out_, keys);
  AppendRdbLength(out_, expiring);
}

void RdbEncoder::Aux(std::string_view name, std::string_view value) {
  Begin(Mark::kAux);
  AppendRdbString(out_, name);
  AppendRdbString(out_, value);
}

bool RdbEncoder::Add(const Entry& entry, bool whole) {
  const size_t piece = whole ? std::numeric_limits<size_t>::max() : kPieceSize;
  if (unfinished_.has_value() && unfinished_->entry == &entry) {
    unfinished_->pieces.Append(out_, piece);
    if (unfinished_->pieces.left() > 0) return true;
    unfinished_.reset();
    out_ += std::exchange(later_, {});
    return false;
  }
  std::string& out = unfinished_.has_value() ? later_ : out_;
  value_.clear();
  if (!ValuePieces::Needed(entry.value)) {
    AppendValue(value_, entry.value);
    BeginEntry(out, entry, value_);
    return false;
  }
  ValuePieces pieces(entry.value);
  pieces.AppendHead(value_, pieces.size());
  BeginEntry(out, entry, value_);
  pieces.Append(out, piece);
  if (pieces.left() > 0) unfinished_.emplace(Unfinished{&entry, pieces});
  return pieces.left() > 0;
}

void RdbEncoder::BeginEntry(std::string& out, const Entry& entry, std::string_view value) {
  if (entry.expires_at_ms != kNoExpiry) {
    out += static_cast<char>(Mark::kExpiryMs);
    PutLittleEndian(out, static_cast<uint64_t>(entry.expires_at_ms));
  }
  // The key stands between the value's type and its contents.
  out += value.front();
  AppendRdbString(out, entry.key());
  out += value.substr(1);
}

void RdbEncoder::Finish() { Begin(Mark::kEnd); }

}  // namespace kv
