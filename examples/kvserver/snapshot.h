#ifndef KVSERVER_SNAPSHOT_H_
#define KVSERVER_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "kvserver/entry.h"
#include "kvserver/value_codec.h"

namespace kv {

class Keyspace;
enum class SnapshotMark : char;

// A data set as bytes, for a replica's full synchronisation: a header with the history that the
// data belong to, the keys in any order, and an end mark with their count and a checksum. It tells
// its own end. A key is one record; of a large value further records bring more, with others in
// between, so that nobody waits until it is written, or read. Integers are little endian.

// Appends to a buffer that the caller empties as it likes.
class SnapshotEncoder {
 public:
  // Writes the header. `out` must outlive the encoder.
  SnapshotEncoder(std::string* out, uint64_t history);
  // Unless `whole`, of a large value one piece: true if more is to come, by calls with the same
  // entry.
  bool Add(const Entry& entry, bool whole);
  // Writes the end mark. Once, last.
  void Finish();

 private:
  struct Unfinished {
    const Entry* entry;
    ValuePieces pieces;
  };

  // One, or all that are left if `whole`. Whether some are.
  bool AddPieces(const Entry& entry, ValuePieces& pieces, bool whole);
  void AddRecord(SnapshotMark mark, const Entry& entry, absl::FunctionRef<void()> append_value);
  std::string& out_;
  uint64_t count_ = 0;
  uint64_t checksum_;
  std::optional<Unfinished> unfinished_;
};

// Cuts a snapshot into records. Use: call Next with all input that is not consumed yet, and drop
// `consumed()` bytes after each result but kNeedMore. Nothing is allocated for a size that is
// only announced.
class SnapshotDecoder {
 public:
  enum class Result {
    kNeedMore,
    kHeader,  // history() is set; comes first
    kRecord,  // record() is set and points into the input
    kEnd,     // complete, and the checksum fits
    kError,   // error() is set
  };
  struct Record {
    std::string_view key;
    // The string, or a container as AppendValue wrote it: not read yet, let alone checked.
    bool is_string = true;
    bool more = false;  // belongs behind what came for this key before
    std::string_view value;
    int64_t expires_at_ms = kNoExpiry;
  };

  Result Next(std::string_view input);

  size_t consumed() const { return consumed_; }
  uint64_t history() const { return history_; }
  const Record& record() const { return record_; }
  const std::string& error() const { return error_; }
  // Bytes that the input must reach before Next can get on.
  size_t bytes_wanted() const { return bytes_wanted_; }

 private:
  Result ParseHeader(std::string_view input);
  Result ParseRecord(std::string_view input);
  Result ParseEnd(std::string_view input);
  Result NeedMore(size_t bytes_wanted);
  Result Fail(std::string error);

  bool header_seen_ = false;
  size_t consumed_ = 0;
  size_t bytes_wanted_ = 0;
  uint64_t history_ = 0;
  uint64_t count_ = 0;
  uint64_t checksum_;
  Record record_;
  std::string error_;
};

// Adds it to a data set that began empty. False: it is no value, or does not fit what came before.
bool LoadRecord(const SnapshotDecoder::Record& record, Keyspace& keyspace);

}  // namespace kv

#endif  // KVSERVER_SNAPSHOT_H_
