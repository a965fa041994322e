#ifndef KVSERVER_TEXT_H_
#define KVSERVER_TEXT_H_

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kv {

// Decimal integer exactly as printed: no blanks, no plus sign, no leading zeros.
bool ParseInt(std::string_view text, int64_t* value);
// The decimal form of an integer, without an allocation.
class Digits {
 public:
  explicit Digits(int64_t value)
      : size_(static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr -
                                  buffer_)) {}
  std::string_view view() const { return {buffer_, size_}; }

 private:
  char buffer_[24];
  size_t size_;
};
// As strtold on the whole text; NaN and leading blanks are refused.
bool ParseLongDouble(std::string_view text, long double* value);
// As strtod, likewise.
bool ParseDouble(std::string_view text, double* value);
// As "%.17g" has it, which reads as the same double.
std::string FormatDouble(double value);
// Plain notation with up to 17 decimals and no trailing zeros, as INCRBYFLOAT stores it.
std::string FormatLongDouble(long double value);

// ASCII only, like Redis's commands and directives.
constexpr char LowerChar(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
constexpr bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerChar(a[i]) != LowerChar(b[i])) return false;
  }
  return true;
}
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);

// Splits at blanks into words, which may be quoted: "..." with \n \r \t \b \a \xHH \" \\, or
// '...' with \'. Nothing if quotes are unbalanced or not followed by a blank.
std::optional<std::vector<std::string>> SplitWords(std::string_view line);
// The word in double quotes, with escapes, so that SplitWords gives it back.
std::string Quote(std::string_view word);

}  // namespace kv

#endif  // KVSERVER_TEXT_H_
