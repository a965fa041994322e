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

// A value that is written a piece at a time, because it may be huge: AppendHead, and behind it the
// elements, of which a string's bytes are. It must not change meanwhile.
class ValuePieces {
 public:
  explicit ValuePieces(const Value& value);
  // Whether a value is worth the trouble.
  static bool Needed(const Value& value);

  size_t size() const { return size_; }  // in elements
  size_t left() const { return size_ - done_; }
  // Of a value of so many elements.
  void AppendHead(std::string& out, size_t elements) const;
  // Adds about `bytes` of elements, and returns how many elements those are.
  size_t Append(std::string& out, size_t bytes);

 private:
  void AppendNext(std::string& out);

  const Value& value_;
  const size_t size_;
  size_t done_ = 0;
  const ScoredMember* member_ = nullptr;  // the next one of a sorted set
};

// The same from a longer text, the type's number having been read before.
bool KnowsValueType(uint8_t number);
absl::StatusOr<Value> ReadValue(uint8_t number, RdbReader& reader);

// What makes a payload of any content: version and checksum behind it. DataLoss as above.
void SealPayload(std::string& out);
absl::StatusOr<std::string_view> OpenPayload(std::string_view payload);

}  // namespace kv

#endif  // KVSERVER_VALUE_CODEC_H_
