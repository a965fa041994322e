// One line of a script: a command, words and name=value pairs.
//
//   crash p1 p2 lose
//   cluster primaries=3 node-timeout=2s

#ifndef CLUSTERKIT_SIM_COMMAND_H_
#define CLUSTERKIT_SIM_COMMAND_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clusterkit/options.h"
#include "clusterkit/slot.h"

namespace clusterkit::sim {

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

absl::StatusOr<absl::Duration> ParseTime(const std::string& text);
absl::StatusOr<bool> ParseSwitch(const std::string& text);
// "0-100,200"
absl::StatusOr<SlotSet> ParseSlots(const std::string& text);
// Reads what options a cluster or node is to have: node-timeout=2s, full-coverage=off, ...
absl::Status ApplyOptions(const Command& command, Options& options);

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_COMMAND_H_
