// Scenario files: commands, and what they print.
//
//   # A comment.
//   command words name=value
//   ----
//   expected output
//
// A block is one or more command lines, a line "----", and the output up to a blank line or the
// end of the file. Comments and blank lines stand between blocks.

#ifndef CLUSTERKIT_TESTS_SCENARIOS_SCRIPT_H_
#define CLUSTERKIT_TESTS_SCENARIOS_SCRIPT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace clusterkit::scenario {

// A command line, taken apart.
class Command {
 public:
  static Command Parse(const std::string& line);

  const std::string& name() const { return name_; }
  const std::vector<std::string>& words() const { return words_; }  // Without name=value.
  const std::map<std::string, std::string>& named() const { return named_; }

  // InvalidArgument, with the place, if the word is missing.
  absl::StatusOr<std::string> Word(size_t index, const char* what) const;
  bool HasWord(const std::string& word) const;
  std::string Named(const std::string& name, const std::string& otherwise) const;
  absl::StatusOr<int64_t> Number(const std::string& name, int64_t otherwise) const;
  absl::StatusOr<absl::Duration> Time(const std::string& name, absl::Duration otherwise) const;
  // on, yes, up; or off, no, down.
  absl::StatusOr<bool> Switch(const std::string& name, bool otherwise) const;

 private:
  std::string name_;
  std::vector<std::string> words_;
  std::map<std::string, std::string> named_;
};

struct Block {
  std::vector<std::string> before;    // Comments and blank lines.
  std::vector<std::string> commands;  // None in what follows the last block of a file.
  std::vector<std::string> output;
  int line = 0;                       // Of the first command, from 1.
};

// NotFound or InvalidArgument, with file and line.
absl::StatusOr<std::vector<Block>> ReadScript(const std::string& path);
std::string FormatScript(const std::vector<Block>& blocks);

absl::StatusOr<absl::Duration> ParseTime(const std::string& text);
absl::StatusOr<bool> ParseSwitch(const std::string& text);

}  // namespace clusterkit::scenario

#endif  // CLUSTERKIT_TESTS_SCENARIOS_SCRIPT_H_
