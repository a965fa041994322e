#include "kvserver/resp_parser.h"

#include <random>
#include <string>
#include <vector>

#include "support/catch.h"

namespace kv {
namespace {

using Result = RequestParser::Result;
using Requests = std::vector<std::vector<std::string>>;

std::string Array(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

std::vector<std::string> ArgsOf(const RequestParser& parser) {
  return {parser.args().begin(), parser.args().end()};
}

// Gives the bytes in pieces of `step`, from a buffer that moves each time, and collects what
// comes out; an error becomes the last request, as {"error", text}.
Requests ParseInPieces(const std::string& bytes, size_t step,
                       const RequestParser::Limits& limits = {}) {
  RequestParser parser;
  Requests requests;
  std::string pending;
  for (size_t at = 0; at < bytes.size(); at += step) {
    pending = std::string(pending) + bytes.substr(at, step);
    while (true) {
      const Result result = parser.Next(pending, limits);
      if (result == Result::kNeedMore) break;
      if (result == Result::kError) {
        requests.push_back({"error", parser.error()});
        return requests;
      }
      requests.push_back(ArgsOf(parser));
      pending.erase(0, parser.consumed());
    }
  }
  return requests;
}

std::string ErrorOf(const std::string& bytes, const RequestParser::Limits& limits = {}) {
  RequestParser parser;
  REQUIRE(parser.Next(bytes, limits) == Result::kError);
  return parser.error();
}

TEST_CASE("an array of bulk strings is one request") {
  RequestParser parser;
  const std::string bytes = Array({"SET", "k\r\n", ""});
  REQUIRE(parser.Next(bytes, {}) == Result::kRequest);
  CHECK(ArgsOf(parser) == std::vector<std::string>{"SET", "k\r\n", ""});
  CHECK(parser.consumed() == bytes.size());
}

TEST_CASE("arguments of an array point into the input") {
  RequestParser parser;
  const std::string bytes = Array({"GET", "key"});
  REQUIRE(parser.Next(bytes, {}) == Result::kRequest);
  CHECK(parser.args()[1].data() == bytes.data() + bytes.find("key"));
}

TEST_CASE("requests that arrive in pieces come out the same, wherever they are cut") {
  const std::string bytes = Array({"SET", "key", std::string(100, 'v')}) + "PING\r\n" +
                            Array({"GET", "key"}) + "\r\n*0\r\nSET 'a b' \"c\\x41\"\n" +
                            Array({"DEL", "", "x"});
  const Requests whole = ParseInPieces(bytes, bytes.size());
  REQUIRE(whole.size() == 7);
  CHECK(whole[0][2] == std::string(100, 'v'));
  CHECK(whole[3].empty());
  CHECK(whole[5] == std::vector<std::string>{"SET", "a b", "cA"});
  for (size_t step = 1; step < bytes.size(); ++step) {
    CAPTURE(step);
    CHECK(ParseInPieces(bytes, step) == whole);
  }
}

TEST_CASE("the parser tells how many bytes an unfinished bulk needs") {
  RequestParser parser;
  REQUIRE(parser.Next("*2\r\n$3\r\nGET\r\n$1000\r\nabc", {}) == Result::kNeedMore);
  CHECK(parser.bytes_wanted() == 13 + 7 + 1000 + 2);
}

TEST_CASE("an inline request is split at blanks") {
  RequestParser parser;
  REQUIRE(parser.Next("  SET\tk  v \r\n", {}) == Result::kRequest);
  CHECK(ArgsOf(parser) == std::vector<std::string>{"SET", "k", "v"});
}

TEST_CASE("an empty line and an empty array are requests without arguments") {
  for (const std::string bytes : {"\r\n", "\n", "*0\r\n", "*-1\r\n", "   \n"}) {
    CAPTURE(bytes);
    RequestParser parser;
    REQUIRE(parser.Next(bytes, {}) == Result::kRequest);
    CHECK(parser.args().empty());
    CHECK(parser.consumed() == bytes.size());
  }
}

TEST_CASE("malformed requests get Redis's words") {
  CHECK(ErrorOf("*x\r\n") == "invalid multibulk length");
  CHECK(ErrorOf("*1048577\r\n") == "invalid multibulk length");
  CHECK(ErrorOf("*01\r\n") == "invalid multibulk length");
  CHECK(ErrorOf("*1\r\n$x\r\n") == "invalid bulk length");
  CHECK(ErrorOf("*1\r\n$-1\r\n") == "invalid bulk length");
  CHECK(ErrorOf("*1\r\n$536870913\r\n") == "invalid bulk length");
  CHECK(ErrorOf("*1\r\n$9999999999\r\n") == "invalid bulk length");
  CHECK(ErrorOf("*1\r\nPING\r\n") == "expected '$', got 'P'");
  CHECK(ErrorOf(std::string(65537, 'a')) == "too big inline request");
  CHECK(ErrorOf("*" + std::string(65537, '1')) == "too big mbulk count string");
  CHECK(ErrorOf("*1\r\n$" + std::string(65537, '1')) == "too big bulk count string");
  CHECK(ErrorOf("SET 'a\r\n") == "unbalanced quotes in request");
  CHECK(ErrorOf("SET \"a\"b\r\n") == "unbalanced quotes in request");
}

TEST_CASE("a line that is too long is refused whether it comes in pieces or at once") {
  RequestParser::Limits limits;
  limits.max_line_bytes = 100;
  const auto outcome = [&](const std::string& bytes) {
    const Requests whole = ParseInPieces(bytes, bytes.size(), limits);
    CHECK(ParseInPieces(bytes, 1, limits) == whole);
    REQUIRE(whole.size() == 1);
    return whole[0].front() == "error" ? whole[0][1] : "ok";
  };
  const std::string longest(100, 'a');
  CHECK(outcome(longest + "\n") == "ok");
  CHECK(outcome(longest + "a\n") == "too big inline request");
  CHECK(outcome("*" + longest + "\r\n") == "invalid multibulk length");
  CHECK(outcome("*a" + longest + "\r\n") == "too big mbulk count string");
  CHECK(outcome("*1\r\n$a" + longest + "\r\n") == "too big bulk count string");
}

TEST_CASE("limits hold at their edge") {
  RequestParser::Limits limits;
  limits.max_args = 3;
  limits.max_bulk_bytes = 5;
  RequestParser parser;
  CHECK(parser.Next("*3\r\n$5\r\n", limits) == Result::kNeedMore);
  CHECK(ErrorOf("*4\r\n", limits) == "invalid multibulk length");
  CHECK(ErrorOf("*3\r\n$6\r\n", limits) == "invalid bulk length");
}

TEST_CASE("who has not authenticated gets room for small requests only") {
  RequestParser::Limits limits;
  limits.authenticated = false;
  CHECK(ErrorOf("*11\r\n", limits) == "unauthenticated multibulk length");
  CHECK(ErrorOf("*1\r\n$16385\r\n", limits) == "unauthenticated bulk length");
  RequestParser parser;
  CHECK(parser.Next("*10\r\n$16384\r\n", limits) == Result::kNeedMore);
}

TEST_CASE("random bytes are never more than an error, whole or in pieces") {
  std::mt19937 random(20240601);
  const std::string alphabet = "*$0123456789-\r\n'\"\\x ab\t\0";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = random() % 2 == 0 ? Array({"SET", "k", "v"}) : "";
    const size_t size = 1 + random() % 60;
    while (bytes.size() < size) bytes += alphabet[random() % alphabet.size()];
    for (int flips = 0; flips < 2; ++flips) {
      bytes[random() % bytes.size()] = alphabet[random() % alphabet.size()];
    }
    CAPTURE(round);
    CHECK(ParseInPieces(bytes, 1) == ParseInPieces(bytes, bytes.size()));
  }
}

}  // namespace
}  // namespace kv
