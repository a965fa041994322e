#ifndef KVSERVER_JSON_WRITER_H_
#define KVSERVER_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace kv {

// A number as JSON and Prometheus take it: the fewest digits that mean the same, no exponent.
std::string NumberText(double value);

// Writes one JSON value, piece by piece; commas and quotes come by themselves. Text that is no
// UTF-8 is made so.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);

  JsonWriter& String(std::string_view value);
  JsonWriter& Number(int64_t value);
  JsonWriter& Unsigned(uint64_t value);
  JsonWriter& Real(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  std::string Take() { return std::move(text_); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void Quote(std::string_view value);

  std::string text_;
  bool comma_ = false;  // Before what comes next.
};

}  // namespace kv

#endif  // KVSERVER_JSON_WRITER_H_
