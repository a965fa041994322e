#include "kvserver/containers.h"

#include "kvserver/text.h"

namespace kv {
namespace {

// The defaults of Redis's set-max-intset-entries, hash-max-listpack-entries and -value.
constexpr size_t kMaxIntset = 512;
constexpr size_t kMaxListpackFields = 512;
constexpr size_t kMaxListpackBytes = 64;

}  // namespace

bool SetValue::Add(std::string_view member) {
  if (Contains(member)) return false;
  members_.Add({std::string(member)});
  int64_t integer = 0;
  intset_ = intset_ && size() <= kMaxIntset && ParseInt(member, &integer);
  return true;
}

const std::string* HashValue::Find(std::string_view name) const {
  const HashField* field = fields_.Find(name);
  return field == nullptr ? nullptr : &field->value;
}

bool HashValue::Set(std::string_view name, std::string_view value) {
  HashField* field = fields_.Find(name);
  const bool created = field == nullptr;
  if (created) {
    fields_.Add({std::string(name), std::string(value)});
  } else {
    field->value.assign(value);
  }
  listpack_ = listpack_ && size() <= kMaxListpackFields && name.size() <= kMaxListpackBytes &&
              value.size() <= kMaxListpackBytes;
  return created;
}

}  // namespace kv
