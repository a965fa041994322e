#ifndef KVSERVER_REPLY_WRITER_H_
#define KVSERVER_REPLY_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace kv {

// Version of the RESP protocol that a client has chosen with HELLO.
enum class Protocol : uint8_t { kResp2 = 2, kResp3 = 3 };

// Appends replies to a client's output buffer in that client's protocol version, so a command
// is written once for both. Aggregates announce their size first; the caller then writes exactly
// that many replies (for a map: key and value, twice the announced number).
class ReplyWriter {
 public:
  // `out` must outlive the writer. The protocol is a copy: HELLO makes a second writer.
  ReplyWriter(std::string* out, Protocol protocol) : out_(*out), protocol_(protocol) {}

  Protocol protocol() const { return protocol_; }
  bool resp3() const { return protocol_ == Protocol::kResp3; }

  void Ok() { out_.append("+OK\r\n", 5); }
  void Simple(std::string_view text);
  // `text` starts with its code ("ERR syntax error"). CR and LF in it become blanks, because
  // errors quote what clients sent and must stay one line.
  void Error(std::string_view text);
  void Integer(int64_t value);
  void Bool(bool value);  // RESP2: 1 or 0
  void Bulk(std::string_view bytes);
  void BulkInteger(int64_t value);
  void Double(double value);  // RESP2: bulk
  void Null();                // RESP2: $-1
  void NullArray();           // RESP2: *-1
  void Array(size_t size) { Header('*', static_cast<int64_t>(size)); }
  void Map(size_t pairs);  // RESP2: array of twice as many
  void Set(size_t size);   // RESP2: array
  void Push(size_t size);  // RESP2: array
  // Text meant for people. `format` has three letters ("txt", "mkd"). RESP2: bulk.
  void Verbatim(std::string_view text, std::string_view format = "txt");
  // Bytes that are RESP already.
  void Raw(std::string_view bytes) { out_.append(bytes); }

 private:
  void Header(char type, int64_t value);

  std::string& out_;
  Protocol protocol_;
};

}  // namespace kv

#endif  // KVSERVER_REPLY_WRITER_H_
