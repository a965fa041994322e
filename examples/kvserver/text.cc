#include "kvserver/text.h"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace kv {
namespace {

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

bool IsBlank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = LowerChar(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads a quoted part that starts behind its opening quote; moves `*position` behind the closing
// one. False if that is missing or glued to what follows.
bool ReadQuoted(std::string_view line, char quote, size_t* position, std::string* word) {
  size_t i = *position;
  while (i < line.size()) {
    const char c = line[i];
    if (c == quote) {
      *position = i + 1;
      return i + 1 == line.size() || IsBlank(line[i + 1]);
    }
    if (c == '\\' && quote == '"' && i + 3 < line.size() && line[i + 1] == 'x' &&
        HexDigit(line[i + 2]) >= 0 && HexDigit(line[i + 3]) >= 0) {
      word->push_back(static_cast<char>(HexDigit(line[i + 2]) * 16 + HexDigit(line[i + 3])));
      i += 4;
    } else if (c == '\\' && quote == '"' && i + 1 < line.size()) {
      word->push_back(Unescape(line[i + 1]));
      i += 2;
    } else if (c == '\\' && quote == '\'' && i + 1 < line.size() && line[i + 1] == '\'') {
      word->push_back('\'');
      i += 2;
    } else {
      word->push_back(c);
      ++i;
    }
  }
  return false;
}

}  // namespace

bool ParseInt(std::string_view text, int64_t* value) {
  if (text.empty() || text.size() > 20) return false;
  const size_t digits = text[0] == '-' ? 1 : 0;
  if (text.size() == digits) return false;
  if (text[digits] == '0' && text.size() > 1) return false;  // "-0", "01"
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *value);
  return result.ec == std::errc() && result.ptr == end;
}

bool ParseLongDouble(std::string_view text, long double* value) {
  // Longer than any number that a long double prints as.
  constexpr size_t kMaxLength = 5120;
  if (text.empty() || text.size() >= kMaxLength || IsBlank(text[0])) return false;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double parsed = std::strtold(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size() || std::isnan(parsed)) return false;
  if (errno == ERANGE && (std::isinf(parsed) || std::fpclassify(parsed) == FP_ZERO)) return false;
  *value = parsed;
  return true;
}

bool ParseDouble(std::string_view text, double* value) {
  if (text.empty() || IsBlank(text[0])) return false;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const double parsed = std::strtod(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size() || std::isnan(parsed)) return false;
  if (errno == ERANGE && (std::isinf(parsed) || std::fpclassify(parsed) == FP_ZERO)) return false;
  *value = parsed;
  return true;
}

std::string FormatDouble(double value) {
  // Below, all integers are printed as such.
  constexpr double kMaxPlain = 1e15;
  if (std::abs(value) < kMaxPlain && value == std::trunc(value) &&
      !(value == 0 && std::signbit(value))) {
    return std::string(Digits(static_cast<int64_t>(value)).view());
  }
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[32];
  return {buffer, static_cast<size_t>(std::snprintf(buffer, sizeof(buffer), "%.17g", value))};
}

std::string FormatLongDouble(long double value) {
  char buffer[5120];
  const int size = std::snprintf(buffer, sizeof(buffer), "%.17Lf", value);
  std::string text(buffer, static_cast<size_t>(size));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerChar(c);
  return lower;
}

std::string ToUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = Upper(c);
  return upper;
}

std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  size_t i = 0;
  while (true) {
    while (i < line.size() && IsBlank(line[i])) ++i;
    if (i == line.size()) return words;
    std::string word;
    while (i < line.size() && !IsBlank(line[i])) {
      const char c = line[i++];
      if (c != '"' && c != '\'') {
        word.push_back(c);
      } else if (!ReadQuoted(line, c, &i, &word)) {
        return std::nullopt;
      }
    }
    words.push_back(std::move(word));
  }
}

std::string Quote(std::string_view word) {
  std::string quoted = "\"";
  for (const char c : word) {
    switch (c) {
      case '\\':
      case '"':
        quoted += '\\';
        quoted += c;
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '\a':
        quoted += "\\a";
        break;
      case '\b':
        quoted += "\\b";
        break;
      default:
        if (std::isprint(static_cast<unsigned char>(c)) != 0) {
          quoted += c;
        } else {
          char escape[5];
          std::snprintf(escape, sizeof(escape), "\\x%02x", static_cast<unsigned char>(c));
          quoted += escape;
        }
    }
  }
  quoted += '"';
  return quoted;
}

}  // namespace kv
