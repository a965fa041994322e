// What a shard holds, and how one copy of it becomes the next: pure values, without network or
// cluster.
//
// A shard is a row of changes. A change has a number, its offset; who has applied all changes up to
// an offset has the same data as everybody else who has, within one history. A history begins with
// an election: its changes have one author.

#ifndef CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_H_
#define CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/types.h"

namespace sharded_counter {

// So that all of a shard fits into one line of less than 1 MiB.
inline constexpr size_t kMostKeys = 10000;
inline constexpr size_t kLongestKey = 64;
// 1 to kLongestKey letters, digits and any of -_.:{}
bool IsKey(std::string_view text);

struct Increment {
  std::string key;
};
// A node is about to be given a copy. From now on it may be elected, so that whatever is
// acknowledged has to be there, too.
struct AddHolder {
  clusterkit::NodeId node;
};
struct RemoveHolder {
  clusterkit::NodeId node;
};
using Change = std::variant<Increment, AddHolder, RemoveHolder>;

struct Data {
  enum class Kind {
    kNothing,  // Not of this shard, or lost.
    kCopy,     // Complete up to `offset`.
    // Written as a primary. If that is replaced, nobody knows whether its successor had all of it,
    // so that it is no copy until it has become one again.
    kOwn,
  } kind = Kind::kNothing;
  // Config epoch of the primary that it is from: the fencing token.
  clusterkit::Epoch epoch;
  clusterkit::Epoch history;
  uint64_t offset = 0;
  // Who may have a copy beside the primary, and since which offset.
  std::map<clusterkit::NodeId, uint64_t> holders;
  std::map<std::string, uint64_t> counters;

  // As clusterkit understands it. A primary's own data does not count as a copy: its node must not
  // stand with it in the moments after it was replaced.
  clusterkit::Progress progress() const { return {history, offset, kind == Kind::kCopy}; }

  // The next change. What it asks must be possible; see Take().
  void Apply(const Change& change);
  // The next change as a primary tells it. FailedPrecondition: the primary is fenced, because there
  // was one with a greater config epoch. DataLoss: not the next one. ResourceExhausted.
  absl::Status Take(clusterkit::Epoch epoch, uint64_t offset, const Change& change);
  // Everything. FailedPrecondition: as above.
  absl::Status TakeCopy(const Data& copy);
};

// Lines of text, without their ends: COPY|OWN|NOTHING epoch history offset [id@since ...] [key=n
// ...]
std::string Format(const Data& data);
absl::StatusOr<Data> ParseData(std::string_view line);

// DO epoch offset INCR key, DO epoch offset ADD id, DO epoch offset REMOVE id
struct NumberedChange {
  clusterkit::Epoch epoch;
  uint64_t offset = 0;
  Change change;
};
std::string Format(const NumberedChange& numbered);
absl::StatusOr<NumberedChange> ParseChange(std::string_view line);

}  // namespace sharded_counter

#endif  // CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_H_
