#include "kvserver/resp_parser.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "kvserver/text.h"

namespace kv {
namespace {

enum class Line { kComplete, kIncomplete, kTooLong };

// Finds the text between `begin` and the next CR. As in Redis, what follows CR is taken for LF.
// Differs from Redis: a line is too long also if all of it came at once.
Line FindLine(std::string_view input, size_t begin, size_t max_bytes, std::string_view* line) {
  const size_t cr = std::min(input.find('\r', begin), input.size());
  if (cr - begin > max_bytes) return Line::kTooLong;
  if (cr + 1 >= input.size()) return Line::kIncomplete;
  *line = input.substr(begin, cr - begin);
  return Line::kComplete;
}

// Reads "<1 to 9 digits>CRLF", the usual form of a count; anything else is left to ParseInt.
// Returns the length read including CRLF, 0 if it has another form.
size_t ReadSmallCount(std::string_view input, size_t begin, int64_t* value) {
  constexpr size_t kMaxDigits = 9;
  int64_t number = 0;
  size_t i = begin;
  for (; i < input.size() && i - begin < kMaxDigits; ++i) {
    const unsigned digit = static_cast<unsigned char>(input[i]) - '0';
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  if (i == begin || i + 1 >= input.size() || input[i] != '\r') return 0;
  if (input[begin] == '0' && i - begin > 1) return 0;
  *value = number;
  return i + 2 - begin;
}

}  // namespace

RequestParser::Result RequestParser::Fail(std::string error) {
  error_ = std::move(error);
  return Result::kError;
}

RequestParser::Result RequestParser::NeedMore(size_t bytes_wanted) {
  bytes_wanted_ = bytes_wanted;
  return Result::kNeedMore;
}

void RequestParser::Rebase(const char* base) {
  const auto address = reinterpret_cast<uintptr_t>(base);
  if (address == base_) return;
  for (std::string_view& arg : args_) {
    const uintptr_t offset = reinterpret_cast<uintptr_t>(arg.data()) - base_;
    arg = {base + offset, arg.size()};
  }
  base_ = address;
}

RequestParser::Result RequestParser::Next(std::string_view input, const Limits& limits) {
  if (!in_progress_) {
    args_.clear();
    position_ = 0;
    if (input.empty()) return NeedMore(1);
    if (input[0] != '*') return ParseInline(input, limits);
    const Result result = ParseArrayHeader(input, limits);
    if (!in_progress_) return result;
    base_ = reinterpret_cast<uintptr_t>(input.data());
  } else {
    Rebase(input.data());
  }
  return ParseBulks(input, limits);
}

RequestParser::Result RequestParser::ParseArrayHeader(std::string_view input,
                                                      const Limits& limits) {
  int64_t count = 0;
  size_t length = ReadSmallCount(input, 1, &count);
  if (length == 0) {
    std::string_view line;
    switch (FindLine(input, 1, limits.max_line_bytes, &line)) {
      case Line::kTooLong:
        return Fail("too big mbulk count string");
      case Line::kIncomplete:
        return NeedMore(input.size() + 1);
      case Line::kComplete:
        break;
    }
    if (!ParseInt(line, &count)) return Fail("invalid multibulk length");
    length = line.size() + 2;
  }
  if (count > limits.max_args) return Fail("invalid multibulk length");
  if (count > 10 && !limits.authenticated) return Fail("unauthenticated multibulk length");
  position_ = 1 + length;
  if (count <= 0) return Result::kRequest;
  in_progress_ = true;
  bulks_left_ = count;
  bulk_size_ = -1;
  return Result::kNeedMore;
}

RequestParser::Result RequestParser::ParseBulks(std::string_view input, const Limits& limits) {
  while (bulks_left_ > 0) {
    if (bulk_size_ < 0) {
      if (position_ >= input.size()) return NeedMore(position_ + 1);
      int64_t size = 0;
      size_t length = ReadSmallCount(input, position_ + 1, &size);
      if (length == 0 || input[position_] != '$') {
        std::string_view line;
        switch (FindLine(input, position_, limits.max_line_bytes, &line)) {
          case Line::kTooLong:
            return Fail("too big bulk count string");
          case Line::kIncomplete:
            return NeedMore(input.size() + 1);
          case Line::kComplete:
            break;
        }
        if (input[position_] != '$') {
          return Fail(std::string("expected '$', got '") + input[position_] + "'");
        }
        if (!ParseInt(line.substr(1), &size)) return Fail("invalid bulk length");
        length = line.size() + 1;
      }
      if (size < 0 || size > limits.max_bulk_bytes) return Fail("invalid bulk length");
      if (size > 16384 && !limits.authenticated) return Fail("unauthenticated bulk length");
      position_ += 1 + length;
      bulk_size_ = size;
    }
    const size_t size = static_cast<size_t>(bulk_size_);
    if (input.size() < position_ + size + 2) return NeedMore(position_ + size + 2);
    args_.emplace_back(input.data() + position_, size);
    position_ += size + 2;
    bulk_size_ = -1;
    --bulks_left_;
  }
  in_progress_ = false;
  return Result::kRequest;
}

RequestParser::Result RequestParser::ParseInline(std::string_view input, const Limits& limits) {
  const size_t newline = std::min(input.find('\n'), input.size());
  if (newline > limits.max_line_bytes) return Fail("too big inline request");
  if (newline == input.size()) return NeedMore(input.size() + 1);
  std::string_view line = input.substr(0, newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  position_ = newline + 1;
  // Redis treats the line as a C string.
  line = line.substr(0, line.find('\0'));

  if (line.find_first_of("\"'") == std::string_view::npos) {
    constexpr std::string_view kBlanks = " \t\v\f\r";
    for (size_t i = line.find_first_not_of(kBlanks); i != std::string_view::npos;) {
      const size_t end = std::min(line.find_first_of(kBlanks, i), line.size());
      args_.push_back(line.substr(i, end - i));
      i = line.find_first_not_of(kBlanks, end);
    }
    return Result::kRequest;
  }
  std::optional<std::vector<std::string>> words = SplitWords(line);
  if (!words.has_value()) return Fail("unbalanced quotes in request");
  quoted_words_ = std::move(*words);
  args_.assign(quoted_words_.begin(), quoted_words_.end());
  return Result::kRequest;
}

}  // namespace kv
