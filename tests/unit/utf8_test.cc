#include "base/utf8.h"

#include <string>

#include "support/catch.h"

namespace clusterkit {
namespace {

TEST_CASE("well-formed text of every length is UTF-8") {
  for (const char* text :
       {"", "a", "\x7f", "\xc2\x80", "\xc3\xa4", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    INFO(text);
    CHECK(IsUtf8(text));
    CHECK(IsUtf8(std::string("x") + text + "y"));
  }
}

TEST_CASE("what is cut off, too long, a surrogate or out of range is not UTF-8") {
  for (const char* text :
       {"\x80", "\xbf", "\xc3", "\xc3\x28", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xe2\x82",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xff"}) {
    INFO(text);
    CHECK_FALSE(IsUtf8(text));
    CHECK_FALSE(IsUtf8(std::string("x") + text));
  }
}

}  // namespace
}  // namespace clusterkit
