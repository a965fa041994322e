#include "scenarios/script.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace clusterkit::scenario {
namespace {

constexpr char kSeparator[] = "----";

bool IsBlank(const std::string& line) { return line.find_first_not_of(" \t") == std::string::npos; }

}  // namespace

absl::StatusOr<std::vector<Block>> ReadScript(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  enum { kBetween, kCommands, kOutput } state = kBetween;
  std::vector<Block> blocks(1);
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (state == kBetween && (IsBlank(line) || line[0] == '#')) {
      blocks.back().before.push_back(line);
    } else if (state == kOutput && IsBlank(line)) {
      blocks.emplace_back();
      blocks.back().before.push_back(line);
      state = kBetween;
    } else if (state == kOutput) {
      blocks.back().output.push_back(line);
    } else if (line == kSeparator) {
      if (state == kBetween) {
        return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": no command above"));
      }
      state = kOutput;
    } else {
      if (state == kBetween) blocks.back().line = number;
      blocks.back().commands.push_back(line);
      state = kCommands;
    }
  }
  if (state == kCommands) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", blocks.back().line, ": ", kSeparator, " is missing below"));
  }
  return blocks;
}

std::string FormatScript(const std::vector<Block>& blocks) {
  std::string text;
  const auto add = [&](const std::vector<std::string>& lines) {
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  };
  for (const Block& block : blocks) {
    add(block.before);
    if (block.commands.empty()) continue;
    add(block.commands);
    add({kSeparator});
    add(block.output);
  }
  while (absl::EndsWith(text, "\n\n")) text.pop_back();
  return text;
}

}  // namespace clusterkit::scenario
