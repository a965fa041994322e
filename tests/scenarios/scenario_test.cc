// Every *.txt in this directory: commands with their expected output.
//
// CLUSTERKIT_REWRITE=1 scenario_test writes what came out into the files instead of comparing; the
// difference is then for a person to read. CLUSTERKIT_SCENARIO=<part of a name> runs only those.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scenarios/runner.h"
#include "scenarios/script.h"
#include "support/catch.h"

namespace clusterkit::scenario {
namespace {

std::vector<std::string> Files() {
  const char* only = std::getenv("CLUSTERKIT_SCENARIO");
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(CLUSTERKIT_SCENARIO_DIR)) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".txt" || name == "CMakeLists.txt") continue;
    if (only == nullptr || name.find(only) != std::string::npos) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string Listing(char mark, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, std::string(1, mark), line, "\n");
  return text;
}

// Runs a file and puts what came out into its blocks. The differences, as text.
std::string RunFile(const std::string& path, std::vector<Block>& blocks) {
  std::string differences;
  Runner runner;
  for (Block& block : blocks) {
    std::string output;
    for (const std::string& line : block.commands) {
      const absl::StatusOr<std::string> result = runner.Run(line);
      if (!result.ok()) {
        return absl::StrCat(differences, path, ":", block.line, ": ", line, ": ",
                            result.status().message(), "\n");
      }
      output += *result;
    }
    const std::vector<std::string> lines = Lines(output);
    if (lines == block.output) continue;
    absl::StrAppend(&differences, path, ":", block.line, ": ", absl::StrJoin(block.commands, "; "),
                    "\n", Listing('-', block.output), Listing('+', lines));
    block.output = lines;
  }
  for (const sim::Violation& violation : runner.violations()) {
    absl::StrAppend(&differences, path, ": ", violation.rule, ": ", violation.text, "\n");
  }
  return differences;
}

TEST_CASE("the scenarios print what their files say") {
  const std::vector<std::string> files = Files();
  REQUIRE_FALSE(files.empty());
  const bool rewrite = std::getenv("CLUSTERKIT_REWRITE") != nullptr;
  for (const std::string& path : files) {
    absl::StatusOr<std::vector<Block>> blocks = ReadScript(path);
    if (!blocks.ok()) {
      FAIL_CHECK(blocks.status().message());
      continue;
    }
    const std::string differences = RunFile(path, *blocks);
    if (differences.empty()) {
      SUCCEED(path);
    } else if (rewrite) {
      std::ofstream(path) << FormatScript(*blocks);
      WARN("rewritten:\n" << differences);
    } else {
      FAIL_CHECK("expected (-) and printed (+) differ:\n" << differences);
    }
  }
}

}  // namespace
}  // namespace clusterkit::scenario
