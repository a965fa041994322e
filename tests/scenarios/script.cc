#include "scenarios/script.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace clusterkit::scenario {
namespace {

constexpr char kSeparator[] = "----";

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(" \t") == std::string::npos;
}

}  // namespace

Command Command::Parse(const std::string& line) {
  Command command;
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const size_t equals = word.find('=');
    if (command.name_.empty()) {
      command.name_ = std::string(word);
    } else if (equals == absl::string_view::npos) {
      command.words_.emplace_back(word);
    } else {
      command.named_[std::string(word.substr(0, equals))] = std::string(word.substr(equals + 1));
    }
  }
  return command;
}

absl::StatusOr<std::string> Command::Word(size_t index, const char* what) const {
  if (index < words_.size()) return words_[index];
  return absl::InvalidArgumentError(absl::StrCat(name_, ": ", what, " is missing"));
}

bool Command::HasWord(const std::string& word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

std::string Command::Named(const std::string& name, const std::string& otherwise) const {
  const auto found = named_.find(name);
  return found == named_.end() ? otherwise : found->second;
}

absl::StatusOr<int64_t> Command::Number(const std::string& name, int64_t otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  int64_t value = 0;
  if (absl::SimpleAtoi(found->second, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(name, "=", found->second, " is no number"));
}

absl::StatusOr<absl::Duration> Command::Time(const std::string& name,
                                             absl::Duration otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  return ParseTime(found->second);
}

absl::StatusOr<bool> Command::Switch(const std::string& name, bool otherwise) const {
  const auto found = named_.find(name);
  if (found == named_.end()) return otherwise;
  return ParseSwitch(found->second);
}

absl::StatusOr<absl::Duration> ParseTime(const std::string& text) {
  absl::Duration time;
  if (absl::ParseDuration(text, &time)) return time;
  return absl::InvalidArgumentError(absl::StrCat(text, " is no time: write 2s, 50ms"));
}

absl::StatusOr<bool> ParseSwitch(const std::string& text) {
  if (text == "on" || text == "yes" || text == "up") return true;
  if (text == "off" || text == "no" || text == "down") return false;
  return absl::InvalidArgumentError(absl::StrCat(text, " is neither on nor off"));
}

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
