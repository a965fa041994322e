#ifndef KVSERVER_RDB_STRINGS_H_
#define KVSERVER_RDB_STRINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv {

// What values are made of in Redis's RDB format: lengths of one to nine bytes, strings, which may
// be stored as integers or compressed, and scores.

void AppendRdbLength(std::string& out, uint64_t length);
// Integers of up to 32 bits as such, all else as it is.
void AppendRdbString(std::string& out, std::string_view text);

void AppendRdbDouble(std::string& out, double value);

// Reads from front to back. Each function returns false if the input is malformed or ends too
// early; nothing is allocated for a size that is only announced.
class RdbReader {
 public:
  explicit RdbReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }
  size_t remaining() const { return bytes_.size(); }
  bool ReadByte(uint8_t* byte);
  bool ReadLength(uint64_t* length);
  // An integer of `width` bytes, at most eight.
  bool ReadLittleEndian(size_t width, uint64_t* value);
  bool ReadString(std::string* text);
  bool ReadDouble(double* value);
  // In digits, as Redis wrote doubles before 4.0.
  bool ReadPrintedDouble(double* value);

 private:
  // A length, or else a special encoding of a string.
  bool ReadHead(uint64_t* value, bool* is_length);
  bool ReadBigEndian(size_t width, uint64_t* value);
  bool Take(uint64_t size, std::string_view* bytes);
  bool ReadCompressed(std::string* text);

  std::string_view bytes_;
};

}  // namespace kv

#endif  // KVSERVER_RDB_STRINGS_H_
