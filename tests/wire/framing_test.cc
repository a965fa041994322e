#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/framing.h"
#include "clusterkit/random.h"
#include "support/catch.h"
#include "wire/allocation_meter.h"

namespace clusterkit::testing {
namespace {

constexpr size_t kLimit = 1 << 20;

std::string Framed(std::string_view frame) {
  std::string bytes;
  AppendFramePrefix(frame.size(), bytes);
  return bytes.append(frame);
}

std::string Prefix(size_t size) {
  std::string bytes;
  AppendFramePrefix(size, bytes);
  return bytes;
}

// All complete frames, until more bytes are needed.
std::vector<std::string> Drain(FrameReader& reader) {
  std::vector<std::string> frames;
  while (true) {
    const auto next = reader.Next();
    REQUIRE(next.ok());
    if (!next->has_value()) return frames;
    frames.emplace_back(**next);
  }
}

TEST_CASE("a prefix is the length in four bytes, the greatest first") {
  REQUIRE(Prefix(1) == std::string("\0\0\0\1", 4));
  REQUIRE(Prefix(0x01020304) == "\1\2\3\4");
  REQUIRE(Prefix(0xffffffff) == "\xff\xff\xff\xff");
}

TEST_CASE("a frame that arrives byte by byte is complete with its last byte") {
  FrameReader reader(kLimit);
  for (const std::string frame : {"x", "hello", "another one"}) {
    const std::string bytes = Framed(frame);
    for (size_t i = 0; i < bytes.size(); ++i) {
      REQUIRE(Drain(reader).empty());
      reader.Append(bytes.substr(i, 1));
    }
    REQUIRE(Drain(reader) == std::vector<std::string>{frame});
  }
}

TEST_CASE("several frames that arrive at once come out in order") {
  FrameReader reader(kLimit);
  reader.Append(Framed("one") + Framed("two") + Framed("three").substr(0, 6));
  REQUIRE(Drain(reader) == std::vector<std::string>{"one", "two"});
  reader.Append(Framed("three").substr(6) + Framed("four"));
  REQUIRE(Drain(reader) == std::vector<std::string>{"three", "four"});
}

TEST_CASE("a stream cut anywhere gives the same frames") {
  const uint64_t seed = GENERATE(1, 2, 3);
  Rng rng(seed);
  std::vector<std::string> frames;
  std::string stream;
  for (int i = 0; i < 500; ++i) {
    std::string frame(1 + rng.Below(rng.Chance(20) ? 200000 : 300), '\0');
    for (char& c : frame) c = static_cast<char>(rng.Below(256));
    stream += Framed(frame);
    frames.push_back(std::move(frame));
  }
  FrameReader reader(kLimit);
  std::vector<std::string> read;
  for (size_t at = 0; at < stream.size();) {
    const size_t size = 1 + rng.Below(rng.Chance(100) ? 65536 : 50);
    reader.Append(std::string_view(stream).substr(at, size));
    at += size;
    // A caller may leave complete frames for later.
    if (rng.Chance(300)) continue;
    for (std::string& frame : Drain(reader)) read.push_back(std::move(frame));
  }
  for (std::string& frame : Drain(reader)) read.push_back(std::move(frame));
  INFO("seed " << seed);
  REQUIRE(read == frames);
}

TEST_CASE("a frame may be as large as the limit and no larger") {
  FrameReader reader(1000);
  reader.Append(Framed(std::string(1000, 'x')));
  REQUIRE(Drain(reader).size() == 1);
  reader.Append(Prefix(1001));
  const absl::Status status = reader.Next().status();
  REQUIRE(status.code() == absl::StatusCode::kResourceExhausted);
  REQUIRE(status.message() == "a frame of 1001 bytes, the limit is 1000");
}

TEST_CASE("a frame of zero bytes is refused") {
  FrameReader reader(kLimit);
  reader.Append(std::string(4, '\0'));
  REQUIRE(reader.Next().status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("frames before a bad prefix are still read, nothing after it") {
  FrameReader reader(1000);
  reader.Append(Framed("good") + Prefix(1001) + Framed("lost"));
  REQUIRE(**reader.Next() == "good");
  REQUIRE_FALSE(reader.Next().ok());
  reader.Append(Framed("lost too"));
  REQUIRE_FALSE(reader.Next().ok());
}

TEST_CASE("memory follows the bytes that arrived, not the announced length") {
  AllocationMeter meter;
  std::vector<FrameReader> readers(100, FrameReader(size_t{1} << 30));
  const size_t before = meter.held();
  for (FrameReader& reader : readers) {
    reader.Append(Prefix(size_t{1} << 30) + "a few bytes");
    REQUIRE_FALSE(reader.Next()->has_value());
  }
  REQUIRE(meter.held() - before < 100 * 100);
}

TEST_CASE("a stream that is read does not grow, however long") {
  const std::string chunk = Framed(std::string(1000, 'x')) + Framed(std::string(70, 'y'));
  FrameReader reader(kLimit);
  AllocationMeter meter;
  for (int i = 0; i < 10000; ++i) {
    // Always an incomplete frame at the end.
    reader.Append(std::string_view(chunk).substr(0, 700));
    while (reader.Next()->has_value()) continue;
    reader.Append(std::string_view(chunk).substr(700));
    while (reader.Next()->has_value()) continue;
  }
  REQUIRE(meter.held() < 8192);
}

TEST_CASE("memory of a large frame is given back") {
  FrameReader reader(kLimit);
  AllocationMeter meter;
  reader.Append(Framed(std::string(kLimit, 'x')));
  REQUIRE(reader.Next()->has_value());
  REQUIRE(meter.held() >= kLimit);
  reader.Append(Prefix(5));
  REQUIRE_FALSE(reader.Next()->has_value());
  REQUIRE(meter.held() < 4096);
}

TEST_CASE("a stream that went bad holds no more bytes") {
  FrameReader reader(1000);
  reader.Append(Prefix(1001));
  AllocationMeter meter;
  const std::string more(1000, 'x');
  const size_t before = meter.held();
  for (int i = 0; i < 1000; ++i) reader.Append(more);
  REQUIRE(meter.held() == before);
  REQUIRE_FALSE(reader.Next().ok());
}

}  // namespace
}  // namespace clusterkit::testing
