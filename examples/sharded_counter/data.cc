#include "sharded_counter/data.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sharded_counter {
namespace {

using clusterkit::Epoch;
using clusterkit::NodeId;
using Words = std::vector<absl::string_view>;

constexpr const char* kKindNames[] = {"NOTHING", "COPY", "OWN"};

struct WriteChange {
  std::string operator()(const Increment& c) const { return absl::StrCat("INCR ", c.key); }
  std::string operator()(const AddHolder& c) const { return absl::StrCat("ADD ", c.node.ToHex()); }
  std::string operator()(const RemoveHolder& c) const {
    return absl::StrCat("REMOVE ", c.node.ToHex());
  }
};

// All of these leave `out` alone if the word is not what it should be.
bool Read(absl::string_view word, uint64_t& out) {
  uint64_t number = 0;
  return absl::SimpleAtoi(word, &number) && (out = number, true);
}
bool Read(absl::string_view word, Epoch& out) { return Read(word, out.value); }
bool Read(absl::string_view word, NodeId& out) {
  const absl::StatusOr<NodeId> id = NodeId::FromHex({word.data(), word.size()});
  return id.ok() && (out = *id, true);
}
bool Read(absl::string_view word, std::string& out) {
  return IsKey({word.data(), word.size()}) && (out = std::string(word), true);
}
bool Read(absl::string_view word, Data::Kind& out) {
  const auto* found = std::find(std::begin(kKindNames), std::end(kKindNames), word);
  if (found == std::end(kKindNames)) return false;
  out = static_cast<Data::Kind>(found - std::begin(kKindNames));
  return true;
}

template <typename Key>
bool ReadPair(absl::string_view word, char separator, std::map<Key, uint64_t>& out) {
  const std::pair<absl::string_view, absl::string_view> pair =
      absl::StrSplit(word, absl::MaxSplits(separator, 1));
  Key key;
  return Read(pair.first, key) && Read(pair.second, out[key]);
}

Words WordsOf(std::string_view line) {
  return absl::StrSplit(absl::string_view(line.data(), line.size()), ' ');
}

absl::Status Malformed(std::string_view line) {
  return absl::InvalidArgumentError(absl::StrCat(
      "malformed: ", absl::string_view(line.data(), std::min<size_t>(line.size(), 80))));
}

}  // namespace

bool IsKey(std::string_view text) {
  if (text.empty() || text.size() > kLongestKey) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("-_.:{}").find(c) != absl::string_view::npos;
  });
}

void Data::Apply(const Change& change) {
  ++offset;
  if (const auto* increment = std::get_if<Increment>(&change)) ++counters[increment->key];
  if (const auto* add = std::get_if<AddHolder>(&change)) holders[add->node] = offset;
  if (const auto* remove = std::get_if<RemoveHolder>(&change)) holders.erase(remove->node);
}

absl::Status Data::Take(Epoch from, uint64_t number, const Change& change) {
  if (from < epoch) return absl::FailedPreconditionError("from a primary that was replaced");
  if (kind != Kind::kCopy || number != offset + 1)
    return absl::DataLossError("not the next change");
  if (const auto* increment = std::get_if<Increment>(&change);
      increment != nullptr && counters.size() >= kMostKeys && !counters.contains(increment->key)) {
    return absl::ResourceExhaustedError("too many keys");
  }
  epoch = from;
  Apply(change);
  return absl::OkStatus();
}

absl::Status Data::TakeCopy(const Data& copy) {
  if (copy.epoch < epoch) return absl::FailedPreconditionError("from a primary that was replaced");
  *this = copy;
  kind = Kind::kCopy;
  return absl::OkStatus();
}

std::string Format(const Data& data) {
  std::string line = absl::StrCat(kKindNames[static_cast<size_t>(data.kind)], " ", data.epoch.value,
                                  " ", data.history.value, " ", data.offset);
  for (const auto& [id, since] : data.holders) absl::StrAppend(&line, " ", id.ToHex(), "@", since);
  for (const auto& [key, count] : data.counters) absl::StrAppend(&line, " ", key, "=", count);
  return line;
}

absl::StatusOr<Data> ParseData(std::string_view line) {
  const Words words = WordsOf(line);
  Data data;
  if (words.size() < 4 || !Read(words[0], data.kind) || !Read(words[1], data.epoch) ||
      !Read(words[2], data.history) || !Read(words[3], data.offset)) {
    return Malformed(line);
  }
  for (size_t i = 4; i < words.size(); ++i) {
    const bool holder = words[i].find('@') != absl::string_view::npos;
    if (!(holder ? ReadPair(words[i], '@', data.holders)
                 : ReadPair(words[i], '=', data.counters))) {
      return Malformed(line);
    }
  }
  return data;
}

std::string Format(const NumberedChange& numbered) {
  return absl::StrCat("DO ", numbered.epoch.value, " ", numbered.offset, " ",
                      std::visit(WriteChange(), numbered.change));
}

absl::StatusOr<NumberedChange> ParseChange(std::string_view line) {
  const Words words = WordsOf(line);
  NumberedChange read;
  Increment increment;
  NodeId node;
  if (words.size() != 5 || words[0] != "DO" || !Read(words[1], read.epoch) ||
      !Read(words[2], read.offset)) {
    return Malformed(line);
  }
  if (words[3] == "INCR" && Read(words[4], increment.key)) {
    read.change = increment;
  } else if (words[3] == "ADD" && Read(words[4], node)) {
    read.change = AddHolder{node};
  } else if (words[3] == "REMOVE" && Read(words[4], node)) {
    read.change = RemoveHolder{node};
  } else {
    return Malformed(line);
  }
  return read;
}

}  // namespace sharded_counter
