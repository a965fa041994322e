#include "kvserver/text.h"

#include <string>

#include "kvserver/glob.h"
#include "support/catch.h"

namespace kv {
namespace {

TEST_CASE("an integer is taken only in the form in which it is printed") {
  int64_t value = 0;
  CHECK((ParseInt("-9223372036854775808", &value) && value == INT64_MIN));
  CHECK((ParseInt("9223372036854775807", &value) && value == INT64_MAX));
  CHECK((ParseInt("0", &value) && value == 0));
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "0x1", "a",
                          "9223372036854775808", "-9223372036854775809", "123456789012345678901"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseInt(bad, &value));
  }
}

TEST_CASE("floats are printed without exponent and trailing zeros") {
  CHECK(FormatLongDouble(3.0L) == "3");
  CHECK(FormatLongDouble(-0.0L) == "0");
  CHECK(FormatLongDouble(10.5L) == "10.5");
  CHECK(FormatLongDouble(5e20L) == "500000000000000000000");
}

TEST_CASE("a float may not have blanks in front, nor be NaN") {
  long double value = 0;
  CHECK(ParseLongDouble("1e3", &value));
  CHECK(ParseLongDouble("inf", &value));
  for (const char* bad : {"", " 1", "1 ", "nan", "1x", "1e99999"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseLongDouble(bad, &value));
  }
}

TEST_CASE("quoted words come back as they went in") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const auto words = SplitWords("a " + Quote(all) + " 'it\\'s'");
  REQUIRE(words.has_value());
  CHECK(*words == std::vector<std::string>{"a", all, "it's"});
}

TEST_CASE("unbalanced quotes are refused") {
  CHECK_FALSE(SplitWords("\"a").has_value());
  CHECK_FALSE(SplitWords("'a").has_value());
  CHECK_FALSE(SplitWords("\"a\"b").has_value());
  CHECK_FALSE(SplitWords("\"a\\\"").has_value());
  CHECK(SplitWords("a\"b\"") == std::vector<std::string>{"ab"});
  CHECK(SplitWords("  ")->empty());
}

TEST_CASE("glob patterns match as in Redis") {
  CHECK(GlobMatches("*", ""));
  CHECK(GlobMatches("a*c", "abbc"));
  CHECK_FALSE(GlobMatches("a*c", "abb"));
  CHECK(GlobMatches("h?llo", "hello"));
  CHECK_FALSE(GlobMatches("h?llo", "hllo"));
  CHECK(GlobMatches("h[ae]llo", "hallo"));
  CHECK_FALSE(GlobMatches("h[^ae]llo", "hallo"));
  CHECK(GlobMatches("h[a-c]llo", "hbllo"));
  CHECK(GlobMatches("h[c-a]llo", "hbllo"));
  CHECK(GlobMatches("a\\*b", "a*b"));
  CHECK_FALSE(GlobMatches("a\\*b", "axb"));
  CHECK(GlobMatches("ABC", "abc", /*ignore_case=*/true));
  CHECK_FALSE(GlobMatches("ABC", "abc"));
  CHECK(GlobMatches("[\\]]", "]"));
  CHECK(GlobMatches("*a*b*c*", "xxaxxbxxcxx"));
}

TEST_CASE("a pattern of many stars does not take for ever") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  CHECK_FALSE(GlobMatches(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace kv
