#ifndef KVSERVER_SORTED_SET_H_
#define KVSERVER_SORTED_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "kvserver/member_table.h"

namespace kv {

// A member of a sorted set and its place in the order, in one allocation: the links of the skip
// list follow the struct, and behind them the bytes of the name.
class ScoredMember {
 public:
  double score() const { return score_; }
  std::string_view name() const {
    return {reinterpret_cast<const char*>(links() + height_), name_size_};
  }
  // The neighbours in the order; null at its ends.
  const ScoredMember* next() const { return links()[0].next; }
  const ScoredMember* previous() const { return previous_; }

 private:
  friend class SortedSetValue;

  // One level of the skip list: the next member that is so high, and how many places on it is;
  // behind the last one that is, how many members follow.
  struct Link {
    ScoredMember* next = nullptr;
    uint32_t distance = 0;
  };

  const Link* links() const { return reinterpret_cast<const Link*>(this + 1); }
  Link* links() { return reinterpret_cast<Link*>(this + 1); }

  ScoredMember* previous_ = nullptr;
  double score_ = 0;
  uint32_t name_size_ = 0;
  uint32_t height_ = 0;
};

// What a sorted set's MemberTable holds.
struct ScoredMemberPointer {
  ScoredMember* member;
};
inline std::string_view NameOf(const ScoredMemberPointer& pointer) {
  return pointer.member->name();
}

// The value of a sorted set: members found by name through a MemberTable, and kept in the order of
// score and name by a skip list that counts what it skips, so that ranks take O(log n) both ways.
// Names are compared as bytes. A score is never NaN.
class SortedSetValue {
 public:
  SortedSetValue() = default;
  ~SortedSetValue();
  SortedSetValue(const SortedSetValue&) = delete;
  SortedSetValue& operator=(const SortedSetValue&) = delete;

  size_t size() const { return table_.size(); }
  // Null if absent.
  const ScoredMember* Find(std::string_view name) const;
  // True: the member is new.
  bool Set(std::string_view name, double score);
  bool Remove(std::string_view name);

  // --- The order; ranks begin with 0. ---
  // Null beyond the last one.
  const ScoredMember* AtRank(size_t rank) const;
  size_t RankOf(const ScoredMember& member) const;
  // The rank of the first member for which `before` is false. It must be true of members up to
  // some place in the order, and of none behind it.
  size_t RankOfFirstNot(absl::FunctionRef<bool(const ScoredMember&)> before) const;
  void RemoveRanks(size_t first, size_t count);

  // The members by position, as a MemberTable has them: for scans and random draws.
  const ScoredMember& AtPosition(size_t position) const { return *table_[position].member; }

  // Frees up to `count` members and returns how many; the value is good for nothing else then.
  size_t FreeSome(size_t count);

  // Says how many members will be set, where that is known before the first.
  void Expect(size_t members);

  // Whether Redis would keep this sorted set as a listpack: few and short members, and so ever
  // since it was made.
  bool listpack() const { return listpack_; }

 private:
  using Link = ScoredMember::Link;

  // A quarter of the members of each level reach the next one: 16 levels serve 4^16 members.
  static constexpr size_t kMaxHeight = 16;

  // Where a member belongs: for each level the last link in front of it, and the rank of what
  // holds that link, plus 1; 0 for the head.
  struct Path {
    std::array<Link*, kMaxHeight> links;
    std::array<size_t, kMaxHeight> ranks;
  };

  static ScoredMember* NewMember(std::string_view name, double score);
  static void FreeMember(ScoredMember* member);
  Path PathTo(double score, std::string_view name);
  void Enter(ScoredMember* member);
  void Leave(ScoredMember* member);
  bool InPlaceWith(const ScoredMember& member, double score) const;

  MemberTable<ScoredMemberPointer> table_;
  std::array<Link, kMaxHeight> head_ = {};
  bool listpack_ = true;
};

}  // namespace kv

#endif  // KVSERVER_SORTED_SET_H_
