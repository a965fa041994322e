// Hash slots: the unit of ownership. Keys hash to slots; nodes own sets of slots.

#ifndef CLUSTERKIT_SLOT_H_
#define CLUSTERKIT_SLOT_H_

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace clusterkit {

inline constexpr uint16_t kSlotCount = 16384;

// REQUIRES: value < kSlotCount. A type of its own, so that it is not a port and not a count.
struct SlotId {
  uint16_t value = 0;
  friend auto operator<=>(const SlotId&, const SlotId&) = default;
};

// InvalidArgument, with the value, if it is not below kSlotCount.
absl::StatusOr<SlotId> MakeSlotId(int64_t value);

// Inclusive at both ends.
struct SlotRange {
  SlotId first, last;
  friend auto operator<=>(const SlotRange&, const SlotRange&) = default;
};

// CRC16 (XMODEM) of the key, or of its {tag}, modulo kSlotCount. Binary safe.
// Spec: "Key distribution model", "Hash tags".
SlotId SlotForKey(std::string_view key);

// A 2 KiB value; iterates in slot order.
class SlotSet {
 public:
  SlotSet() = default;
  // Not trivial, because std::optional copies all of a trivial type even if it is empty, as are
  // those of nearly all headers.
  SlotSet(const SlotSet& other) : words_(other.words_) {}
  SlotSet& operator=(const SlotSet& other) {
    words_ = other.words_;
    return *this;
  }
  static SlotSet Of(SlotRange range) {
    SlotSet set;
    set.Add(range);
    return set;
  }

  void Add(SlotId slot) { words_[slot.value >> 6] |= Bit(slot); }
  void Add(SlotRange range);
  void Add(const SlotSet& other);
  void Remove(SlotId slot) { words_[slot.value >> 6] &= ~Bit(slot); }
  void Remove(const SlotSet& other);
  bool Contains(SlotId slot) const { return (words_[slot.value >> 6] & Bit(slot)) != 0; }
  bool Intersects(const SlotSet& other) const;
  bool Empty() const;
  int Count() const;
  // Work on 64 slots at a time: bit s % 64 of word s / 64 is slot s.
  const std::array<uint64_t, kSlotCount / 64>& words() const { return words_; }
  void AddWord(size_t word, uint64_t bits) { words_[word] |= bits; }
  void RemoveWord(size_t word, uint64_t bits) { words_[word] &= ~bits; }

  // Maximal runs, ascending.
  std::vector<SlotRange> Ranges() const;

  // 64 bits that name the content: equal sets have equal digests on every platform, and
  // different sets differ but for a chance of about 2^-64. Zero for the empty set.
  uint64_t Digest() const;

  template <typename Fn>
  void ForEach(Fn fn) const {
    for (size_t word = 0; word < words_.size(); ++word) {
      for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        const auto bit = static_cast<size_t>(std::countr_zero(bits));
        fn(SlotId{static_cast<uint16_t>(word * 64 + bit)});
      }
    }
  }

  friend bool operator==(const SlotSet&, const SlotSet&) = default;

 private:
  static uint64_t Bit(SlotId slot) { return uint64_t{1} << (slot.value & 63); }

  std::array<uint64_t, kSlotCount / 64> words_{};
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_SLOT_H_
