#include "kvserver/value.h"

#include <algorithm>

#include "kvserver/text.h"

namespace kv {

Value::Value(ValueType type) {
  switch (type) {
    case ValueType::kString:
      break;
    case ValueType::kList:
      data_ = std::make_unique<ListValue>();
      break;
    case ValueType::kSet:
      data_ = std::make_unique<SetValue>();
      break;
    case ValueType::kHash:
      data_ = std::make_unique<HashValue>();
      break;
    case ValueType::kSortedSet:
      data_ = std::make_unique<SortedSetValue>();
      break;
  }
}

Value Value::Copy() const {
  Value copy(type());
  switch (type()) {
    case ValueType::kString:
      copy.string() = string();
      break;
    case ValueType::kList:
      copy.list() = list();
      break;
    case ValueType::kSet:
      for (const SetMember& member : set().members()) copy.set().Add(member.name);
      break;
    case ValueType::kHash:
      for (const HashField& field : hash().fields()) copy.hash().Set(field.name, field.value);
      break;
    case ValueType::kSortedSet:
      copy.sorted_set().Expect(sorted_set().size());
      for (const ScoredMember* member = sorted_set().AtRank(0); member != nullptr;
           member = member->next()) {
        copy.sorted_set().Set(member->name(), member->score());
      }
      break;
  }
  return copy;
}

bool Value::Append(Value more) {
  if (more.type() != type()) return false;
  bool all_new = true;
  switch (type()) {
    case ValueType::kString:
      string() += more.string();
      break;
    case ValueType::kList:
      for (std::string& element : more.list()) list().push_back(std::move(element));
      break;
    case ValueType::kSet:
      for (const SetMember& member : more.set().members()) all_new &= set().Add(member.name);
      break;
    case ValueType::kHash:
      for (const HashField& field : more.hash().fields()) {
        all_new &= hash().Set(field.name, field.value);
      }
      break;
    case ValueType::kSortedSet:
      for (const ScoredMember* member = more.sorted_set().AtRank(0); member != nullptr;
           member = member->next()) {
        all_new &= sorted_set().Set(member->name(), member->score());
      }
      break;
  }
  return all_new;
}

size_t Value::element_count() const {
  switch (type()) {
    case ValueType::kString:
      break;
    case ValueType::kList:
      return list().size();
    case ValueType::kSet:
      return set().size();
    case ValueType::kHash:
      return hash().size();
    case ValueType::kSortedSet:
      return sorted_set().size();
  }
  return 1;
}

size_t Value::FreeSome(size_t count) {
  switch (type()) {
    case ValueType::kString:
      break;
    case ValueType::kList:
      count = std::min(count, list().size());
      for (size_t i = 0; i < count; ++i) list().pop_back();
      return count;
    case ValueType::kSet:
      return set().FreeSome(count);
    case ValueType::kHash:
      return hash().FreeSome(count);
    case ValueType::kSortedSet:
      return sorted_set().FreeSome(count);
  }
  return 0;
}

std::string_view TypeName(ValueType type) {
  constexpr std::string_view kNames[] = {"string", "list", "set", "hash", "zset"};
  return kNames[static_cast<size_t>(type)];
}

std::string_view EncodingName(const Value& value) {
  constexpr size_t kMaxEmbedded = 44;
  int64_t integer = 0;
  switch (value.type()) {
    case ValueType::kString:
      break;
    case ValueType::kList:
      return "quicklist";
    case ValueType::kSet:
      return value.set().intset() ? "intset" : "hashtable";
    case ValueType::kHash:
      return value.hash().listpack() ? "listpack" : "hashtable";
    case ValueType::kSortedSet:
      return value.sorted_set().listpack() ? "listpack" : "skiplist";
  }
  if (ParseInt(value.string(), &integer)) return "int";
  return value.string().size() <= kMaxEmbedded ? "embstr" : "raw";
}

}  // namespace kv
