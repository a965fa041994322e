#ifndef KVSERVER_CONTAINERS_H_
#define KVSERVER_CONTAINERS_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "kvserver/member_table.h"

namespace kv {

// The values that hold others. A container that is stored under a key is never empty.

using ListValue = std::deque<std::string>;
enum class ListEnd : uint8_t { kHead, kTail };

struct SetMember {
  std::string name;
};

class SetValue {
 public:
  const MemberTable<SetMember>& members() const { return members_; }
  size_t size() const { return members_.size(); }
  bool Contains(std::string_view member) const { return members_.Find(member) != nullptr; }

  // False: it was there already.
  bool Add(std::string_view member);
  bool Remove(std::string_view member) { return members_.Remove(member); }
  void RemoveAt(size_t position) { members_.RemoveAt(position); }
  size_t FreeSome(size_t count) { return members_.FreeSome(count); }

  // Whether Redis would keep this set as an intset: few members, all integers, and so ever since
  // it was made.
  bool intset() const { return intset_; }

 private:
  MemberTable<SetMember> members_;
  bool intset_ = true;
};

struct HashField {
  std::string name;
  std::string value;
};

class HashValue {
 public:
  const MemberTable<HashField>& fields() const { return fields_; }
  size_t size() const { return fields_.size(); }
  // The field's value; null if absent.
  const std::string* Find(std::string_view name) const;

  // True: the field is new.
  bool Set(std::string_view name, std::string_view value);
  bool Remove(std::string_view name) { return fields_.Remove(name); }
  size_t FreeSome(size_t count) { return fields_.FreeSome(count); }

  // Whether Redis would keep this hash as a listpack: few and short fields, and so ever since it
  // was made.
  bool listpack() const { return listpack_; }

 private:
  MemberTable<HashField> fields_;
  bool listpack_ = true;
};

}  // namespace kv

#endif  // KVSERVER_CONTAINERS_H_
