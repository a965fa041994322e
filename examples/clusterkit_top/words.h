// How values are written, and what nodes and shards are called.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_WORDS_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/slot.h"
#include "clusterkit_top/status.h"

namespace clusterkit_top {

std::string Span(int64_t ms);      // 412 ms, 1.5 s, 3m12s, 2h05m, 4d01h
std::string Amount(double value);  // 812, 9999, 25k
std::string Rate(double value);    // 0.4, 12, 1.3k, 25M
std::string Ranges(const std::vector<clusterkit::SlotRange>& ranges);  // 0-5460, 7000
// "1 slot", "2 slots"
std::string Counted(uint64_t count, const std::string& thing);

// What people call it, or else where it is reached.
std::string NameOf(const Node& node);
const Node* Find(const Status& status, std::string_view id);
const Node* Self(const Status& status);
// The name of this node, or the beginning of its id if it is not known.
std::string NameOf(const Status& status, std::string_view id);
// Events name nodes by the first eight digits of their ids; this names those that are known.
std::string WithNames(std::string_view text, const Status& status);

std::string Word(Health health);

// Letters and colours of shards. Once given they stay, whatever becomes of the shard.
class ShardNames {
 public:
  // New shards get the next letters, in the order of their slots.
  void Learn(const Status& status);
  // Numbers from 0, in the order of letters; -1: not known.
  int IndexOf(const std::string& shard) const;
  char LetterOf(const std::string& shard) const;  // '#' if there are no more letters.

 private:
  std::map<std::string, int> index_;
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_WORDS_H_
