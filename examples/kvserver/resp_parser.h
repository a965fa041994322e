#ifndef KVSERVER_RESP_PARSER_H_
#define KVSERVER_RESP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace kv {

// Cuts a client's input into requests: RESP arrays of bulk strings, and inline commands. A pure
// function of the bytes it is given, plus what it remembers of an unfinished request, so a
// request that comes in many pieces is not parsed again from its start.
//
// Use: call Next with all input that is not consumed yet (an unfinished request is to be given
// again, with more behind it, until it is complete), and drop `consumed()` bytes after each
// kRequest. Arguments point into the input or, for quoted inline words, into the parser.
class RequestParser {
 public:
  struct Limits {
    int64_t max_args = int64_t{1} << 20;
    int64_t max_bulk_bytes = int64_t{512} << 20;
    size_t max_line_bytes = size_t{64} << 10;  // inline request, or a count's line
    // A client that has not authenticated gets no room for large requests.
    bool authenticated = true;
  };

  enum class Result {
    kNeedMore,  // the request is not complete
    kRequest,   // args() and consumed() are set; args() may be empty (an empty request)
    kError,     // error() is set; the connection is beyond repair
  };

  Result Next(std::string_view input, const Limits& limits);

  absl::Span<const std::string_view> args() const { return args_; }
  size_t consumed() const { return position_; }
  // As Redis words it, behind "Protocol error: ".
  const std::string& error() const { return error_; }

  // Bytes that the input must reach before Next can get on; a hint for sizing the buffer.
  size_t bytes_wanted() const { return bytes_wanted_; }

 private:
  Result ParseInline(std::string_view input, const Limits& limits);
  Result ParseArrayHeader(std::string_view input, const Limits& limits);
  Result ParseBulks(std::string_view input, const Limits& limits);
  Result NeedMore(size_t bytes_wanted);
  Result Fail(std::string error);
  // Points the arguments found so far at the place where the input is now.
  void Rebase(const char* base);

  std::vector<std::string_view> args_;
  std::vector<std::string> quoted_words_;
  std::string error_;
  bool in_progress_ = false;  // of an array; then the fields below describe it
  size_t position_ = 0;       // in the input, behind what was parsed
  int64_t bulks_left_ = 0;
  int64_t bulk_size_ = -1;  // of the bulk at position_; -1: its header comes next
  uintptr_t base_ = 0;      // address of the input that args_ point into
  size_t bytes_wanted_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_RESP_PARSER_H_
