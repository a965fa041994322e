#include "clusterkit_top/words.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace clusterkit_top {
namespace {

constexpr std::string_view kShardLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kMostShards = 4096;
constexpr size_t kShortId = 8;

std::string Short(std::string_view id) { return std::string(id.substr(0, kShortId)); }

int FirstSlot(const Node& node) {
  return node.slots.empty() ? clusterkit::kSlotCount : node.slots.front().first.value;
}

}  // namespace

std::string Span(int64_t ms) {
  if (ms < 1000) return absl::StrCat(ms, " ms");
  const int64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
  if (minutes == 0) return absl::StrFormat("%d.%d s", seconds, ms % 1000 / 100);
  if (hours == 0) return absl::StrFormat("%dm%02ds", minutes, seconds % 60);
  if (hours < 24) return absl::StrFormat("%dh%02dm", hours, minutes % 60);
  return absl::StrFormat("%dd%02dh", hours / 24, hours % 24);
}

std::string Amount(double value) {
  constexpr double kShort = 9999;
  return value <= kShort ? absl::StrFormat("%.0f", value) : Rate(value);
}

std::string Rate(double value) {
  constexpr std::string_view kUnits[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  const int digits = value < 9.95 && value > 0 ? 1 : 0;
  return absl::StrFormat("%.*f", digits, value) + std::string(kUnits[unit]);
}

std::string Ranges(const std::vector<clusterkit::SlotRange>& ranges) {
  std::string text;
  for (const clusterkit::SlotRange& range : ranges) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", range.first.value);
    if (range.last != range.first) absl::StrAppend(&text, "-", range.last.value);
  }
  return text;
}

std::string Counted(uint64_t count, const std::string& thing) {
  return absl::StrCat(count, " ", thing, count == 1 ? "" : "s");
}

std::string NameOf(const Node& node) {
  if (!node.name.empty()) return node.name;
  const bool v6 = node.host.find(':') != std::string::npos;
  return absl::StrCat(v6 ? "[" : "", node.host, v6 ? "]:" : ":",
                      node.handshake ? node.bus_port : node.port);
}

const Node* Find(const Status& status, std::string_view id) {
  const auto found = std::find_if(status.nodes.begin(), status.nodes.end(),
                                  [id](const Node& node) { return node.id == id; });
  return found == status.nodes.end() ? nullptr : &*found;
}

const Node* Self(const Status& status) {
  const auto found = std::find_if(status.nodes.begin(), status.nodes.end(),
                                  [](const Node& node) { return node.self; });
  return found == status.nodes.end() ? nullptr : &*found;
}

std::string NameOf(const Status& status, std::string_view id) {
  const Node* node = Find(status, id);
  return node == nullptr ? Short(id) : NameOf(*node);
}

std::string WithNames(std::string_view text, const Status& status) {
  std::map<std::string, std::string> names;
  for (const Node& node : status.nodes) {
    // Two ids that begin alike: no name is better than the wrong one.
    const auto [at, added] = names.try_emplace(Short(node.id), NameOf(node));
    if (!added) at->second = at->first;
  }
  std::string named;
  while (!text.empty()) {
    const bool word = absl::ascii_isalnum(text.front());
    size_t size = 1;
    while (size < text.size() && absl::ascii_isalnum(text[size]) == word) ++size;
    const std::string part(text.substr(0, size));
    const auto found = names.find(part);
    named += found == names.end() ? part : found->second;
    text.remove_prefix(size);
  }
  return named;
}

std::string Word(Health health) {
  switch (health) {
    case Health::kOnline:
      return "online";
    case Health::kPfail:
      return "pfail";
    case Health::kFail:
      return "FAIL";
  }
  return "online";
}

void ShardNames::Learn(const Status& status) {
  std::map<std::string, int> first_slot;
  for (const Node& node : status.nodes) {
    if (node.handshake || index_.count(node.shard) != 0) continue;
    int& first = first_slot.try_emplace(node.shard, clusterkit::kSlotCount).first->second;
    first = std::min(first, FirstSlot(node));
  }
  std::vector<std::tuple<int, std::string>> found;
  for (const auto& [shard, first] : first_slot) found.emplace_back(first, shard);
  std::sort(found.begin(), found.end());
  for (const auto& [first, shard] : found) {
    if (index_.size() < kMostShards) index_.emplace(shard, static_cast<int>(index_.size()));
  }
}

int ShardNames::IndexOf(const std::string& shard) const {
  const auto found = index_.find(shard);
  return found == index_.end() ? -1 : found->second;
}

char ShardNames::LetterOf(const std::string& shard) const {
  const auto index = static_cast<size_t>(IndexOf(shard));
  return index < kShardLetters.size() ? kShardLetters[index] : '#';
}

}  // namespace clusterkit_top
