#include "kvserver/reply_writer.h"

#include <charconv>
#include <cstring>

#include "kvserver/text.h"

namespace kv {
namespace {

// Room for the type, any 64-bit number and CRLF.
constexpr size_t kMaxHeader = 24;

size_t FormatHeader(char* buffer, char type, int64_t value) {
  buffer[0] = type;
  char* end = std::to_chars(buffer + 1, buffer + kMaxHeader, value).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<size_t>(end - buffer);
}

}  // namespace

void ReplyWriter::Header(char type, int64_t value) {
  char buffer[kMaxHeader];
  out_.append(buffer, FormatHeader(buffer, type, value));
}

void ReplyWriter::Simple(std::string_view text) {
  out_ += '+';
  out_ += text;
  out_ += "\r\n";
}

void ReplyWriter::Error(std::string_view text) {
  out_ += '-';
  const size_t start = out_.size();
  out_ += text;
  for (size_t i = start; i < out_.size(); ++i) {
    if (out_[i] == '\r' || out_[i] == '\n') out_[i] = ' ';
  }
  out_ += "\r\n";
}

void ReplyWriter::Integer(int64_t value) { Header(':', value); }

void ReplyWriter::Bool(bool value) {
  if (resp3()) {
    out_ += value ? "#t\r\n" : "#f\r\n";
  } else {
    Integer(value ? 1 : 0);
  }
}

void ReplyWriter::Bulk(std::string_view bytes) {
  // One growth of the buffer for small replies, which are most.
  constexpr size_t kSmall = 512;
  if (bytes.size() <= kSmall) {
    char buffer[kMaxHeader + kSmall + 2];
    size_t size = FormatHeader(buffer, '$', static_cast<int64_t>(bytes.size()));
    if (!bytes.empty()) std::memcpy(buffer + size, bytes.data(), bytes.size());
    size += bytes.size();
    buffer[size++] = '\r';
    buffer[size++] = '\n';
    out_.append(buffer, size);
    return;
  }
  out_.reserve(out_.size() + kMaxHeader + bytes.size() + 2);
  Header('$', static_cast<int64_t>(bytes.size()));
  out_ += bytes;
  out_ += "\r\n";
}

void ReplyWriter::BulkInteger(int64_t value) {
  char digits[kMaxHeader];
  char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Bulk({digits, static_cast<size_t>(end - digits)});
}

void ReplyWriter::Double(double value) {
  const std::string text = FormatDouble(value);
  if (!resp3()) return Bulk(text);
  out_ += ',';
  out_.append(text).append("\r\n", 2);
}

void ReplyWriter::Null() { out_ += resp3() ? "_\r\n" : "$-1\r\n"; }

void ReplyWriter::NullArray() { out_ += resp3() ? "_\r\n" : "*-1\r\n"; }

void ReplyWriter::Map(size_t pairs) {
  if (resp3()) {
    Header('%', static_cast<int64_t>(pairs));
  } else {
    Header('*', static_cast<int64_t>(2 * pairs));
  }
}

void ReplyWriter::Set(size_t size) { Header(resp3() ? '~' : '*', static_cast<int64_t>(size)); }

void ReplyWriter::Push(size_t size) { Header(resp3() ? '>' : '*', static_cast<int64_t>(size)); }

void ReplyWriter::Verbatim(std::string_view text, std::string_view format) {
  if (!resp3()) {
    Bulk(text);
    return;
  }
  Header('=', static_cast<int64_t>(text.size() + format.size() + 1));
  out_ += format;
  out_ += ':';
  out_ += text;
  out_ += "\r\n";
}

}  // namespace kv
