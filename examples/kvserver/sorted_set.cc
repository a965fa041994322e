#include "kvserver/sorted_set.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "kvserver/key_hash.h"

namespace kv {
namespace {

// The defaults of Redis's zset-max-listpack-entries and -value.
constexpr size_t kMaxListpackMembers = 128;
constexpr size_t kMaxListpackBytes = 64;

// Drawn from the hash of the name, which nobody outside can foresee.
size_t HeightFor(std::string_view name, size_t max_height) {
  const auto pairs = static_cast<size_t>(std::countr_zero(KeyHash(name))) / 2;
  return 1 + std::min(pairs, max_height - 1);
}

bool IsBefore(const ScoredMember& member, double score, std::string_view name) {
  return member.score() < score || (member.score() == score && member.name() < name);
}

}  // namespace

// --- Members ---

ScoredMember* SortedSetValue::NewMember(std::string_view name, double score) {
  const size_t height = HeightFor(name, kMaxHeight);
  const size_t links = height * sizeof(Link);
  static_assert(sizeof(ScoredMember) % alignof(Link) == 0);
  void* memory = ::operator new(sizeof(ScoredMember) + links + name.size());
  auto* member = new (memory) ScoredMember;
  member->score_ = score;
  member->name_size_ = static_cast<uint32_t>(name.size());
  member->height_ = static_cast<uint32_t>(height);
  for (size_t level = 0; level < height; ++level) new (member->links() + level) Link;
  std::memcpy(reinterpret_cast<char*>(member->links() + height), name.data(), name.size());
  return member;
}

void SortedSetValue::FreeMember(ScoredMember* member) { ::operator delete(member); }

SortedSetValue::~SortedSetValue() { FreeSome(size()); }

size_t SortedSetValue::FreeSome(size_t count) {
  count = table_.FreeSome(count);
  for (size_t i = 0; i < count; ++i) {
    ScoredMember* first = head_[0].next;
    head_[0].next = first->links()[0].next;
    FreeMember(first);
  }
  return count;
}

// --- By name ---

const ScoredMember* SortedSetValue::Find(std::string_view name) const {
  const ScoredMemberPointer* pointer = table_.Find(name);
  return pointer == nullptr ? nullptr : pointer->member;
}

bool SortedSetValue::Set(std::string_view name, double score) {
  const ScoredMemberPointer* pointer = table_.Find(name);
  if (pointer == nullptr) {
    listpack_ = listpack_ && size() < kMaxListpackMembers && name.size() <= kMaxListpackBytes;
  }
  // A listpack holds integers as such, and so does not know -0.
  if (listpack_ && score == 0) score = 0;
  if (pointer == nullptr) {
    ScoredMember* member = NewMember(name, score);
    Enter(member);
    table_.Add({member});
    return true;
  }
  ScoredMember* member = pointer->member;
  if (InPlaceWith(*member, score)) {
    member->score_ = score;
  } else {
    Leave(member);
    member->score_ = score;
    Enter(member);
  }
  return false;
}

void SortedSetValue::Expect(size_t members) {
  listpack_ = listpack_ && members <= kMaxListpackMembers;
}

bool SortedSetValue::Remove(std::string_view name) {
  const ScoredMemberPointer* pointer = table_.Find(name);
  if (pointer == nullptr) return false;
  ScoredMember* member = pointer->member;
  Leave(member);
  table_.Remove(name);
  FreeMember(member);
  return true;
}

// --- The order ---

SortedSetValue::Path SortedSetValue::PathTo(double score, std::string_view name) {
  Path path;
  Link* links = head_.data();
  size_t rank = 0;
  for (size_t level = kMaxHeight; level-- > 0;) {
    for (ScoredMember* next = links[level].next; next != nullptr && IsBefore(*next, score, name);
         next = links[level].next) {
      rank += links[level].distance;
      links = next->links();
    }
    path.links[level] = links + level;
    path.ranks[level] = rank;
  }
  return path;
}

// The member is not in the table yet, or is about to move: `size` below counts the others.
void SortedSetValue::Enter(ScoredMember* member) {
  const Path path = PathTo(member->score_, member->name());
  const size_t rank = path.ranks[0];
  for (size_t level = 0; level < kMaxHeight; ++level) {
    Link& before = *path.links[level];
    if (level >= member->height_) {
      ++before.distance;
      continue;
    }
    Link& own = member->links()[level];
    const auto skipped = static_cast<uint32_t>(rank - path.ranks[level]);
    own.next = before.next;
    own.distance = before.distance - skipped;
    before.next = member;
    before.distance = skipped + 1;
  }
  ScoredMember* next = member->links()[0].next;
  if (path.links[0] == head_.data()) {
    member->previous_ = nullptr;
  } else {
    // The lowest link of a member stands right behind it.
    member->previous_ = reinterpret_cast<ScoredMember*>(path.links[0]) - 1;
  }
  if (next != nullptr) next->previous_ = member;
}

void SortedSetValue::Leave(ScoredMember* member) {
  const Path path = PathTo(member->score_, member->name());
  for (size_t level = 0; level < kMaxHeight; ++level) {
    Link& before = *path.links[level];
    if (level < member->height_) {
      const Link& own = member->links()[level];
      before.next = own.next;
      before.distance += own.distance;
    }
    --before.distance;
  }
  if (member->links()[0].next != nullptr) member->links()[0].next->previous_ = member->previous_;
}

// Whether the member may have that score without a move.
bool SortedSetValue::InPlaceWith(const ScoredMember& member, double score) const {
  const ScoredMember* previous = member.previous();
  const ScoredMember* next = member.next();
  return (previous == nullptr || IsBefore(*previous, score, member.name())) &&
         (next == nullptr || !IsBefore(*next, score, member.name()));
}

size_t SortedSetValue::RankOfFirstNot(absl::FunctionRef<bool(const ScoredMember&)> before) const {
  const Link* links = head_.data();
  size_t rank = 0;
  for (size_t level = kMaxHeight; level-- > 0;) {
    for (const ScoredMember* next = links[level].next; next != nullptr && before(*next);
         next = links[level].next) {
      rank += links[level].distance;
      links = next->links();
    }
  }
  return rank;
}

size_t SortedSetValue::RankOf(const ScoredMember& member) const {
  return RankOfFirstNot([&member](const ScoredMember& other) {
    return IsBefore(other, member.score(), member.name());
  });
}

const ScoredMember* SortedSetValue::AtRank(size_t rank) const {
  if (rank >= size()) return nullptr;
  const Link* links = head_.data();
  const ScoredMember* member = nullptr;
  size_t left = rank + 1;
  for (size_t level = kMaxHeight; level-- > 0;) {
    while (links[level].next != nullptr && links[level].distance <= left) {
      left -= links[level].distance;
      member = links[level].next;
      links = member->links();
    }
  }
  return member;
}

void SortedSetValue::RemoveRanks(size_t first, size_t count) {
  const ScoredMember* member = AtRank(first);
  for (; count > 0 && member != nullptr; --count) {
    const ScoredMember* next = member->next();
    Remove(member->name());
    member = next;
  }
}

}  // namespace kv
