#include <string>

#include "kvserver/reply_writer.h"
#include "support/catch.h"

namespace kv {
namespace {

template <typename Write>
std::string Resp2(Write write) {
  std::string out;
  ReplyWriter writer(&out, Protocol::kResp2);
  write(writer);
  return out;
}

template <typename Write>
std::string Resp3(Write write) {
  std::string out;
  ReplyWriter writer(&out, Protocol::kResp3);
  write(writer);
  return out;
}

TEST_CASE("what RESP2 lacks is written in its nearest form") {
  const auto null = [](ReplyWriter& w) { w.Null(); };
  CHECK(Resp2(null) == "$-1\r\n");
  CHECK(Resp3(null) == "_\r\n");
  const auto null_array = [](ReplyWriter& w) { w.NullArray(); };
  CHECK(Resp2(null_array) == "*-1\r\n");
  CHECK(Resp3(null_array) == "_\r\n");
  const auto map = [](ReplyWriter& w) { w.Map(2); };
  CHECK(Resp2(map) == "*4\r\n");
  CHECK(Resp3(map) == "%2\r\n");
  const auto set = [](ReplyWriter& w) { w.Set(3); };
  CHECK(Resp2(set) == "*3\r\n");
  CHECK(Resp3(set) == "~3\r\n");
  const auto text = [](ReplyWriter& w) { w.Verbatim("a\r\nb"); };
  CHECK(Resp2(text) == "$4\r\na\r\nb\r\n");
  CHECK(Resp3(text) == "=8\r\ntxt:a\r\nb\r\n");
  const auto number = [](ReplyWriter& w) { w.Double(1.5); };
  CHECK(Resp2(number) == "$3\r\n1.5\r\n");
  CHECK(Resp3(number) == ",1.5\r\n");
  const auto truth = [](ReplyWriter& w) { w.Bool(true); };
  CHECK(Resp2(truth) == ":1\r\n");
  CHECK(Resp3(truth) == "#t\r\n");
}

TEST_CASE("an error stays one line") {
  CHECK(Resp2([](ReplyWriter& w) { w.Error("ERR a\r\nb"); }) == "-ERR a  b\r\n");
}

TEST_CASE("bulks of any size are written whole") {
  for (const size_t size : {0, 1, 511, 512, 513, 100000}) {
    const std::string bytes(size, 'x');
    CHECK(Resp2([&](ReplyWriter& w) { w.Bulk(bytes); }) ==
          "$" + std::to_string(size) + "\r\n" + bytes + "\r\n");
  }
}

TEST_CASE("integers reach both ends of their range") {
  CHECK(Resp2([](ReplyWriter& w) { w.Integer(INT64_MIN); }) == ":-9223372036854775808\r\n");
  CHECK(Resp2([](ReplyWriter& w) { w.BulkInteger(INT64_MAX); }) ==
        "$19\r\n9223372036854775807\r\n");
}

}  // namespace
}  // namespace kv
