#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "clusterkit/types.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "support/catch.h"
#include "wire/golden_frames.h"

namespace clusterkit::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = WIRE_GOLDEN_DIR;
const fs::path kCorpus = WIRE_FUZZ_CORPUS_DIR;

bool Rewriting() { return std::getenv("CLUSTERKIT_REWRITE") != nullptr; }

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteFile(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// A line of comment, then the bytes, 32 to a line.
std::string HexText(const GoldenFrame& golden, const std::string& bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  std::string text = "# " + golden.about + "\n";
  for (size_t at = 0; at < bytes.size(); at += 32) {
    text += internal::BytesToHex(data + at, std::min<size_t>(32, bytes.size() - at)) + "\n";
  }
  return text;
}

std::string BytesFromHexText(const std::string& text) {
  std::istringstream lines(text);
  std::string bytes;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::string part(line.size() / 2, '\0');
    REQUIRE(internal::HexToBytes(line, "golden line", reinterpret_cast<uint8_t*>(part.data()),
                                 part.size())
                .ok());
    bytes += part;
  }
  return bytes;
}

TEST_CASE("frames are encoded to the golden bytes and decoded from them") {
  const ProtobufCodec codec;
  for (const GoldenFrame& golden : GoldenFrames()) {
    const fs::path path = kGolden / (golden.name + ".hex");
    const std::string bytes = codec.Encode(golden.frame);
    if (Rewriting()) WriteFile(path, HexText(golden, bytes));
    INFO(path << ": if the difference is meant, rewrite it with CLUSTERKIT_REWRITE=1. A change "
                 "to an existing file breaks clusters of mixed builds.");
    const std::string expected = ReadFile(path);
    REQUIRE(HexText(golden, bytes) == expected);
    const absl::StatusOr<Frame> decoded = codec.Decode(BytesFromHexText(expected));
    INFO(decoded.status());
    REQUIRE(decoded.ok());
    REQUIRE(*decoded == golden.frame);
  }
}

TEST_CASE("the fuzz corpus starts from the golden frames") {
  const ProtobufCodec codec;
  for (const GoldenFrame& golden : GoldenFrames()) {
    const fs::path path = kCorpus / golden.name;
    const std::string bytes = codec.Encode(golden.frame);
    if (Rewriting()) WriteFile(path, bytes);
    INFO(path << ": rewrite it with CLUSTERKIT_REWRITE=1");
    REQUIRE(ReadFile(path) == bytes);
  }
}

TEST_CASE("every golden file belongs to a frame") {
  std::set<std::string> names;
  for (const GoldenFrame& golden : GoldenFrames()) names.insert(golden.name + ".hex");
  for (const auto& file : fs::directory_iterator(kGolden)) {
    INFO(file.path());
    REQUIRE(names.count(file.path().filename().string()) == 1);
  }
}

}  // namespace
}  // namespace clusterkit::testing
