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

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace clusterkit::scenario {

struct Block {
  std::vector<std::string> before;    // Comments and blank lines.
  std::vector<std::string> commands;  // None in what follows the last block of a file.
  std::vector<std::string> output;
  int line = 0;  // Of the first command, from 1.
};

// NotFound or InvalidArgument, with file and line.
absl::StatusOr<std::vector<Block>> ReadScript(const std::string& path);
std::string FormatScript(const std::vector<Block>& blocks);

}  // namespace clusterkit::scenario

#endif  // CLUSTERKIT_TESTS_SCENARIOS_SCRIPT_H_
