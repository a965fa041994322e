#include "kvserver/rdb_encoder.h"

#include "absl/strings/str_cat.h"
#include "kvserver/config.h"
#include "kvserver/little_endian.h"
#include "kvserver/rdb_strings.h"
#include "kvserver/value_codec.h"

namespace kv {

using rdb::Mark;

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

void RdbEncoder::Add(const Entry& entry) {
  if (entry.expires_at_ms != kNoExpiry) {
    Begin(Mark::kExpiryMs);
    PutLittleEndian(out_, static_cast<uint64_t>(entry.expires_at_ms));
  }
  // The key stands between the value's type and its contents.
  value_.clear();
  AppendValue(value_, entry.value);
  out_ += value_.front();
  AppendRdbString(out_, entry.key());
  out_.append(value_, 1);
}

void RdbEncoder::Finish() { Begin(Mark::kEnd); }

}  // namespace kv
