#ifndef KVSERVER_RDB_ENCODER_H_
#define KVSERVER_RDB_ENCODER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kvserver/entry.h"
#include "kvserver/value_codec.h"

namespace kv {

// What stands in front of the values of a snapshot file.
struct RdbHead {
  int64_t created_s = 0;  // unix time
  // Which data these are; empty if nobody replicates them. See DataState.
  std::string stream_id;
  uint64_t offset = 0;
  uint64_t history = 0;
  std::string shard_id;
};

// Words of the file that its writer and its reader share. Redis's format, version 10.
namespace rdb {
inline constexpr std::string_view kMagic = "REDIS0010";
inline constexpr std::string_view kStreamId = "repl-id";
inline constexpr std::string_view kOffset = "repl-offset";
// Not Redis's, which skips them.
inline constexpr std::string_view kHistory = "kvserver-history-epoch";
inline constexpr std::string_view kShardId = "kvserver-shard-id";

// What begins an item, if it is not the type of a value.
enum class Mark : uint8_t {
  kFunctions = 0xf5,
  kModuleAux = 0xf7,
  kIdleTime = 0xf8,
  kFrequency = 0xf9,
  kAux = 0xfa,
  kResize = 0xfb,
  kExpiryMs = 0xfc,
  kExpirySeconds = 0xfd,
  kSelect = 0xfe,
  kEnd = 0xff,
};
}  // namespace rdb

// A data set as the contents of a snapshot file, but for the checksum at its end. Appends to a
// buffer that the caller empties as it likes.
class RdbEncoder {
 public:
  // Writes the head. `out` must outlive the encoder.
  RdbEncoder(std::string* out, const RdbHead& head, size_t keys, size_t expiring);
  // Unless `whole`, of a large value one piece: true if more is to come, by calls with the same
  // entry. Others may come in between, and wait here until it is complete.
  bool Add(const Entry& entry, bool whole);
  // Once, last.
  void Finish();

 private:
  void Aux(std::string_view name, std::string_view value);
  void Begin(rdb::Mark mark) { out_ += static_cast<char>(mark); }
  struct Unfinished {
    const Entry* entry;
    ValuePieces pieces;
  };

  // The entry with its value, or the beginning of it.
  void BeginEntry(std::string& out, const Entry& entry, std::string_view value);

  std::string& out_;
  std::string value_;
  std::string later_;  // what came while a value is unfinished
  std::optional<Unfinished> unfinished_;
};

}  // namespace kv

#endif  // KVSERVER_RDB_ENCODER_H_
