#ifndef KVSERVER_MEMBER_TABLE_H_
#define KVSERVER_MEMBER_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "kvserver/key_hash.h"

namespace kv {

// The name of a member of a MemberTable; overloaded for what does not hold it itself.
template <typename Member>
std::string_view NameOf(const Member& member) {
  return member.name;
}

// The members of one set or hash: found by name, picked by position, which is what fair random
// draws need, and listed in the order in which they came until one is removed from a table that
// has an index: then the last member takes its place. A `Member` is a struct with a NameOf.
template <typename Member>
class MemberTable {
 public:
  size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  const Member& operator[](size_t position) const { return members_[position]; }
  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

  // Null if absent.
  const Member* Find(std::string_view name) const {
    const size_t position = PositionOf(name);
    return position == size() ? nullptr : &members_[position];
  }
  // What its name is made of must not be changed.
  Member* Find(std::string_view name) {
    return const_cast<Member*>(std::as_const(*this).Find(name));
  }

  // Requires that the name is absent.
  void Add(Member member) {
    members_.push_back(std::move(member));
    if (index_ != nullptr) {
      AddToIndex(size() - 1);
    } else if (size() > kMaxUnindexed) {
      BuildIndex();
    }
  }

  bool Remove(std::string_view name) {
    const size_t position = PositionOf(name);
    if (position == size()) return false;
    RemoveAt(position);
    return true;
  }

  void RemoveAt(size_t position) {
    if (index_ == nullptr) {
      members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(position));
      return;
    }
    index_->erase(SlotOf(position));
    if (position != size() - 1) {
      SlotOf(size() - 1)->position = static_cast<uint32_t>(position);
      members_[position] = std::move(members_.back());
    }
    members_.pop_back();
    if (members_.capacity() / kShrinkFactor > size()) Shrink();
  }

  // Frees up to `count` members and returns how many; the table is good for nothing else then.
  size_t FreeSome(size_t count) {
    index_.reset();
    count = std::min(count, size());
    for (size_t i = 0; i < count; ++i) members_.pop_back();
    return count;
  }

 private:
  // So few are compared one by one: no index pays off, in time or in memory.
  static constexpr size_t kMaxUnindexed = 16;
  // Memory is given back when less than an eighth of it is needed.
  static constexpr size_t kShrinkFactor = 8;

  // Hashes are kept, so that a growing index reads no names.
  struct Slot {
    uint32_t hash;
    mutable uint32_t position;  // no part of hash and equality
  };
  struct Probe {
    const std::vector<Member>& members;
    std::string_view name;
    uint32_t hash;
  };
  // Spreads the 32 bits over all those that the index looks at.
  static size_t Spread(uint32_t hash) { return hash * 0x9e3779b97f4a7c15u; }
  struct Hasher {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): a given name
    size_t operator()(const Slot& slot) const { return Spread(slot.hash); }
    size_t operator()(const Probe& probe) const { return Spread(probe.hash); }
  };
  struct Equal {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): a given name
    bool operator()(const Slot& a, const Slot& b) const { return a.position == b.position; }
    bool operator()(const Slot& slot, const Probe& probe) const {
      return slot.hash == probe.hash && NameOf(probe.members[slot.position]) == probe.name;
    }
    bool operator()(const Probe& probe, const Slot& slot) const { return (*this)(slot, probe); }
  };
  using Index = absl::flat_hash_set<Slot, Hasher, Equal>;

  Probe ProbeFor(std::string_view name) const { return {members_, name, KeyHash(name)}; }

  // size() if absent.
  size_t PositionOf(std::string_view name) const {
    if (index_ != nullptr) {
      const auto slot = index_->find(ProbeFor(name));
      return slot == index_->end() ? size() : slot->position;
    }
    const auto found = std::find_if(members_.begin(), members_.end(), [name](const Member& member) {
      return NameOf(member) == name;
    });
    return static_cast<size_t>(found - members_.begin());
  }

  typename Index::iterator SlotOf(size_t position) {
    return index_->find(ProbeFor(NameOf(members_[position])));
  }

  void AddToIndex(size_t position) {
    index_->insert(Slot{KeyHash(NameOf(members_[position])), static_cast<uint32_t>(position)});
  }

  void BuildIndex() {
    index_ = std::make_unique<Index>();
    index_->reserve(size());
    for (size_t i = 0; i < size(); ++i) AddToIndex(i);
  }

  void Shrink() {
    std::vector<Member> smaller;
    smaller.reserve(size() * 2);
    std::move(members_.begin(), members_.end(), std::back_inserter(smaller));
    members_ = std::move(smaller);
    index_.reset();
    if (size() > kMaxUnindexed / 2) BuildIndex();
  }

  std::vector<Member> members_;
  std::unique_ptr<Index> index_;  // null while there are few
};

}  // namespace kv

#endif  // KVSERVER_MEMBER_TABLE_H_
