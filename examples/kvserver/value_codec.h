#ifndef KVSERVER_VALUE_CODEC_H_
#define KVSERVER_VALUE_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kvserver/rdb_strings.h"
#include "kvserver/value.h"

namespace kv {

// Values as bytes, in the encoding that Redis has for them in its RDB files and DUMP payloads, so
// that data can move between kvserver and Redis either way.

// What DUMP answers: the value, the version of the encoding (that of Redis 7.0), a checksum.
std::string DumpPayload(const Value& value);

// Reads what Redis before 7.4 or Valkey before 9 dumped of a string, list, set, hash
// or sorted set. DataLoss:
// the checksum is wrong, or the version is too new. InvalidArgument: anything else is wrong, or the
// value is of a type that kvserver has not. The messages are what RESTORE answers behind "ERR ".
absl::StatusOr<Value> ParsePayload(std::string_view payload);

// The same without version and checksum, where something else takes care of them.
void AppendValue(std::string& out, const Value& value);
absl::StatusOr<Value> ParseValue(std::string_view bytes);

// The same from a longer text, the type's number having been read before.
bool KnowsValueType(uint8_t number);
absl::StatusOr<Value> ReadValue(uint8_t number, RdbReader& reader);

// What makes a payload of any content: version and checksum behind it. DataLoss as above.
void SealPayload(std::string& out);
absl::StatusOr<std::string_view> OpenPayload(std::string_view payload);

}  // namespace kv

#endif  // KVSERVER_VALUE_CODEC_H_
