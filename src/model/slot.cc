#include "clusterkit/slot.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/crc16.h"

namespace clusterkit {
namespace {

constexpr uint64_t kAllBits = ~uint64_t{0};

// The finalizer of SplitMix64: a bijection in which each input bit reaches each output bit.
constexpr uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The part of the key that decides: its first {tag} if that is not empty, else all of it.
std::string_view HashedPart(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

absl::StatusOr<SlotId> MakeSlotId(int64_t value) {
  if (value < 0 || value >= kSlotCount) {
    return absl::InvalidArgumentError(
        absl::StrCat("slot ", value, " is not in 0 to ", kSlotCount - 1));
  }
  return SlotId{static_cast<uint16_t>(value)};
}

SlotId SlotForKey(std::string_view key) {
  return SlotId{static_cast<uint16_t>(Crc16(HashedPart(key)) & (kSlotCount - 1))};
}

void SlotSet::Add(SlotRange range) {
  if (range.last < range.first) return;
  const size_t first_word = range.first.value >> 6;
  const size_t last_word = range.last.value >> 6;
  const uint64_t from_first = kAllBits << (range.first.value & 63);
  const uint64_t to_last = kAllBits >> (63 - (range.last.value & 63));
  if (first_word == last_word) {
    words_[first_word] |= from_first & to_last;
    return;
  }
  words_[first_word] |= from_first;
  for (size_t word = first_word + 1; word < last_word; ++word) words_[word] = kAllBits;
  words_[last_word] |= to_last;
}

void SlotSet::Add(const SlotSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) words_[word] |= other.words_[word];
}

void SlotSet::Remove(const SlotSet& other) {
  for (size_t word = 0; word < words_.size(); ++word) words_[word] &= ~other.words_[word];
}

bool SlotSet::Intersects(const SlotSet& other) const {
  for (size_t word = 0; word < words_.size(); ++word) {
    if ((words_[word] & other.words_[word]) != 0) return true;
  }
  return false;
}

bool SlotSet::Empty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}

int SlotSet::Count() const {
  int count = 0;
  for (uint64_t word : words_) count += std::popcount(word);
  return count;
}

std::vector<SlotRange> SlotSet::Ranges() const {
  std::vector<SlotRange> ranges;
  for (size_t word = 0; word < words_.size(); ++word) {
    uint64_t bits = words_[word];
    while (bits != 0) {
      const int low = std::countr_zero(bits);
      const int run = std::countr_one(bits >> low);
      const auto first = static_cast<uint16_t>(word * 64 + low);
      const auto last = static_cast<uint16_t>(first + run - 1);
      if (!ranges.empty() && ranges.back().last.value + 1 == first) {
        ranges.back().last.value = last;
      } else {
        ranges.push_back({{first}, {last}});
      }
      // Adding the lowest bit carries over the whole run and clears it.
      bits &= bits + (uint64_t{1} << low);
    }
  }
  return ranges;
}

uint64_t SlotSet::Digest() const {
  uint64_t digest = 0;
  bool empty = true;
  for (size_t word = 0; word < words_.size(); ++word) {
    if (words_[word] == 0) continue;
    empty = false;
    // The position is mixed before it is added, so that moving a pattern by some words is not
    // made up for by a simple change of the pattern.
    digest = Mix(digest ^ (words_[word] + Mix(word + 1)));
  }
  // Zero is kept for "no slots".
  return empty || digest != 0 ? digest : 1;
}

}  // namespace clusterkit
